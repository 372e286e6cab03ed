"""One problem of a helpdesk caller: its article, what was answered and tried, and how urgent it has become."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from voice_agent.agents.dialogue.grammar import Act, Utterance, fold
from voice_agent.agents.helpdesk_tools import priority_of
from voice_agent.agents.pack_schema import Answer, Article, Ask, Escalation, OperatingSystem, Priority, Step

_DESKTOP = frozenset({"windows", "mac", "linux"})
_MOBILE = frozenset({"ios", "android"})
_SYSTEMS: tuple[tuple[OperatingSystem, re.Pattern[str]], ...] = (
    ("windows", re.compile(r"\bwindows\b")),
    ("mac", re.compile(r"\b(?:mac|macbook|imac|macos|apple computer)\b")),
    ("linux", re.compile(r"\b(?:linux|ubuntu)\b")),
    ("ios", re.compile(r"\b(?:iphone|ipad|ios)\b")),
    ("android", re.compile(r"\b(?:android|samsung|pixel)\b")),
)
_EVERYONE = re.compile(
    r"\b(?:everyone|everybody|nobody|all of us|whole (?:office|team|floor|company|department)|entire \w+)\b"
)
_NEGATED = re.compile(r"\b(?:not|never|havent|didnt|hasnt|dont|doesnt|wasnt|without)\b")


@dataclass(frozen=True, slots=True)
class SaysRule:
    """A `says:` condition, ready to be compared: every word of one phrase must occur, and nothing be denied."""

    article: Article
    rule: Escalation
    phrases: tuple[frozenset[str], ...]

    def applies(self, words: frozenset[str]) -> bool:
        """`words` are those of `told`."""
        return any(phrase and phrase <= words for phrase in self.phrases)


def says_rules(articles: Mapping[str, Article]) -> tuple[SaysRule, ...]:
    """All `says:` conditions of these articles, the most urgent first."""
    rules = [
        SaysRule(article, rule, tuple(_compared(phrase) for phrase in rule.cond.removeprefix("says:").split(",")))
        for article in articles.values()
        for rule in article.escalate_if
        if rule.cond.startswith("says:")
    ]
    return tuple(sorted(rules, key=lambda rule: rule.rule.priority))


def told(text: str) -> frozenset[str]:
    """The words of an utterance as `says:` conditions see them; none if it denies something."""
    folded = fold(text)
    return frozenset() if _NEGATED.search(folded) else _compared(folded)


def _compared(text: str) -> frozenset[str]:
    return frozenset(fold(text).replace("-", "").replace("email", "mail").split())


@dataclass(slots=True)
class Case:
    problem: str
    """In the caller's own words."""
    article: Article | None = None
    tried: list[str] = field(default_factory=list)
    failed: int = 0
    everyone: bool = False
    system: OperatingSystem | None = None
    rule: Escalation | None = None
    details: list[str] = field(default_factory=list)

    def notice(self, utterance: Utterance) -> None:
        """Takes note of what callers mention in passing: the operating system, how many are affected."""
        folded = fold(utterance.text)
        for system, pattern in _SYSTEMS:
            if pattern.search(folded):
                self.system = system
        if _EVERYONE.search(folded):
            self.everyone = True

    @property
    def title(self) -> str:
        return self.article.title if self.article else self.problem[:120] or "Request for help"

    @property
    def category(self) -> str:
        return self.article.category if self.article else "other"

    @property
    def priority(self) -> Priority:
        """The more urgent of the article's impact x urgency and of the rule that escalated."""
        impact = self.article.default_impact if self.article else "low"
        urgency = self.article.default_urgency if self.article else "medium"
        if self.everyone:
            impact = "high"
        computed = priority_of(impact, urgency)
        return min(computed, self.rule.priority) if self.rule else computed

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


def answer_to(ask: Ask, utterance: Utterance) -> Answer | None:
    """Yes, no or unsure; None if it is neither. What the article counts as an answer goes first."""
    padded = f" {fold(utterance.main)} "
    for answer in ("no", "yes"):
        for phrase in ask.words.get(answer, ()):
            if f" {fold(phrase)} " in padded and not (answer == "yes" and _NEGATED.search(padded)):
                return answer
    if utterance.does(Act.UNSURE):
        return "unsure"
    if utterance.does(Act.NO, Act.BROKEN):
        return "no"
    return "yes" if utterance.does(Act.YES, Act.DONE, Act.FIXED) else None
