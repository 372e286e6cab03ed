"""Asks for the name, contact and asset tag of a ticket, one by one, and reads each back.

What was said can be corrected later, by voice ("no, my number is …") or by typing on the screen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from voice_agent.agents.dialogue.grammar import Act, Utterance, fold
from voice_agent.agents.dialogue.slots import Heard, read, typed
from voice_agent.agents.pack_schema import Slot

_QUESTIONS: dict[Slot, str] = {
    "name": "Which name shall I write down?",
    "contact": "Which phone number or e-mail address can we use to reach you?",
    "asset": "What is the asset tag on the sticker of the device? Say skip if you cannot find it.",
}
_AGAIN: dict[Slot, tuple[str, str]] = {
    "name": (
        "I did not get a name. Please say only the name, or say skip.",
        "Sorry, still no name. You can spell it, letter by letter, or type it on the screen.",
    ),
    "contact": (
        "I did not get a number or an address. Please say only that, or say skip.",
        "Sorry, I still have nothing. Say it digit by digit, or type it on the screen.",
    ),
    "asset": (
        "I did not get a tag. It has a few letters and digits. You can also say skip.",
        "Sorry, still no tag. Say one letter or digit at a time, or type it on the screen.",
    ),
}
_SPELL: dict[Slot, tuple[str, str]] = {
    "name": (
        "Sorry. Please spell the name, letter by letter.",
        "Sorry, once more: one letter at a time, such as A as in Alfa. Or type it on the screen.",
    ),
    "contact": (
        "Sorry. Please say it again slowly, one digit or one part at a time.",
        "Sorry, once more: one digit or letter at a time. Or type it on the screen.",
    ),
    "asset": (
        "Sorry. Please say the tag again, one letter or digit at a time.",
        "Sorry, once more, slowly. Or type the tag on the screen.",
    ),
}
_MEANT: dict[Slot, re.Pattern[str]] = {
    "name": re.compile(r"\bname\b"),
    "contact": re.compile(r"\b(?:phone|number|e ?-?mail|address|contact|extension)\b"),
    "asset": re.compile(r"\b(?:asset|tag|sticker)\b"),
}
_CORRECTING = re.compile(r"\b(?:wrong|correct|change|fix|actually|not right|mistake|should be|misspelled|instead)\b")
_ATTEMPTS = 3


def slot_meant(utterance: Utterance) -> Slot | None:
    """Which of them a caller speaks of ("the phone number is wrong")."""
    folded = fold(utterance.text)
    return next((slot for slot, pattern in _MEANT.items() if pattern.search(folded)), None)


class TicketForm:
    """What is known of the caller, for all tickets of a call. A slot is given up after three attempts."""

    def __init__(self) -> None:
        self._known: dict[Slot, Heard] = {}
        self._open: list[Slot] = []
        self._offered: Heard | None = None
        self._attempts = 0
        self._unanswered = 0
        """So often in a row neither yes nor no was heard to what was read back."""

    @property
    def values(self) -> Mapping[Slot, str]:
        """What was confirmed."""
        return {slot: heard.value for slot, heard in self._known.items()}

    @property
    def spoken(self) -> Mapping[Slot, str]:
        """The same, as it is said."""
        return {slot: heard.spoken for slot, heard in self._known.items()}

    @property
    def offered(self) -> tuple[Slot, str] | None:
        """What was read back and not yet confirmed."""
        return (self._open[0], self._offered.value) if self._offered else None

    def begin(self, slots: Sequence[Slot]) -> str | None:
        """Asks for those that are not known: the first question, or None. Another ticket may be on another device."""
        self._known.pop("asset", None)
        self._open = [slot for slot in slots if slot not in self._known]
        self._offered, self._attempts = None, 0
        return self._question()

    def reopen(self, slot: Slot, utterance: Utterance | None = None) -> str:
        """Asks for one again; takes what the caller gives in the same breath."""
        before = self._known.pop(slot, None)
        self._open = [slot, *(other for other in self._open if other != slot)]
        self._offered, self._attempts = None, 1
        heard = read(slot, _after_correction(utterance.text)) if utterance else None
        if heard and (before is None or heard.value != before.value):
            return self._offer(heard)
        return _QUESTIONS[slot]

    def correct(self, slot: Slot, text: str) -> bool:
        """Takes what the caller typed."""
        heard = typed(slot, text)
        if heard is None:
            return False
        self._known[slot] = heard
        if self._open[:1] == [slot]:
            self._offered, self._attempts = None, 0
        self._open = [other for other in self._open if other != slot]
        return True

    def question(self) -> str | None:
        """What is to be said next, or None when nothing is missing."""
        return self._readback(self._offered) if self._offered else self._question()

    def hear(self, utterance: Utterance) -> str | None:
        """What to say next, or None when the form is complete."""
        if not self._open:
            return None
        slot = self._open[0]
        other = slot_meant(utterance)
        if other in self._known and _CORRECTING.search(fold(utterance.text)):
            return self.reopen(other, utterance)
        if self._offered:
            return self._confirm(slot, self._offered, utterance)
        if utterance.does(Act.SKIP, Act.END, Act.REFUSED) or (utterance.brief and utterance.does(Act.UNSURE)):
            return self._next()
        heard = read(slot, utterance.text)
        if heard:
            return self._offer(heard)
        if utterance.does(Act.NO):
            return self._next()
        return self._retry(_AGAIN[slot])

    def _confirm(self, slot: Slot, offered: Heard, utterance: Utterance) -> str | None:
        if utterance.does(Act.NO, Act.BROKEN):
            self._offered = None
            corrected = read(slot, _after_correction(utterance.text))
            if corrected and corrected.value != offered.value and len(utterance.words) > 2:
                self._attempts += 1
                return self._offer(corrected)
            return self._retry(_SPELL[slot])
        if utterance.does(Act.YES, Act.DONE, Act.FIXED):
            self._known[slot] = offered
            return self._next()
        if utterance.does(Act.SKIP, Act.REFUSED):
            return self._next()
        corrected = read(slot, _after_correction(utterance.text))
        if corrected and corrected.value != offered.value:
            self._attempts += 1
            return self._offer(corrected)
        self._unanswered += 1
        if self._unanswered >= _ATTEMPTS:
            return self._next()
        return f"I have {offered.spelled}. Please say yes or no: is that right?"

    def _offer(self, heard: Heard) -> str:
        self._offered, self._unanswered = heard, 0
        return self._readback(heard)

    def _readback(self, heard: Heard) -> str:
        return f"I have {heard.spelled if self._attempts else heard.spoken}. Is that right?"

    def _retry(self, wordings: tuple[str, str]) -> str | None:
        self._attempts += 1
        return self._next() if self._attempts >= _ATTEMPTS else wordings[self._attempts - 1]

    def _next(self) -> str | None:
        self._open.pop(0)
        self._offered, self._attempts = None, 0
        return self._question()

    def _question(self) -> str | None:
        return _QUESTIONS[self._open[0]] if self._open else None


def _after_correction(text: str) -> str:
    """ "No, the number is wrong, it is 555" is about what comes after the last such word."""
    found = list(
        re.finditer(r"\b(?:wrong|not right|mistake|actually|should be|change it to|correct it to)\b", text, re.I)
    )
    rest = text[found[-1].end() :].strip(" ,.") if found else text
    return rest or text
