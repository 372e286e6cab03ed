"""Three exercises that answer to what was found, the most pressing first. By rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from voice_agent.analytics.measure import Measure
from voice_agent.analytics.report_model import CorrectionReport, Drill, QuestionReport
from voice_agent.analytics.scores import Part

MAX_DRILLS = 3

_RESULT = (
    "result_first",
    "Result first",
    "Tell one of your examples again and begin with what came out of it, with a number.",
)
_ACTION = ("own_steps", "Own steps", "Tell one of your examples in five sentences that each begin with I and a verb.")
_SITUATION = (
    "set_the_scene",
    "Set the scene",
    "Begin three examples with one sentence: where, when, and who was there.",
)
_TASK = ("your_task", "Your task", "For three examples, say in one sentence what exactly was expected of you.")
_OWNERSHIP = ("i_not_we", "I, not we", "Tell what the team did in one sentence, then only what was yours, with I.")
_COVERAGE = ("name_the_skill", "Name the skill", "Prepare one example for each skill of the job that no answer showed.")
_LONG = ("one_minute", "One minute", "Answer the same question three times: in 120, then 90, then 60 seconds.")
_SHORT = (
    "add_two_details",
    "Two more details",
    "Answer a question again and add two details: a number and an obstacle.",
)
_PACE_FAST = ("breathe", "Breathe", "Read a paragraph aloud and stop for a breath at every full stop.")
_PACE_SLOW = ("flow", "Flow", "Answer an easy question twice; the second time without searching for better words.")
_FILLERS = ("pause_instead", "A pause instead", "Answer a question and stay silent wherever a filler wants to come.")
_HEDGES = ("plain_words", "Plain words", "Say your last answer again without I think, maybe and probably.")
_LATENCY = (
    "first_sentence",
    "First sentence",
    "For five questions, say only the first sentence of your answer, at once.",
)
_GENERAL = (
    ("new_example", "A second example", "Answer one of the questions again with another example."),
    ("reflect", "What you learned", "Add one sentence to each example: what you do differently since then."),
    ("numbers", "Three numbers", "Write down three numbers from your work, and the story behind each."),
)
_OF_PART: dict[Part, tuple[str, str, str]] = {
    "result": _RESULT,
    "action": _ACTION,
    "situation": _SITUATION,
    "task": _TASK,
}
_WEAK_SHARE = 0.75
"""Below this share of its points, a part of STAR is worth a drill."""


def interview_drills(
    questions: Sequence[QuestionReport], content: Sequence[Measure], delivery: Sequence[Measure]
) -> tuple[Drill, ...]:
    """Content before delivery; filled up with general exercises."""
    found = [*_content_drills(questions, content), *_delivery_drills(questions, delivery)]
    found += [_drill(text, "It makes a good answer better.") for text in _GENERAL]
    return _first(found)


def part_shares(questions: Sequence[QuestionReport]) -> dict[Part, float]:
    """Mean share (0 to 1) of the points of each part of STAR, over the answers where it has a score."""
    points: dict[Part, list[int]] = {part: [] for part in _OF_PART}
    for question in questions:
        for score in question.scores.parts if question.scores else ():
            points[score.part].append(score.points)
    return {part: sum(each) / (2 * len(each)) for part, each in points.items() if each}


def _content_drills(questions: Sequence[QuestionReport], content: Sequence[Measure]) -> Iterator[Drill]:
    shares = part_shares(questions)
    for part in sorted(shares, key=lambda part: shares[part]):
        if shares[part] < _WEAK_SHARE:
            yield _drill(
                _OF_PART[part], f"Your answers have {round(100 * shares[part])} percent of the points for {part}."
            )
    for measure in content:
        if measure.id == "ownership" and measure.rating == "flag":
            yield _drill(_OWNERSHIP, _reason(measure))
        if measure.id == "job_coverage" and measure.value is not None and measure.value < 100:
            yield _drill(_COVERAGE, _reason(measure))


def _delivery_drills(questions: Sequence[QuestionReport], delivery: Sequence[Measure]) -> Iterator[Drill]:
    lengths = [measure for question in questions for measure in question.delivery if measure.id == "answer_length"]
    for measure in [*lengths, *delivery]:
        if measure.value is None or measure.rating != "flag" or measure.band is None:
            continue
        low = measure.band.flag_below is not None and measure.value < measure.band.flag_below
        text = {
            "answer_length": _SHORT if low else _LONG,
            "pace": _PACE_SLOW if low else _PACE_FAST,
            "filler_rate": _FILLERS,
            "hedging": _HEDGES,
            "response_latency": _LATENCY,
        }.get(measure.id)
        if text:
            yield _drill(text, _reason(measure))


def language_drills(corrections: Sequence[CorrectionReport]) -> tuple[Drill, ...]:
    """The most frequent kinds of error, those not taken up before the others."""
    pressing = Counter[str]()
    example: dict[str, CorrectionReport] = {}
    for correction in corrections:
        kind = correction.kind or "wording"
        pressing[kind] += 1 if correction.taken_up else 2
        example.setdefault(kind, correction)
    found = [
        Drill(
            id=f"say_it_{number}",
            title=kind[:1].upper() + kind[1:],
            text=f"Say three sentences of your own after this one: {example[kind].better}",
            reason=f"You said: {example[kind].said}",
        )
        for number, (kind, _) in enumerate(pressing.most_common(MAX_DRILLS), 1)
    ]
    general = (
        ("retell", "Tell it again", "Tell the longest story of this lesson once more, in half the time."),
        ("new_words", "New words", "Choose three words of this lesson and use each in a sentence about yourself."),
        ("yesterday_tomorrow", "Yesterday and tomorrow", "Say what you did yesterday and what you will do tomorrow."),
    )
    return _first([*found, *(_drill(text, "It keeps what you can do.") for text in general)])


def _drill(text: tuple[str, str, str], reason: str) -> Drill:
    return Drill(id=text[0], title=text[1], text=text[2], reason=reason)


def _reason(measure: Measure) -> str:
    return f"{measure.title}: {measure.value:g} {measure.unit}."


def _first(drills: Iterable[Drill]) -> tuple[Drill, ...]:
    return tuple({drill.id: drill for drill in reversed([*drills])}.values())[::-1][:MAX_DRILLS]
