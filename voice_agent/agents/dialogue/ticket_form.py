"""Asks for the name, contact and asset tag of a ticket, one by one, and reads each back."""

from __future__ import annotations

from collections.abc import Sequence

from voice_agent.agents.dialogue.grammar import Act, Utterance
from voice_agent.agents.dialogue.slots import Heard, read
from voice_agent.agents.pack_schema import Slot

_QUESTIONS: dict[Slot, str] = {
    "name": "Which name shall I write down?",
    "contact": "Which phone number or e-mail address can we use to reach you?",
    "asset": "What is the asset tag on the sticker of the device? Say skip if you cannot find it.",
}
_SPELL: dict[Slot, str] = {
    "name": "Sorry. Please spell the name, letter by letter.",
    "contact": "Sorry. Please say it again slowly, one digit or one part at a time.",
    "asset": "Sorry. Please say the tag again, one letter or digit at a time.",
}
_AGAIN: dict[Slot, str] = {
    "name": "I did not get a name. Please say only the name, or say skip.",
    "contact": "I did not get a number or an address. Please say only that, or say skip.",
    "asset": "I did not get a tag. It has a few letters and digits. You can also say skip.",
}
_ATTEMPTS = 3


class TicketForm:
    """`values` holds what was confirmed; `spoken` how it is said. A slot is given up after three attempts."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.values: dict[Slot, str] = {}
        self.spoken: dict[Slot, str] = {}
        self._open = list(slots)
        self._offered: Heard | None = None
        self._attempts = 0

    def question(self) -> str | None:
        """The next question, or None when the form is complete."""
        return _QUESTIONS[self._open[0]] if self._open else None

    def hear(self, utterance: Utterance) -> str | None:
        """What to say next, or None when the form is complete."""
        if not self._open:
            return None
        slot = self._open[0]
        if self._offered:
            return self._confirm(slot, self._offered, utterance)
        if utterance.does(Act.SKIP, Act.END) or (utterance.brief and utterance.does(Act.UNSURE)):
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
            corrected = read(slot, utterance.text)
            if corrected and corrected.value != offered.value and len(utterance.words) > 2:
                return self._offer(corrected)
            return self._retry(_SPELL[slot])
        if utterance.does(Act.YES, Act.DONE, Act.FIXED):
            self.values[slot] = offered.value
            self.spoken[slot] = offered.spoken
            return self._next()
        if utterance.does(Act.SKIP):
            return self._next()
        corrected = read(slot, utterance.text)
        if corrected and corrected.value != offered.value:
            return self._offer(corrected)
        return f"I have {offered.spoken}. Please say yes or no: is that right?"

    def _offer(self, heard: Heard) -> str:
        self._offered = heard
        return f"I have {heard.spoken}. Is that right?"

    def _retry(self, text: str) -> str | None:
        self._attempts += 1
        return self._next() if self._attempts >= _ATTEMPTS else text

    def _next(self) -> str | None:
        self._open.pop(0)
        self._offered = None
        self._attempts = 0
        return self.question()
