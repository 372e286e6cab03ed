"""The built-in interview questions: how many, complete, different from each other, and fit to be spoken."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

from voice_agent.agents.packs import load_packs

QUESTIONS = tuple(load_packs(None, max_bytes=100_000, max_files=100).questions.values())
FRAME = ("warm-up", "motivation", "closing")
CORE = tuple(question for question in QUESTIONS if question.competency not in FRAME)
MOST_WORDS_SHARED = 0.35
"""Share of stems that two questions may have in common (Jaccard); the nearest two of ours have 0.30."""
_PLAIN = frozenset(
    """a about an and are as at be by could did do for from had have how i in is it me my of on one or so tell that the
    them then there they this time to was were what when which who why with would you your describe think somebody
    something work""".split()
)


def stems(text: str) -> set[str]:
    return {word[:6] for word in re.findall(r"[a-z]+", text.lower())} - _PLAIN


def test_every_competency_has_four_questions_on_each_level() -> None:
    cells = Counter((question.competency, question.level) for question in CORE)
    assert len(cells) == 12 * 3
    assert set(cells.values()) == {4}
    assert all(sum(question.competency == name for question in QUESTIONS) >= 3 for name in FRAME)


def test_no_two_questions_are_nearly_the_same() -> None:
    words = [(question.id, stems(question.spoken)) for question in QUESTIONS]
    near = [
        (one, other)
        for (one, first), (other, second) in combinations(words, 2)
        if len(first & second) / len(first | second) > MOST_WORDS_SHARED
    ]
    assert near == []


def test_every_question_has_its_own_followups_anchors_hint_and_outline() -> None:
    for question in QUESTIONS:
        assert len(question.followups) >= 2, question.id
        assert len({followup.when for followup in question.followups}) == len(question.followups), question.id
        assert set(question.rubric) == {1, 3, 5}, question.id
    for question in CORE:
        assert question.markers.situation, question.id
        assert question.markers.action, question.id
        assert question.markers.result, question.id
    own = [
        *(followup.ask for question in QUESTIONS for followup in question.followups),
        *(anchor for question in QUESTIONS for anchor in question.rubric.values()),
        *(text for question in QUESTIONS for text in (question.text, question.hint, question.model_outline)),
    ]
    assert [text for text, count in Counter(own).items() if count > 1] == []


def test_every_question_is_short_and_asks_one_thing() -> None:
    for question in QUESTIONS:
        assert len(question.spoken.split()) <= 32, question.id
        assert len(re.findall(r"[.?!](?:\s|$)", question.spoken)) <= 2, question.id
        assert question.spoken.count("?") <= 1, question.id
        assert all(followup.ask.count("?") == 1 for followup in question.followups), question.id
        assert 15 <= question.target_s[0] < question.target_s[1] <= 150, question.id


def test_no_question_touches_a_protected_topic() -> None:
    protected = re.compile(
        r"\b(?:how old|married|pregnan|children of yours|religio|nationality|disabilit|political)\w*"
    )
    for question in QUESTIONS:
        assert not protected.search(" ".join((question.spoken, *(each.ask for each in question.followups))).lower())
