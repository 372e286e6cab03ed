"""What was said: STAR and competency by rules, quotes that must be true, ownership, job coverage, language figures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.example_calls import spoken, typed
from voice_agent.analytics.clauses import clauses, quoted
from voice_agent.analytics.content import (
    answer_length,
    checked,
    competency_measure,
    job_coverage,
    ownership,
    pronouns,
    skill_evidence,
    star_measure,
)
from voice_agent.analytics.language import corrections, diversity, mtld, recast_form, uptake
from voice_agent.analytics.scores import AnswerScores, PartScore, is_quoted
from voice_agent.analytics.star import score_answer
from voice_agent.facts import Correction

FULL = (
    "Last year in my team there was a project that was three weeks late. I was asked to bring it back before the "
    "deadline. I listed what was left, I called the customer and I moved a third of it to the summer. In the end "
    "we shipped four days early. I learned to ask on the first day what can be left out."
)
UNPUNCTUATED = (
    "when i was at my last company we had a big outage on a friday and i was asked to lead the response so i set "
    "up a call and i split the team into two groups and i wrote the updates myself and in the end we restored "
    "service within two hours and since then we use that plan for every incident"
)
GENERIC = (
    "I think teamwork is very important. You should always listen to people and be honest with them. Communication is "
    "the key to every team and I always try to be positive and open with all of my colleagues."
)
WEAK_RESULT = (
    "Last year I worked in a shop and there was a customer who was angry because his order was late. I listened "
    "to him, I called the warehouse, and I offered him a discount. He was a difficult man."
)


def parts(*answers: str) -> dict[str, int]:
    scores = score_answer(answers, "teamwork")
    assert scores is not None
    return {score.part: score.points for score in scores.parts}


def competency(*answers: str) -> int | None:
    scores = score_answer(answers, "teamwork")
    assert scores is not None
    return scores.competency


# --- STAR -------------------------------------------------------------------------------------------------------


def test_a_whole_answer_has_all_parts_and_an_empty_one_none() -> None:
    assert parts(FULL) == {"situation": 2, "task": 2, "action": 2, "result": 2}
    assert parts(GENERIC) == {"situation": 0, "task": 0, "action": 0, "result": 0}
    assert parts(WEAK_RESULT) == {"situation": 2, "task": 0, "action": 2, "result": 0}


def test_punctuation_is_not_needed() -> None:
    assert parts(UNPUNCTUATED) == {"situation": 2, "task": 2, "action": 2, "result": 2}


def test_the_competency_follows_the_anchors() -> None:
    assert competency(FULL) == 5  # specific, measured and reflective
    assert competency(FULL.rpartition(" I learned")[0]) == 4
    assert competency(WEAK_RESULT) == 3  # own actions, no result
    assert competency(GENERIC) == 1
    assert competency("I called them.") is None  # too little to judge


def test_follow_ups_count_for_the_answer() -> None:
    assert parts(WEAK_RESULT, "In the end he bought two more.")["result"] == 2


@pytest.mark.parametrize("kind", ["warm-up", "motivation", "closing"])
def test_questions_that_ask_for_no_example_are_not_scored(kind: str) -> None:
    assert score_answer([FULL], kind) is None
    assert star_measure(None).state == competency_measure(None).state == "not_applicable"


def test_feelings_and_states_are_no_actions() -> None:
    assert parts("I needed it, I wanted it, I liked it, I believed in it and I noticed it.")["action"] == 0
    assert parts("I've automated it and I quickly wrote a test.")["action"] == 1


@pytest.mark.parametrize("answer", [FULL, UNPUNCTUATED, WEAK_RESULT, GENERIC])
def test_every_score_of_the_rules_carries_a_quote_that_was_said(answer: str) -> None:
    scores = score_answer([answer], "teamwork")
    assert scores is not None
    assert all(is_quoted(score.quote, [answer]) for score in scores.parts if score.points)
    assert scores.competency is None or is_quoted(scores.competency_quote, [answer])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(f"{FULL} {UNPUNCTUATED} … !? naïve 3.5".split()), max_size=60))
def test_whatever_is_said_the_rules_quote_it_word_for_word(words: list[str]) -> None:
    answer = " ".join(words)
    scores = score_answer([answer])
    for score in scores.parts if scores else ():
        assert bool(score.points) == bool(score.quote)
        assert not score.points or (score.quote in answer and is_quoted(score.quote, [answer]))


def test_star_weighs_action_and_result_twice() -> None:
    points = {"situation": 2, "task": 1, "action": 1, "result": 0}
    scores = AnswerScores(
        parts=tuple(PartScore.model_validate({"part": p, "points": n, "quote": FULL[:9]}) for p, n in points.items())
    )
    # 2 + 1 + 2 x 1 + 2 x 0 = 5 of 12
    assert star_measure(checked(scores, [FULL], {})).value == 42


def test_a_quote_that_was_never_said_rejects_its_score_alone() -> None:
    scores = AnswerScores(
        parts=(
            PartScore(part="situation", points=2, quote="LAST YEAR, in my team"),
            PartScore(part="task", points=0),
            PartScore(part="action", points=2, quote="I called the minister"),
        ),
        competency=5,
        competency_quote="I am the best",
        source="example-model",
    )
    found = checked(scores, [FULL], {5: "Specific."})
    assert [score.part for score in found.parts] == ["situation", "task"]
    assert found.rejected == ("action", "result", "competency")  # the result came without a score
    assert (found.competency, found.competency_anchor) == (None, "")
    assert (star_measure(found).state, competency_measure(found).state) == ("not_measured", "not_measured")


def test_a_quote_put_together_from_two_turns_is_none() -> None:
    assert not is_quoted("one two", ["it was one", "two of them"])
    assert not is_quoted("...", ["..."])
    assert is_quoted("it’s “one”, two", ["So, its one two three."])


def test_clauses_are_short_and_stand_in_the_text() -> None:
    assert clauses("One. Two? 3.5 million!  Four") == ["One.", "Two?", "3.5 million!", "Four"]
    assert max(len(clause.split()) for clause in clauses(UNPUNCTUATED)) <= 16
    long = " ".join(f"w{number}" for number in range(100))
    assert quoted(long, long.index("w50")).split()[0] == "w44"
    assert len(quoted(long, 0).split()) == 30


# --- ownership, job, length -------------------------------------------------------------------------------------


def test_ownership_counts_where_it_is_told_what_was_done() -> None:
    answer = (
        "We had a problem. I wrote a tool and I tested it. We shipped it. In the end we saved money and we were happy."
    )
    # "We had" is no action and "In the end …" the conclusion: two I, one we.
    assert pronouns([answer]) == (2, 1)
    assert ownership([answer], "en").value == 67
    flagged = ownership(["We planned it, we built it, we tested it and I watched."], "en")
    assert (flagged.value, flagged.rating) == (25, "flag")
    assert ownership(["I wrote it. We tested it."], "en").state == "not_measured"
    assert ownership([], "en").state == "not_applicable"
    assert ownership([answer], "de").state == "not_measured"


def test_a_skill_counts_where_an_answer_with_an_own_action_names_it() -> None:
    answers = [
        spoken(2, "Python is a nice language."),
        spoken(4, "I moved our C++ services to Docker. I planned the projects and I managed the budget of the team."),
    ]
    found = skill_evidence(["Python", "C++", "C", "docker", "project planning", "budget management", "Go"], answers)
    shown = {evidence.skill: evidence.turn for evidence in found}
    assert shown == {
        "Python": None,  # named, but nothing was done with it
        "C++": 4,
        "C": None,
        "docker": 4,
        "project planning": 4,
        "budget management": 4,
        "Go": None,
    }
    assert job_coverage(found).value == 57  # 4 of 7
    assert job_coverage(()).state == "not_applicable"


def test_the_length_of_an_answer_is_held_against_the_questions_own_target() -> None:
    def rating(seconds: float, *target: int) -> str | None:
        shortest, longest = target
        return answer_length([spoken(1, "yes", seconds=seconds)], (shortest, longest)).rating

    assert [rating(s, 60, 120) for s in (29, 30, 60, 120, 150, 151)] == ["flag", "fair", "good", "good", "fair", "flag"]
    assert rating(40, 30, 90) == "good"
    parts_ = [spoken(1, "yes", seconds=40), spoken(2, "and", 50_000, seconds=25), typed(3, "typed")]
    assert answer_length(parts_, (60, 120)).value == 65
    assert answer_length([typed(1, "yes")], (60, 120)).state == "not_applicable"


# --- language ---------------------------------------------------------------------------------------------------


def test_mtld_is_the_one_worked_out_by_hand() -> None:
    # a b c a: 3/4 = 0.75; a b c a b: 3/5 = 0.6, at or below 0.72: a factor of 5 tokens, in both directions.
    assert mtld("a b c a b".split() * 4) == 5
    # One factor, then a b c a with 0.75: (1 - 0.75) / (1 - 0.72) = 0.893 of a factor; 9 / 1.893, both ways.
    assert mtld("a b c a b a b c a".split()) == pytest.approx(9 / (1 + 0.25 / 0.28))
    assert mtld("a b c d".split()) is None


def test_diversity_needs_a_hundred_words_and_takes_typed_ones() -> None:
    text = " ".join(["a b c a b"] * 20)
    assert diversity([typed(1, text)], "en").value == 5
    assert diversity([spoken(1, "Um. " + text)], "en").value == 5
    assert diversity([spoken(1, text[:-2])], "en").state == "not_enough_speech"
    assert diversity([typed(1, " ".join(f"w{n}" for n in range(100)))], "en").state == "not_measured"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=80))
def test_mtld_does_not_depend_on_the_direction(tokens: list[str]) -> None:
    assert mtld(tokens) == mtld(tokens[::-1])


@pytest.mark.parametrize(
    ("said", "better", "form"),
    [
        ("I go to the market", "I went to the market", "went"),
        ("I am agree", "I agree", "i agree"),
        ("He have a dog", "He has a dog", "he has a"),
        ("the same", "the same", "the same"),
    ],
)
def test_what_is_looked_for_is_what_is_new_in_the_recast(said: str, better: str, form: str) -> None:
    assert recast_form(Correction(said=said, better=better)) == form


def test_uptake_is_reuse_within_three_turns() -> None:
    turns = [
        spoken(1, "I go there yesterday."),
        spoken(3, "It was nice, I buyed apples."),
        spoken(5, "I went there by bus."),
        spoken(7, "Yes."),
        spoken(9, "And then?"),
        spoken(11, "I bought nothing, I am agree."),
    ]
    found = corrections(
        [
            Correction(said="I go there", better="I went there"),
            Correction(said="I buyed apples", better="I bought apples"),
            Correction(said="I am agree", better="I agree"),
        ],
        turns,
    )
    # "went" in the second turn after it; "bought" only in the fourth; no turn after the last.
    assert [(each.turn, each.taken_up) for each in found] == [(1, True), (3, False), (11, None)]
    assert uptake(found).value == 50
    assert uptake(found[2:]).state == "not_measured"
    assert uptake(()).state == "not_applicable"
