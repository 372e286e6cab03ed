"""Does speech over the agent mean "stop", or "I'm listening", or nothing? A pure, replaceable policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto

from voice_agent.text.words import words as pieces

_WORD = re.compile(r"[\w'’]+")

_BACKCHANNELS = frozenset(
    """
    uh huh uhuh mhm mm mmm mkay hmm hm mhmm um er erm ah oh ooh aha ha haha hah okay okey ok yeah yah yea yep yup yes
    aye right righto sure alright alrighty cool great nice lovely brilliant awesome amazing excellent wonderful wow gosh
    grand super sweet really i see got it good gotcha exactly absolutely definitely certainly totally perfect fine
    interesting understood indeed agreed fair true well so and like too very thanks cheers ta
    ja genau aha mhm stimmt oui ouais d'accord sí vale claro sì certo
    """.split()
)
_BACKCHANNEL_PHRASES = re.compile(
    r"\b(all right|(that )?makes (perfect |total |good )?sense|(that )?sounds (good|great|fine|about right|lovely)"
    r"|(that's|that is|it's|very|so) ((really|very|so|quite|pretty) )?"
    r"(right|fine|good|great|true|cool|nice|clear|interesting|helpful|lovely|fair|correct|amazing|perfect|okay|ok)"
    r"|not bad|good (to know|point|idea|stuff|news)|fair (enough|play|point)|right enough|of course|for sure"
    r"|no (problem|worries|way)|thank you|i (know|understand|follow|agree|get (it|that|you)|hear you|got you)"
    r"|i see what you mean|i'm (with you|listening|following)|you('re| are) right|you know|me too|same here|is that so"
    r"|oh my|my (god|goodness|word)|go on|carry on|keep going|ach so|c'est ça|está bien|va bene)\b"
)
"""Of words that would tell something else alone."""
_COMMANDS = frozenset(
    "stop wait hold pause no sorry excuse actually but hang hey human repeat skip halt moment stopp warte nein arrête "
    "attends non espera aspetta".split()
)


class Verdict(Enum):
    CONFIRM = auto()
    """The caller takes the floor: the agent stops."""
    WAIT = auto()
    """Not known yet: the agent stays paused."""
    IGNORE = auto()
    """Sound that goes on without words: the agent goes on as well, and words may still confirm it."""
    DISMISS = auto()
    """A backchannel or noise: the agent goes on."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What is known of speech over the agent."""

    text: str
    """Words recognised so far; empty if none yet."""
    final: bool
    """No more words will come for it."""
    speaking: bool
    speech_ms: float
    """How long the caller has spoken, pauses left out."""


_ECHO_WORDS = 12
"""The echo of a word comes, and is transcribed, while the agent says the next few."""
_ECHO_SHARE = 0.75
"""An echo is heard badly: so many of its words, in their order, are the agent's."""

InterruptionPolicy = Callable[[Overlap], Verdict]


def policy(
    *, min_ms: int, min_words: int, partials: bool = False, agent_said: Callable[[], str] = str
) -> InterruptionPolicy:
    """The default policy: commands stop at once, other words by number, sound without words by duration.

    A run that holds only backchannels ("uh-huh, right") never stops the agent, however long, nor do the very words that
    were just heard of it (`agent_said`), most of them in the same order: they are its echo. Until the transcriber has
    said what it is, duration decides: it is taken for speech, unless the transcriber shows words while they are spoken
    (`partials`) and has shown none.
    """

    def judge(overlap: Overlap) -> Verdict:
        words = _words(overlap.text)
        if _echo(words, _words(agent_said())):
            return Verdict.DISMISS if overlap.final else Verdict.WAIT
        told = _BACKCHANNEL_PHRASES.sub(" ", " ".join(words)).split()
        telling = [word for word in told if word not in _BACKCHANNELS]
        if any(word in _COMMANDS for word in telling) or len(telling) >= min_words:
            return Verdict.CONFIRM
        if overlap.final:
            return Verdict.CONFIRM if telling else Verdict.DISMISS
        if not words and overlap.speaking and overlap.speech_ms >= min_ms:
            return Verdict.IGNORE if partials else Verdict.CONFIRM
        return Verdict.WAIT

    return judge


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for piece in pieces(text) for word in _WORD.findall(piece)]


def _echo(words: list[str], agent: list[str]) -> bool:
    count = len(words)
    if not count:
        return False
    latest = agent[-(_ECHO_WORDS + count) :]
    same = sum(block.size for block in SequenceMatcher(None, words, latest, autojunk=False).get_matching_blocks())
    return same >= _ECHO_SHARE * count
