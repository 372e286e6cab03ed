"""Brings a problem to people: identifiers, summary, the caller's yes, the tool, and its result in words.

Three ways: a ticket is drafted, read back and created after a yes; a handover asks only how to reach the caller; an
incident is reported at once, and asks that afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from voice_agent.agents.dialogue.engine import Answer, Call
from voice_agent.agents.dialogue.grammar import Act, Utterance, fold
from voice_agent.agents.dialogue.helpdesk_case import MAX_PROBLEM_CHARS, Case
from voice_agent.agents.dialogue.ticket_form import TicketForm, slot_meant
from voice_agent.agents.helpdesk_arguments import CREATE, DRAFT, HAND_OVER, INCIDENT, priority_of, weights_of
from voice_agent.agents.pack_schema import Slot

_BLOCKED = "Can you still do your work in the meantime?"
_SAVE = "Shall I save it? Please say yes or no."
_CONTAIN = "Please disconnect that device from the network, and leave it switched on."
_KNOWN = "The security team knows."
_NO_TICKET = re.compile(r"\b(?:no ticket|cancel|forget it|never mind|dont (?:create|want|bother))\b")
_LEAVING = re.compile(r"\b(?:good ?bye|bye|i have to go|gotta go)\b")
_WHAT_TO_DO = re.compile(r"\bwhat (?:should|shall|do|can|must) i do\b|\bwhat now\b")
_CHANGE = (
    "What shall I change or add? You can also say no ticket.",
    "Okay, what else shall I change?",
)


@dataclass(frozen=True, slots=True)
class Closed:
    """The filing is over, with or without a ticket. `text` tells the caller."""

    text: str


class _At(Enum):
    BLOCKED = auto()
    """Asked whether work is stopped."""
    FORM = auto()
    CONFIRM = auto()
    """The summary was read back."""
    CHANGE = auto()
    """Asked what to change in it."""
    CALLING = auto()
    """A tool was called; its result is not here yet."""
    RETRY = auto()
    """A tool failed, or its result never came; asked whether to try again."""


class Filing:
    """One ticket, handover or incident of one case. `form` is the call's: what it knows is not asked again."""

    def __init__(self, case: Case, form: TicketForm) -> None:
        self._case = case
        self._form = form
        self._at = _At.FORM
        self._call = Call(DRAFT, {})
        self._reason = ""
        self._slots: tuple[Slot, ...] = ()
        self._problem = ""
        self._changes = 0
        self._failures = 0
        self._incident = False
        self._advice = ""
        """What to do until a person comes."""
        self._question = _SAVE
        """What was asked outside the form and the read-back."""

    @property
    def problem(self) -> str:
        """The line that names it, as the caller corrected it."""
        return self._problem or self._case.title

    @property
    def waiting(self) -> bool:
        return self._at is _At.CALLING

    @property
    def asking(self) -> bool:
        """Nothing is stored yet, and the caller may still say that it is not needed."""
        return self._at in {_At.BLOCKED, _At.FORM, _At.CONFIRM, _At.CHANGE} and not self._incident

    @property
    def handing_over(self) -> bool:
        return bool(self._reason)

    # --- three ways to begin ----------------------------------------------------------------------------------------

    def ticket(self, opening: str) -> Answer | Closed:
        self._slots = self._case.article.slots if self._case.article else ("name", "contact")
        opening = f"{opening} I will write a ticket."
        if self._case.weights[1] != "high" and self._case.urgency is None and self._case.article:
            self._at, self._question = _At.BLOCKED, _BLOCKED
            return Answer(f"{opening} {_BLOCKED}")
        return self._fill(opening)

    def handover(self, reason: str, opening: str) -> Answer | Closed:
        self._reason, self._slots = reason, ("contact",)
        return self._fill(f"{opening} I will ask a person to call you back.")

    def incident(self) -> Answer:
        self._incident = True
        arguments = {
            "summary": self._summary(),
            "description": self._description(),
            "article_id": self._article_id(),
        }
        return self._run("This is a security incident, so I am reporting it right now.", Call(INCIDENT, arguments))

    # --- what the caller says ---------------------------------------------------------------------------------------

    def hear(self, utterance: Utterance) -> Answer | Closed:
        folded = fold(utterance.text)
        if self._at in {_At.BLOCKED, _At.FORM}:
            if utterance.brief and _NO_TICKET.search(folded):
                return self._give_up()
            if utterance.brief and _LEAVING.search(folded):
                return self._filled("Before you go.")
            if self._advice and _WHAT_TO_DO.search(folded):
                return Answer(f"{self._advice} {self._form.question() or ''}".strip())
        match self._at:
            case _At.BLOCKED:
                if utterance.does(Act.NO, Act.BROKEN, Act.REFUSED):
                    self._case.urgency = "high"
                return self._fill("Okay.")
            case _At.FORM:
                text = self._form.hear(utterance)
                return Answer(text) if text is not None else self._filled("Thanks.")
            case _At.CONFIRM:
                return self._confirming(utterance)
            case _At.CHANGE:
                return self._changing(utterance)
            case _At.CALLING:
                # Without its result the call may not have run: it is not repeated unasked, or there might be two.
                self._at, self._question = _At.RETRY, _SAVE
                return Answer("That is not saved yet. Shall I do it now?")
            case _At.RETRY:
                if utterance.does(Act.YES, Act.DONE):
                    return self._run("One moment.", self._call)
                if utterance.does(Act.NO, Act.SKIP, Act.END):
                    return self._give_up()
                return Answer(_SAVE)

    def corrected(self, values: Mapping[str, str]) -> Answer | Closed:
        """The caller typed into the form on the screen."""
        self.take(values)
        if self._at is _At.FORM:
            question = self._form.question()
            return Answer(f"Thanks, I have your correction. {question}") if question else self._filled("Thanks.")
        if self._at in {_At.CONFIRM, _At.CHANGE}:
            return self._draft("Thanks, I have corrected it.")
        return Answer(f"Thanks, I have your correction. {self._question}")

    def take(self, values: Mapping[str, str]) -> None:
        self._problem = values.get("problem", self._problem)[:200]
        slots: tuple[Slot, ...] = ("name", "contact", "asset")
        for slot in slots:
            if slot in values:
                self._form.correct(slot, values[slot])

    def _fill(self, opening: str) -> Answer | Closed:
        question = self._form.begin(self._slots)
        if question is None:
            return self._filled(opening)
        self._at = _At.FORM
        return Answer(f"{opening} {question}")

    def _filled(self, opening: str) -> Answer | Closed:
        if self._incident and "contact" not in self._form.values:
            return Closed(_KNOWN)
        if self._reason or self._incident:
            return self._run(f"{opening} One moment, I am passing it on.", Call(HAND_OVER, self._handover_arguments()))
        return self._draft(opening)

    def _draft(self, opening: str) -> Answer:
        impact, urgency = self._case.weights
        if self._case.priority < priority_of(impact, urgency):
            impact, urgency = weights_of(self._case.priority)
        values = self._form.values
        arguments = {
            "summary": self._summary(),
            "description": self._description(),
            "category": self._case.category,
            "impact": impact,
            "urgency": urgency,
            "name": values.get("name", ""),
            "contact": values.get("contact", ""),
            "asset": values.get("asset", ""),
            "steps_tried": list(self._case.tried),
            "article_id": self._article_id(),
        }
        return self._run(opening, Call(DRAFT, arguments))

    def _confirming(self, utterance: Utterance) -> Answer | Closed:
        slot = slot_meant(utterance)
        if slot and not utterance.does(Act.YES):
            return self._reopen(slot, utterance)
        if utterance.does(Act.SKIP, Act.END) or _NO_TICKET.search(fold(utterance.text)):
            return self._give_up()
        if utterance.does(Act.NO, Act.BROKEN):
            self._at = _At.CHANGE
            self._changes += 1
            return Answer(_CHANGE[min(self._changes, len(_CHANGE)) - 1])
        if utterance.does(Act.YES, Act.DONE):
            return self._run("One moment.", Call(CREATE, {}))
        return Answer("Shall I create it? Please say yes or no.")

    def _changing(self, utterance: Utterance) -> Answer | Closed:
        folded = fold(utterance.text)
        if _NO_TICKET.search(folded) or folded in {"nothing", "no"}:
            return self._give_up()
        slot = slot_meant(utterance)
        if slot:
            return self._reopen(slot, utterance)
        self._case.details.append(utterance.text[:MAX_PROBLEM_CHARS])
        return self._draft("I have added that.")

    def _reopen(self, slot: Slot, utterance: Utterance) -> Answer:
        self._at = _At.FORM
        return Answer(self._form.reopen(slot, utterance))

    def _give_up(self) -> Closed:
        if self._incident:
            return Closed(_KNOWN)
        return Closed("Okay, no call back." if self._reason else "Okay, no ticket.")

    # --- tools ------------------------------------------------------------------------------------------------------

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | Closed:
        """What is said once the tool has returned."""
        if name == DRAFT and "read_back" in result:
            self._at = _At.CONFIRM
            return Answer(str(result["read_back"]))
        number = result.get("number")
        if not number:
            return self._not_saved()
        self._failures = 0
        self._case.summary = self.problem
        if name == HAND_OVER:
            self._case.number = self._case.number or str(number)
            if "contact" not in self._form.values:
                return Closed(f"A person has it now as {number}. Please name that number when you ask for it.")
            return Closed(f"A person will call you back. Your number for that is {number}.")
        self._case.number = str(number)
        if name == INCIDENT:
            rule = self._case.rule
            team = rule.team if rule else "security"
            self._advice = rule.advice if rule and rule.advice else _CONTAIN
            self._reason = f"security incident {number}"
            self._slots = ("contact",)
            return self._fill(f"It is with the {team} team as {number}. {self._advice}")
        priority = str(result.get("priority", ""))
        return Closed(f"Your ticket is {number}, priority {priority[1:] or 'normal'}.")

    def _run(self, text: str, call: Call) -> Answer:
        self._at, self._call = _At.CALLING, call
        return Answer(text, call)

    def _not_saved(self) -> Answer | Closed:
        self._failures += 1
        if self._failures > 1:
            return Closed("I am sorry, I cannot save it. Please contact your service desk directly.")
        self._at, self._question = _At.RETRY, _SAVE
        return Answer("I am sorry, I could not save that. Shall I try again?")

    def _summary(self) -> str:
        return self.problem[:200].ljust(3, ".")

    def _article_id(self) -> str:
        return self._case.article.id if self._case.article else ""

    def _description(self) -> str:
        return "\n".join(dict.fromkeys([self._case.problem, *self._case.details]))[:2000]

    def _handover_arguments(self) -> Mapping[str, object]:
        values = self._form.values
        return {
            "reason": self._reason,
            "summary": "\n".join(dict.fromkeys([self.problem, self._description()]))[:2000],
            "urgency": "high" if self._case.priority in {"P1", "P2"} else "medium",
            "name": values.get("name", ""),
            "contact": values.get("contact", ""),
            "asset": values.get("asset", ""),
            "steps_tried": list(self._case.tried),
            "article_id": self._article_id(),
        }
