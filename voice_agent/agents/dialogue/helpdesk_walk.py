"""Walks a caller through one article: what to find out, its key questions, one step at a time, and whether it helped.

What cannot be settled here goes back to the script as an outcome: solved, to be escalated, another problem, or an
utterance that makes no sense here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from voice_agent.agents.dialogue.grammar import Act, Utterance, fold
from voice_agent.agents.dialogue.helpdesk_case import Case, answer_in, answer_to
from voice_agent.agents.dialogue.wording import vary
from voice_agent.agents.pack_schema import ESCALATE, NEXT, STEPS, Answer, Ask, Background, Escalation, Step
from voice_agent.facts import StepTried

_OTHER_PROBLEM = re.compile(
    r"\b(?:thats|that is|its|it is) not (?:it|my problem|the problem|what i)\b|\bwrong problem\b"
)
_NOBODY = re.compile(r"^(?:nobody|no one|none)\b")
_BY_ITSELF = re.compile(r"\b(?:now|again|fixed|solved|resolved)\b")
_TOLD_ERROR = re.compile(r"\b(?:it says|says|error|message|code)\b")
_TOLD_CHANGE = re.compile(r"\b(?:since|after|update|updated|new|moved|installed)\b")
_HOW = re.compile(
    r"^(?:(?:and|but|ok|okay|um|sorry) )*(?:how (?:do|can|should|would) i|where (?:is|are|do|can|would))\b"
)
_NOT_THERE = re.compile(r"\b(?:cant|cannot|dont|do not) (?:see|find|have)\b|\bthere is no such\b")
_BACKGROUND: dict[Background, str] = {
    "scope": "Are other people affected too?",
    "change": "Did anything change just before, such as an update, a move or a new device?",
    "error": "What does the screen say, word for word? Say nothing if there is no message.",
}
_ANOTHER_WAY = ("Okay, another way.", "All right, let us try something else.", "Then one more thing.")
_TELL_ME = ("Tell me when you have done it.", "Say done when you are ready.", "Let me know when that is done.")


@dataclass(frozen=True, slots=True)
class Say:
    """Said, and the caller's answer awaited."""

    text: str


@dataclass(frozen=True, slots=True)
class Solved:
    """The caller says that it works."""


@dataclass(frozen=True, slots=True)
class Escalate:
    """A person has to go on, with what the article's rule says about it."""

    opening: str
    rule: Escalation | None


@dataclass(frozen=True, slots=True)
class NotThis:
    """The caller says that this is not the problem."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Not understood here; how to ask again, in words that differ from the first time."""

    again: str


_HowItWent = Literal["worked", "failed", "skipped"]
Outcome = Say | Solved | Escalate | NotThis | Missed


class _At(Enum):
    BACKGROUND = auto()
    ASK = auto()
    SYSTEM = auto()
    STEP = auto()
    VERIFY = auto()


