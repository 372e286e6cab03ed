"""What a caller says beside the matter: questions about the call, nerves, a moment to think.

None of it is an answer. Each gets a sentence, and the question that is open stays open.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from voice_agent.agents.dialogue.grammar import Utterance

_MAX_WORDS = 12


class Aside(Enum):
    HOW_MUCH_LEFT = auto()
    HOW_WAS_IT = auto()
    WHAT_IS_KEPT = auto()
    NERVOUS = auto()
    THINKING = auto()
    ANSWERED = auto()
    """Says that it was answered before."""
    HEARING = auto()
    """Asks whether anybody listens."""
    QUESTION = auto()
    """Has a question, without asking it yet."""
    WHY = auto()
    """Asks why this is asked."""
    RATHER_NOT = auto()
    """Does not want to answer."""


_ASIDES: tuple[tuple[Aside, re.Pattern[str]], ...] = tuple(
    (aside, re.compile(pattern))
    for aside, pattern in (
        (
            Aside.HOW_MUCH_LEFT,
            r"\bhow (?:many (?:more )?questions|much longer|much is left|many (?:are )?(?:left|to go))\b"
            r"|\bhow long (?:does|will) (?:this|it) (?:still )?(?:take|last)\b"
            r"|\bis (?:this|that) the last (?:one|question)\b",
        ),
        (
            Aside.HOW_WAS_IT,
            r"\bhow (?:am i doing|did i do|was (?:that|it|my answer))\b|\bwhat did i do wrong\b"
            r"|\bdid i do (?:well|ok|okay)\b|^(?:so |and |but |ok |okay )*(?:is|was) (?:that|this|it) (?:a )?"
            r"(?:good|okay|ok|right|correct|enough|fine)(?: answer| enough)?$",
        ),
        (
            Aside.WHAT_IS_KEPT,
            r"\b(?:is this|are you|am i|do you|will you|is it) (?:being )?(?:record|sav|stor|keep)\w*\b"
            r"|\bwho (?:can |will )?(?:hears?|listens?|sees?|reads?)\b"
            r"|\bdelete (?:my (?:data|answers?|words)|the transcript)\b",
        ),
        (
            Aside.NERVOUS,
            r"\b(?:im|i am|i feel|im feeling|makes me) (?:\w+ ){0,2}(?:nervous|anxious|stressed|scared|afraid)\b",
        ),
        (
            Aside.THINKING,
            r"\blet me think(?: about (?:it|that))?(?: for)?(?: an?| one)?(?: moment| second| minute)?$"
            r"|\bgive me (?:some time|time to think)\b"
            r"|^(?:thats )?(?:a )?(?:good|difficult|hard|tough) (?:question|one)$",
        ),
        (
            Aside.ANSWERED,
            r"\b(?:already|just) (?:answered|asked|said|told|explained|mentioned)\b"
            r"|\b(?:answered|said|told you|explained) (?:that|it|this) (?:already|before)\b",
        ),
        (Aside.HEARING, r"\bcan you hear me\b|\bare you (?:listening|still there|there)\b"),
        (Aside.QUESTION, r"^(?:i have|ive got|i got|may i ask|can i ask)(?: you)? (?:a|one|some) questions?$"),
        (Aside.WHY, r"^(?:but |and )?why (?:do|would|are|did) you (?:ask|want to know)\b"),
        (
            Aside.RATHER_NOT,
            r"\b(?:dont want|do not want|would rather not|id rather not|prefer not|wont|will not|dont like) (?:to )?"
            r"(?:talk|speak|answer|say|discuss|tell|share|go into)\b"
            r"|^(?:i would|id) rather not$|\b(?:too|is) private\b"
            r"|\bdont like (?:this|that|the) (?:question|one)\b|\b(?:another|a different|other) question\b",
        ),
    )
)


def aside_in(utterance: Utterance) -> Aside | None:
    """What a short utterance is beside the matter; None if it is an answer, or long enough to be one."""
    if len(utterance.words) > _MAX_WORDS:
        return None
    line = " ".join(utterance.words)
    return next((each for each, pattern in _ASIDES if pattern.search(line)), None)
