"""One problem of a helpdesk caller: its article, what was answered and tried, how urgent it is and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from voice_agent.agents.dialogue.grammar import Act, Utterance, fold
from voice_agent.agents.dialogue.helpdesk_rules import denies, impact_in, system_in
from voice_agent.agents.helpdesk_arguments import priority_of
from voice_agent.agents.pack_schema import Answer, Article, Ask, Escalation, OperatingSystem, Priority, Step, Weight
from voice_agent.facts import StepTried

_DESKTOP = frozenset({"windows", "mac", "linux"})
_MOBILE = frozenset({"ios", "android"})
_WORST: tuple[Weight, ...] = ("high", "medium", "low")
MAX_PROBLEM_CHARS = 300


@dataclass(slots=True)
class Case:
    problem: str
    """In the caller's own words."""
    article: Article | None = None
    steps: list[StepTried] = field(default_factory=list)
    failed: int = 0
    """Steps that were tried in this call and did not help."""
    impact: Weight | None = None
    """How many are affected, once that is known."""
    urgency: Weight | None = None
    """How much it hinders, once that is known."""
    system: OperatingSystem | None = None
    rule: Escalation | None = None
    details: list[str] = field(default_factory=list)
    escalation: Literal["none", "planned", "forced"] = "none"
    solved: bool = False
    open_step: str = ""
    """The step that was given last, as long as nothing is known of it."""
    summary: str = ""
    """The line that names it in its ticket."""
    number: str = ""
    """Of its ticket, as it is spoken."""

    def notice(self, utterance: Utterance) -> None:
        """Takes note of what callers mention in passing: the operating system, how many are affected."""
        self.system = system_in(utterance.text) or self.system
        self.impact = impact_in(utterance.text) or self.impact

    @property
    def title(self) -> str:
        return self.article.title if self.article else self.problem[:120] or "Request for help"

    @property
    def category(self) -> str:
        return self.article.category if self.article else "other"

    @property
    def weights(self) -> tuple[Weight, Weight]:
        """Impact and urgency: what the caller said, and the article's where nothing was said or it is worse."""
        default_impact = self.article.default_impact if self.article else "low"
        default_urgency = self.article.default_urgency if self.article else "medium"
        return _worse(self.impact, default_impact), _worse(self.urgency, default_urgency)

    @property
    def priority(self) -> Priority:
        """The more urgent of impact x urgency and of the rule that escalated."""
        computed = priority_of(*self.weights)
        return min(computed, self.rule.priority) if self.rule else computed

    @property
    def resolution(self) -> Literal["confirmed", "unconfirmed", "unresolved"]:
        if self.solved:
            return "confirmed"
        return "unconfirmed" if (self.steps or self.open_step) and self.escalation == "none" else "unresolved"

    @property
    def tried(self) -> tuple[str, ...]:
        """The steps that did not help, for whoever goes on with it."""
        return tuple(f"{step.text} ({step.outcome})" for step in self.steps if step.outcome != "worked")

    def rule_for(self, condition: str) -> Escalation | None:
        """The rule with this condition ("clicked = yes", "steps_failed")."""
        wanted = condition.replace(" ", "")
        rules = self.article.escalate_if if self.article else ()
        return next((rule for rule in rules if rule.cond.replace(" ", "") == wanted), None)

    def ask(self, ask_id: str) -> Ask | None:
        return next((ask for ask in self.article.ask if ask.id == ask_id), None) if self.article else None

    def ask_after(self, ask: Ask) -> Ask | None:
        asks = self.article.ask if self.article else ()
        return next(iter(asks[asks.index(ask) + 1 :]), None)

    def step_from(self, step_id: str | None, *, after: bool = False) -> Step | None:
        """The first step that fits the caller's system, from this one on (or after it); None id: the first."""
        steps = self.article.steps if self.article else ()
        start = 0
        for index, step in enumerate(steps):
            if step.id == step_id:
                start = index + after
        return next(self._fitting(steps[start:]), None)

    def _fitting(self, steps: tuple[Step, ...]) -> Iterator[Step]:
        return (
            step for step in steps if not step.os or self.system is None or self.general(step) or self.system in step.os
        )

    @staticmethod
    def general(step: Step) -> bool:
        """The step fits every computer, or every phone."""
        return not step.os or set(step.os) >= _DESKTOP or set(step.os) >= _MOBILE


def _worse(said: Weight | None, default: Weight) -> Weight:
    return default if said is None else min(said, default, key=_WORST.index)


def answer_in(ask: Ask, text: str) -> Answer | None:
    """What the article counts as an answer, where it occurs: also in what was said before the question was asked."""
    padded = f" {fold(text)} "
    for answer in ("no", "yes"):
        for phrase in ask.words.get(answer, ()):
            if f" {fold(phrase)} " in padded and not (answer == "yes" and denies(padded)):
                return answer
    return None


def answer_to(ask: Ask, utterance: Utterance) -> Answer | None:
    """Yes, no or unsure; None if it is neither. What the article counts as an answer goes first."""
    known = answer_in(ask, utterance.main)
    if known:
        return known
    if utterance.does(Act.UNSURE):
        return "unsure"
    if utterance.does(Act.NO, Act.BROKEN):
        return "no"
    return "yes" if utterance.does(Act.YES, Act.DONE, Act.FIXED) else None
