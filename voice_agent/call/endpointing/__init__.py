"""Has the caller finished? A graded answer from the words so far, and the wait that follows from it.

Pure functions. The words come from a transcriber, so marks may be missing, or stand behind every piece that was
transcribed on its own: a full stop is no evidence, a comma or a question mark is. A graded delay has no cliff: a
doubtful "yeah" waits a little longer than "yes, done", not 2.5 s longer.

What is looked at, in this order: marks that leave a sentence open; short answers; openings ("well", "let me think")
with nothing behind them, and hesitation at the end (`phrases`); numbers and spelling under way (`numbers`); a last word
that wants another (`endings`); clauses that want a main clause, lists that want an item, a noun alone (`clauses`). They
go by closed classes of words (`words`, `grammar`), which English has few of, and not by examples. English in full,
other languages by their last word alone. `scripts/bench_turns.py` measures what a change is worth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain

from voice_agent.call.endpointing import phrases
from voice_agent.call.endpointing.clauses import judge
from voice_agent.call.endpointing.endings import lacks_verb, wants_more
from voice_agent.call.endpointing.grammar import Said, classes, parse
from voice_agent.call.endpointing.levels import DOUBTFUL, OPEN, SURE, UNDER_WAY, WAITING
from voice_agent.call.endpointing.numbers import number, spelling
from voice_agent.call.endpointing.words import CLASS_OF, PREPOSITION, THINKING, TO

CompletenessModel = Callable[[str], float]
"""Text of the turn so far -> probability (0-1) that the caller has finished. Pluggable."""

_WORD = re.compile(r"[\w']+(?:[.@+-][\w']+)*")
_PIECE_END = re.compile(r"(?<=\w)[.!?]+(?:\s|$)|\n")
_OPEN_MARKS = ("...", "…", ",", ";", "-", "–", "—", ":")


def completeness(text: str) -> float:
    """Probability (0-1) that a turn with these words is complete; by rules, for the languages we ship.

    `text`: a line for each run of speech, where the pauses are known; else one line.
    """
    stripped = text.rstrip()
    pieces = [words for piece in _PIECE_END.split(stripped) if (words := _split(piece))]
    words = pieces[0] if len(pieces) == 1 else list(chain.from_iterable(pieces))
    if not words:
        return 0.0
    if stripped.endswith(_OPEN_MARKS) or _aside(pieces):
        return OPEN
    if len(words) <= 4 and phrases.SHORT_ANSWERS.issuperset(words):
        return SURE
    if " ".join(words) in phrases.ANSWERS:
        return SURE
    rest = _without_openings(words)
    if not rest or " ".join(rest) in phrases.SEARCHING or _ending(words, phrases.HESITATIONS):
        return OPEN
    for rule in (spelling(words), number(words, len(pieces[-1]))):
        if rule is not None:
            return rule
    said = parse(phrases.merged(_without_tail(rest)), marked=stripped.endswith("?"))
    if said.tags in ("sx", "ix", "sxR", "ixR") and words[0] in phrases.AGREEING:
        return SURE  # "yes it is", "yes I do actually"
    if said.last in phrases.TAKEN_BACK and len(said.words) > 2 and wants_more(parse(said.words[:-1], marked=False)):
        return OPEN
    if wants_more(said) or lacks_verb(said):
        return OPEN
    if said.question and len(said.words) > 2:
        return SURE
    if _loose_piece(pieces):
        # "It does not connect [pause] to the network" ends more often than "we have Word [pause] Excel".
        first = pieces[-1][0]
        if first in chain.from_iterable(pieces[:-1]) and CLASS_OF.get(first) == PREPOSITION:
            return UNDER_WAY  # "about leave [pause] about overtime"
        return DOUBTFUL if first in phrases.CLOSING or CLASS_OF.get(first) in (PREPOSITION, TO) else UNDER_WAY
    return _behind_opening(said, words, judge(said, pieces))


def delay_ms(probability: float, min_ms: int, max_ms: int) -> float:
    """The wait after the last speech. Quadratic: half sure already means a quarter of the patience."""
    doubt = 1.0 - min(max(probability, 0.0), 1.0)
    return min_ms + max(max_ms - min_ms, 0) * doubt * doubt


def _split(text: str) -> list[str]:
    return [phrases.WRITTEN.get(word, word) for word in _WORD.findall(text.lower().replace("’", "'"))]


def _without_openings(words: list[str]) -> list[str]:
    """The words behind "well", "let me think", "um" and the like, however many there are, and behind "yes" or
    "sometimes" if any follow."""
    start = 0
    while start < len(words):
        length = phrases.opening(words, start)
        if not length and words[start] in phrases.LEADS and start + 1 < len(words):
            length = 1
        if not length:
            break
        start += length
        if words[start - 1] in THINKING and words[start : start + 1] == ["that"]:
            start += 1
    return words[start:]


def _ending(words: Sequence[str], known: frozenset[str]) -> int:
    """How many words at the end, with others before them, are one of the phrases."""
    if words[-1] not in phrases.LAST_WORDS:
        return 0
    return next((n for n in range(1, min(6, len(words))) if " ".join(words[-n:]) in known), 0)


def _without_tail(words: list[str]) -> list[str]:
    """The words before "you know", "I think" and the like."""
    while length := _ending(words, phrases.TAILS):
        before = words[-length - 1]
        if before in phrases.NO_TAIL_BEHIND or CLASS_OF.get(before) == "w":
            break
        if words[-1] == "well" and CLASS_OF.get(before, "n") in "vVegnorD":
            break  # "it works well"
        words = words[:-length]
    return words


def _aside(pieces: Sequence[Sequence[str]]) -> bool:
    """Whether the caller tells that they look for the words of a sentence under way: "it says [pause] hold on"."""
    *before, last = pieces
    if not before or " ".join(last) not in phrases.ASIDES:
        return False
    return completeness("\n".join(map(" ".join, before))) < DOUBTFUL


def _loose_piece(pieces: Sequence[Sequence[str]]) -> bool:
    """Whether a few words without a verb stand behind a sentence that did not need them, as in a list or behind an
    afterthought: "we have Word [pause] Excel"."""
    *before, last = pieces
    if not before or len(last) > 4 or last[0] in ("and", "or"):
        return False
    if len(last) > 1 and not set("xXyvVe").isdisjoint(classes(last)):
        return False
    return completeness("\n".join(map(" ".join, before))) > OPEN


def _behind_opening(said: Said, words: Sequence[str], likely: float) -> float:
    """ "I think the battery" has a predicate to come, as "but the battery" has; "I think the blue one" may not."""
    opening = len(words) - len(said.words)
    if opening > 0 and words[opening - 1] in phrases.BEFORE_SUBJECT and said.tags[-1] in "niqag":
        return UNDER_WAY if likely in (DOUBTFUL, WAITING) or said.tags in ("q", "i") else likely
    return likely
