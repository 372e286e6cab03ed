"""Has the caller finished? A graded answer from the words so far, and the wait that follows from it.

Pure functions. The words come from a transcriber, so marks may be missing, or stand behind every piece that was
transcribed on its own: a full stop is no evidence, a comma or a question mark is. A graded delay has no cliff: a
doubtful "yeah" waits a little longer than "yes, done", not 2.5 s longer.

What is looked at, in this order: marks that leave a sentence open; short answers; openings ("well", "let me think")
with nothing behind them; numbers and spelling under way; a last word that needs another; clauses that need a main
clause; a noun alone. The words are in `endpointing_words`; English in full, other languages by their last word alone.
`scripts/bench_turns.py` measures what a change is worth.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voice_agent.call import endpointing_words as table

CompletenessModel = Callable[[str], float]
"""Text of the turn so far -> probability (0-1) that the caller has finished. Pluggable."""

SURE = 0.97
COMPLETE = 0.88
PROBABLE = 0.75
DOUBTFUL = 0.6
WAITING = 0.4
UNDER_WAY = 0.22
OPEN = 0.1

_WORD = re.compile(r"[\w'’]+(?:[.@+-][\w'’]+)*")
_PIECE_END = re.compile(r"(?<=\w)[.!?]+(?:\s|$)|\n")
_OPEN_MARKS = ("...", "…", ",", ";", "-", "–", "—", ":")
_ADDRESS = re.compile(r"\b(e-?mail|mail|address|send it|write to|host|server|user ?name|login|website|share)\b")
_ADDRESSEE = re.compile(
    r"\b(send|write|mail|e-?mail|forward)( it| this| that| them)? to (?!(me|you|us|him|her|them)$)\w+( \w+)?$"
)
_NAMED = re.compile(r"\b(is|is called)( \S+){1,2}$")
_SPELT = re.compile(r"\b(spell|spelled|spelt|surname|letters?|serial)\b")
_DOMAIN = re.compile(r"(@\S+\.|\bdot |\w\.)(com|org|net|edu|e d u|io|co|uk|de|fr|eu|ch|at|gov|local)$")
_SUBORDINATE = re.compile(
    r"(when|whenever|if|although|though|while|before|after|unless|once|since|whether|every time|as soon as|the moment)"
    r"\b"
)
_ENUMERATES = re.compile(
    r"\b(skills|tasks|duties|responsibilities|hobbies|interests|strengths|weaknesses|languages|names|people|colleagues"
    r"|members|options|reasons|symptoms|steps|things|tools|programs|subjects|ingredients|countries|cities) (are|were)"
    r"( \w+){1,2}$|\bthere (are|were) (two|three|four|five|six|several|\d+) of (us|them)$"
)
"""Sentences that promise more than one thing and have named one at most."""
_READS_OUT = re.compile(r"\b(says|reads|shows) (the|a|an) \w+$")
"""A screen is being read out, and its first noun was said."""
_SEQUENCE = re.compile(r"(first|firstly|first of all|to begin with|at first)\b")


def completeness(text: str) -> float:
    """Probability (0-1) that a turn with these words is complete; by rules, for the languages we ship.

    `text`: a line for each run of speech, where the pauses are known; else one line.
    """
    words = _split(text)
    if not words:
        return 0.0
    stripped = text.rstrip()
    if stripped.endswith(_OPEN_MARKS):
        return OPEN
    if len(words) <= 4 and all(word in table.SHORT_ANSWERS for word in words):
        return SURE
    if " ".join(words) in table.ANSWERS:
        return SURE
    said = _without_openings(words)
    if not said:
        return OPEN
    number = _number(words, stripped)
    if number is not None:
        return number
    spelling = _spelling(words)
    if spelling is not None:
        return spelling
    question = _asks(said) or stripped.endswith("?")
    if _needs_more(said, words[-2] if len(words) > 1 else "", question=question):
        return OPEN
    if question and len(said) > 2:
        return SURE
    if _loose_piece(stripped):
        return UNDER_WAY
    return _clause(said)


def delay_ms(probability: float, min_ms: int, max_ms: int) -> float:
    """The wait after the last speech. Quadratic: half sure already means a quarter of the patience."""
    doubt = 1.0 - min(max(probability, 0.0), 1.0)
    return min_ms + max(max_ms - min_ms, 0) * doubt * doubt


def _split(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def _asks(words: list[str]) -> bool:
    """Whether they are in the order of a question: "is it", "when will", "which button do"."""
    if words[0] not in table.QUESTION_WORDS:
        return words[0] in table.AUXILIARIES and words[0] not in table.CONTRACTIONS
    reach = 2 if words[0] in ("when", "where", "why") else 3
    return any(word in table.AUXILIARIES for word in words[1:reach])


def _without_openings(words: list[str]) -> list[str]:
    """The words behind "well", "let me think", "um" and the like, however many there are."""
    start = 0
    while start < len(words):
        length = next(
            (n for n in range(table.LONGEST_OPENING, 0, -1) if " ".join(words[start : start + n]) in table.OPENINGS), 0
        )
        if not length:
            break
        start += length
    return words[start:]


def _number(words: list[str], text: str) -> float | None:
    """For a turn that ends in digits: how likely it is that no more follow. None for other turns."""
    digits, first = 0, len(words)
    while first and (size := _digits(words[first - 1])):
        digits += size
        first -= 1
    if not digits:
        return None
    before = set(words[:first])
    grouped = len(_split(_pieces(text)[-1])) < len(words) - first
    if before & table.PHONE_WORDS or (_leading_zero(words[first]) and not before & table.CODE_WORDS):
        return COMPLETE if digits >= 10 else OPEN if digits < 7 else UNDER_WAY if grouped else PROBABLE
    if grouped:
        # Who pauses within a number goes on with the next group.
        return UNDER_WAY if digits < 10 else DOUBTFUL
    if before & table.SHORT_NUMBER_WORDS:
        return PROBABLE if digits >= 2 else UNDER_WAY
    if before & table.CODE_WORDS:
        return PROBABLE if digits >= 5 else UNDER_WAY if digits >= 3 else OPEN
    if digits == 1:
        # "Four." answers a question; "I have four" counts something.
        return PROBABLE if first == 0 else DOUBTFUL
    return DOUBTFUL if digits >= 6 else UNDER_WAY


def _leading_zero(word: str) -> bool:
    return word in ("zero", "oh") or word.startswith("0")


def _digits(word: str) -> int:
    plain = word.replace("-", "").replace(".", "")
    return len(plain) if plain.isdigit() else int(word in table.DIGIT_WORDS)


def _spelling(words: list[str]) -> float | None:
    """For an address, or letters one by one. None for other turns."""
    text = " ".join(words)
    if _DOMAIN.search(text):
        return COMPLETE
    letters = 0
    while letters < len(words) and len(words[-1 - letters]) == 1 and words[-1 - letters].isalpha():
        letters += 1
    if not set(words[len(words) - letters :]) - {"i", "a"}:
        letters = 0
    if letters >= 2 or (letters and _SPELT.search(text)) or words[-3:-1] == ["as", "in"]:
        return UNDER_WAY
    if _ADDRESSEE.search(text):
        return UNDER_WAY
    if _ADDRESS.search(text) and (table.ADDRESS_SIGNS & set(words) or _NAMED.search(text)):
        return UNDER_WAY
    return None


def _needs_more(words: list[str], before: str, *, question: bool) -> bool:
    """Whether the last word leaves the sentence open. `before`: the word before it, be it part of an opening."""
    last = words[-1]
    if last in table.PREPOSITIONS:
        # "What is that for", "turn it on", "after I log in", "the light is on".
        stranded = question and len(words) > 3 and before not in table.AUXILIARIES
        particle = last in table.PARTICLES and (before in table.OBJECTS or before in table.PARTICLE_VERBS)
        result = last in table.RESULTS and before in table.BEING
        return not (stranded or particle or result)
    if last == "that":
        return before in table.BEFORE_THAT_CLAUSE and not question
    if last == "you":
        return before in table.AUXILIARIES
    if last in table.AUXILIARIES:
        # "Yes I do", "no it isn't", "what should I do".
        agreed = words[0] in table.SHORT_ANSWERS and before in table.SUBJECTS
        brief = len(words) == 2 and before in table.SUBJECTS and last in table.ANSWERING_AUXILIARIES
        if last in ("do", "don't") and before in ("he", "she", "it"):
            return True  # misspoken, and about to be put right
        return not (agreed or brief or (question and last in ("do", "be", "have")))
    if last in table.TRANSITIVES:
        return not question
    return last in table.OPEN_ENDINGS or (last in table.ATTRIBUTES and before in table.ARTICLES)


def _loose_piece(text: str) -> bool:
    """Whether a few words without a verb stand behind a sentence that did not need them, as in a list or behind an
    afterthought: "we have Word [pause] Excel"."""
    *before, last = _pieces(text)
    words = _split(last)
    if not before or len(words) > 4 or words[0] in ("and", "or") or any(map(_verb, words)):
        return False
    return completeness("\n".join(before)) > OPEN


def _pieces(text: str) -> list[str]:
    """Sentences and runs of speech."""
    return [part for part in _PIECE_END.split(text) if _WORD.search(part)] or [text]


def _clause(words: list[str]) -> float:
    """For words whose last one leaves nothing open."""
    text = " ".join(words)
    verbs = sum(_verb(word) for word in words)
    if _SUBORDINATE.match(text) and verbs >= 1 and not _main_clause(words):
        return OPEN
    if words[0] in ("because", "after", "before", "since", "during") and len(words) > 2 and not verbs:
        return WAITING
    if _READS_OUT.search(text):
        return UNDER_WAY
    if len(words) > 3 and _ENUMERATES.search(text):
        return UNDER_WAY
    if _SEQUENCE.match(text) and not {"then", "finally", "and"} & set(words):
        return UNDER_WAY
    if not verbs and len(words) <= 3 and words[0] in table.DETERMINERS:
        return WAITING if words[0] in table.POSSESSIVES or words[-1] in table.ORDINALS else DOUBTFUL
    if len(words) < 4 and not verbs:
        return PROBABLE
    return COMPLETE


def _main_clause(words: list[str]) -> bool:
    """Whether a second subject with a verb follows the first clause: "when I press it, nothing happens"."""
    subjects = [i for i, word in enumerate(words) if word in table.SUBJECTS or word in table.DETERMINERS]
    verbs = [i for i, word in enumerate(words) if _verb(word)]
    return len(verbs) >= 2 and (len(subjects) >= 2 or verbs[-1] - verbs[0] >= 3)


def _verb(word: str) -> bool:
    return (
        word in table.AUXILIARIES
        or word in table.PARTICLE_VERBS
        or word in table.TRANSITIVES
        or word in table.VERBS
        or "'" in word
        or (len(word) > 4 and word.endswith("ed"))
    )
