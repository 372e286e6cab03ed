"""A language lesson in figures: lexical diversity, and which corrections were taken up."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from voice_agent.analytics.fillers import is_english, is_sound
from voice_agent.analytics.measure import Measure, Metric
from voice_agent.analytics.report_model import CorrectionReport
from voice_agent.facts import Correction
from voice_agent.records import Turn
from voice_agent.text.words import folded, words

TTR = 0.72
"""Type-token ratio at which a factor is full (McCarthy & Jarvis 2010)."""
ENOUGH_TOKENS = 100
TURNS_TO_REUSE = 3
_SMALL_LETTERS = 3
"""A form of so few letters ("the", "to") occurs by chance: it is looked for with its neighbours."""

DIVERSITY = Metric(
    "lexical_diversity",
    1,
    "Lexical diversity (MTLD)",
    "words",
    "How many words in a row, on average, until only 72 percent of them are different; read forwards and backwards.",
    "McCarthy & Jarvis 2010",
)
UPTAKE = Metric(
    "uptake",
    1,
    "Uptake",
    "percent",
    "The corrections whose form you used within your next three turns, divided by the corrections that a turn of yours"
    " followed.",
    "judgement; uptake as in Lyster & Ranta 1997",
    digits=0,
)

METRICS = (DIVERSITY, UPTAKE)


def mtld(tokens: Sequence[str]) -> float | None:
    """The mean of both directions; None if no token occurs twice, so that no factor even begins."""
    forward, backward = _one_way(tokens), _one_way(tokens[::-1])
    return None if forward is None or backward is None else (forward + backward) / 2


def _one_way(tokens: Sequence[str]) -> float | None:
    factors = 0.0
    types: set[str] = set()
    length = 0
    for token in tokens:
        types.add(token)
        length += 1
        if len(types) / length <= TTR:
            factors += 1
            types, length = set(), 0
    if length:
        factors += (1 - len(types) / length) / (1 - TTR)
    return len(tokens) / factors if factors else None


def diversity(turns: Sequence[Turn], language: str) -> Measure:
    """Of all that the caller said or typed, without hesitation sounds."""
    english = is_english(language)
    tokens = [
        folded(word)
        for turn in turns
        if turn.role == "user"
        for word in words(turn.text)
        if not (english and is_sound(word))
    ]
    if len(tokens) < ENOUGH_TOKENS:
        return DIVERSITY.absent("not_enough_speech", f"Needs {ENOUGH_TOKENS} words.")
    value = mtld(tokens)
    if value is None:
        return DIVERSITY.absent("not_measured", "No word was used twice.")
    return DIVERSITY.measured(value)


def corrections(facts: Sequence[Correction], turns: Sequence[Turn]) -> tuple[CorrectionReport, ...]:
    """Each correction with the turn that carries the error, and whether its form was used in the turns after it.

    Corrections come in the order of the call, so the search for one starts where the one before was found.
    """
    said = [turn for turn in turns if turn.role == "user"]
    reports = []
    begin = 0
    for correction in facts:
        at = next((i for i in range(begin, len(said)) if _contains(said[i].text, correction.said)), None)
        begin = begin if at is None else at
        after = [] if at is None else said[at + 1 : at + 1 + TURNS_TO_REUSE]
        reports.append(
            CorrectionReport(
                said=correction.said,
                better=correction.better,
                kind=correction.kind,
                elicited=correction.elicited,
                turn=None if at is None else said[at].seq,
                taken_up=any(_contains(turn.text, recast_form(correction)) for turn in after) if after else None,
            )
        )
    return tuple(reports)


def uptake(reports: Sequence[CorrectionReport]) -> Measure:
    chances = [report.taken_up for report in reports if report.taken_up is not None]
    if chances:
        return UPTAKE.measured(100 * sum(chances) / len(chances))
    if reports:
        return UPTAKE.absent("not_measured", "No turn of yours followed a correction.")
    return UPTAKE.absent("not_applicable", "Nothing was corrected.")


def recast_form(correction: Correction) -> str:
    """What is new in the better form: the words that differ, with their neighbours where they are short or where
    something was only taken away ("I am agree", "I agree": "i agree")."""
    said, better = folded(correction.said).split(), folded(correction.better).split()
    changes = [op for op in SequenceMatcher(None, said, better, autojunk=False).get_opcodes() if op[0] != "equal"]
    if not changes:
        return " ".join(better)
    start, end = changes[0][3], changes[-1][4]
    if sum(len(word) for word in better[start:end]) <= _SMALL_LETTERS:
        start, end = max(0, start - 1), end + 1
    return " ".join(better[start:end])


def _contains(text: str, phrase: str) -> bool:
    wanted = folded(phrase)
    return bool(wanted) and f" {wanted} " in f" {folded(text)} "