class Walk:
    """One article with one caller. `case` has the article, and gets what is found out and tried."""

    def __init__(self, case: Case, failed_steps: int) -> None:
        if case.article is None:
            raise ValueError("a walk needs an article")
        self._case = case
        self._article = case.article
        self._failed_steps = failed_steps
        self._at = _At.BACKGROUND
        self._unknown: list[Background] = [kind for kind in case.article.background if not self._told(kind)]
        self._ask: Ask | None = None
        self._step: Step | None = None

    def begin(self, opening: str) -> Outcome:
        if self._unknown:
            return Say(f"{opening} {_BACKGROUND[self._unknown[0]]}")
        return self._ask_or_step(self._article.ask[0] if self._article.ask else None, opening)

    def hear(self, utterance: Utterance) -> Outcome:
        if _OTHER_PROBLEM.search(fold(utterance.text)):
            return NotThis()
        match self._at:
            case _At.BACKGROUND:
                return self._background(utterance)
            case _At.ASK if self._ask:
                return self._asked(self._ask, utterance)
            case _At.SYSTEM:
                return self._system(utterance)
            case _At.VERIFY:
                return self._verifying(utterance)
            case _:
                return self._stepping(utterance)

    # --- finding out ------------------------------------------------------------------------------------------------

    def _told(self, kind: Background) -> bool:
        """Callers often say it all in their first sentence: what was said is not asked."""
        folded = fold(self._case.problem)
        if kind == "scope":
            return self._case.impact is not None
        return bool((_TOLD_ERROR if kind == "error" else _TOLD_CHANGE).search(folded))

    def _background(self, utterance: Utterance) -> Outcome:
        kind = self._unknown[0]
        if kind == "scope":
            if utterance.does(Act.NO) or _NOBODY.search(fold(utterance.text)):
                self._case.impact = "low"
            if not utterance.does(Act.YES, Act.UNSURE) and self._case.impact is None:
                return Missed("Is it only you, or do others have it too? You can also say not sure.")
            if utterance.does(Act.YES) and self._case.impact is None:
                self._case.impact = "medium"
            if self._case.impact in {"medium", "high"}:
                return Escalate("Then your own device is not the cause.", self._case.rule_for("steps_failed"))
        elif not (utterance.does(Act.NO, Act.UNSURE, Act.SKIP) and utterance.brief) and utterance.words != ("nothing",):
            label = "Message" if kind == "error" else "Changed before"
            self._case.details.append(f"{label}: {utterance.text}")
        self._unknown.pop(0)
        return self.begin("Okay.")

    def _ask_or_step(self, ask: Ask | None, opening: str) -> Outcome:
        if ask is None:
            return self._give(self._case.step_from(None), opening)
        self._ask, self._at = ask, _At.ASK
        known = answer_in(ask, self._case.problem)
        return self._answered(ask, known, opening) if known else Say(f"{opening} {ask.spoken}")

    def _asked(self, ask: Ask, utterance: Utterance) -> Outcome:
        if utterance.does(Act.FIXED) and _BY_ITSELF.search(fold(utterance.text)):
            return Solved()
        answer = answer_to(ask, utterance)
        if answer is None:
            return Missed(f"Please answer yes, no or not sure. {ask.spoken}")
        return self._answered(ask, answer, "Okay.")

    def _answered(self, ask: Ask, answer: Answer, opening: str) -> Outcome:
        self._case.details.append(f"{ask.spoken} {answer.capitalize()}.")
        rule = self._case.rule_for(f"{ask.id} = {answer}")
        target = ask.answers.get(answer, NEXT)
        if rule or target == ESCALATE:
            advice = rule.advice if rule else None
            return Escalate(" ".join(filter(None, (opening, "That needs a person.", advice))), rule)
        following = self._case.ask(target) or (self._case.ask_after(ask) if target == NEXT else None)
        if following:
            return self._ask_or_step(following, opening)
        return self._give(self._case.step_from(None if target in {NEXT, STEPS} else target), opening)

    # --- trying -----------------------------------------------------------------------------------------------------

    def _give(self, step: Step | None, opening: str) -> Outcome:
        if step is None:
            return Escalate("I have no more steps for this.", self._case.rule_for("steps_failed"))
        self._step = step
        if self._case.system is None and not self._case.general(step):
            self._at = _At.SYSTEM
            return Say(f"{opening} Is it a Windows computer or a Mac?")
        self._at = _At.STEP
        self._case.open_step = step.spoken
        expect = f" {step.expect}" if step.expect else ""
        return Say(f"{opening} {step.spoken}{expect} {vary(_TELL_ME, len(self._case.steps))}")

    def _system(self, utterance: Utterance) -> Outcome:
        if self._case.system is None and not utterance.does(Act.UNSURE, Act.SKIP):
            return Missed("Please say Windows, Mac, or not sure.")
        step = self._case.step_from(self._step.id if self._step else None, after=self._case.system is None)
        return self._give(step, "Thanks.")

    def _stepping(self, utterance: Utterance) -> Outcome:
        if utterance.does(Act.TRIED):
            return self._on("failed", "Good that you tried that. Then this.", counts=False)
        if utterance.does(Act.BROKEN):
            return self._failed()
        if utterance.does(Act.FIXED):
            return self._worked()
        if utterance.does(Act.REFUSED, Act.SKIP, Act.HINT):
            return self._on("skipped", "No problem, we leave that out.", counts=False)
        folded = fold(utterance.text)
        if _HOW.search(folded) and self._step:
            return Say(
                f"{self._step.spoken} I cannot say more about it. Say skip for another way, or human for a person."
            )
        if _NOT_THERE.search(folded):
            return self._on("skipped", "Okay, then another way.", counts=False)
        if utterance.does(Act.DONE, Act.YES, Act.RESUME):
            self._at = _At.VERIFY
            return Say(f"Please try again what you wanted to do. {self._article.verify}")
        if utterance.does(Act.NO, Act.UNSURE):
            return self._failed()
        return Missed("Tell me done when you have tried it, or say skip for another way.")

    def _verifying(self, utterance: Utterance) -> Outcome:
        if utterance.does(Act.NO, Act.BROKEN):
            return self._failed()
        if utterance.does(Act.YES, Act.FIXED):
            return self._worked()
        return Missed("Please try once more what you wanted to do. Does it work now, yes or no?")

    def _worked(self) -> Outcome:
        if self._step:
            self._note(self._step, "worked")
        return Solved()

    def _failed(self) -> Outcome:
        return self._on("failed", vary(_ANOTHER_WAY, self._case.failed), counts=True)

    def _note(self, step: Step, outcome: _HowItWent) -> None:
        self._case.steps.append(StepTried(text=step.spoken, outcome=outcome))
        self._case.open_step = ""

    def _on(self, outcome: _HowItWent, opening: str, *, counts: bool) -> Outcome:
        """Notes how the step went, and gives the next one. What was refused, or tried before the call, does not count
        towards the steps that may fail."""
        step = self._step
        if step is None:
            return Escalate("I have no more steps for this.", self._case.rule_for("steps_failed"))
        self._note(step, outcome)
        self._case.failed += counts
        if step.on_fail == ESCALATE or self._case.failed >= self._failed_steps:
            sorry = "I am sorry that did not help." if counts else "I have no more steps for this."
            return Escalate(sorry, self._case.rule_for("steps_failed"))
        after = step.on_fail == NEXT
        return self._give(self._case.step_from(step.id if after else step.on_fail, after=after), opening)
