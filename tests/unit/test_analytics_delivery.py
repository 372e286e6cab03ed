"""How it was said, against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.example_calls import agent, spoken, typed, untimed
from voice_agent.analytics.delivery import Excess, delivery, pace_over_time, response_latencies
from voice_agent.analytics.fillers import marks
from voice_agent.analytics.interaction import INTERVIEW_BAND, conversation, percentile
from voice_agent.analytics.measure import Band, Measure
from voice_agent.analytics.speech import Speech, spoken_words
from voice_agent.engines.ports import Word
from voice_agent.records import Turn

HUNDRED_AND_TWENTY = " ".join(["word"] * 120)


def figures(*turns: Turn, language: str = "en") -> dict[str, Measure]:
    return {measure.id: measure for measure in delivery(turns, language).measures}


def values(*turns: Turn, language: str = "en") -> dict[str, float | None]:
    return {name: measure.value for name, measure in figures(*turns, language=language).items()}


def states(*turns: Turn, language: str = "en") -> dict[str, str]:
    return {name: measure.state for name, measure in figures(*turns, language=language).items()}


# --- pace and pauses --------------------------------------------------------------------------------------------


def test_pace_and_pauses_are_those_worked_out_by_hand() -> None:
    # 120 words of 300 ms; of the 119 gaps 18 are 500 ms, 2 are 2000 ms and 99 are 200 ms (below 250: no pause).
    gaps = dict.fromkeys(range(119), 200) | {5 * n: 500 for n in range(18)} | {100: 2000, 110: 2000}
    found = values(spoken(1, HUNDRED_AND_TWENTY, pauses=gaps))
    # Span: 120 x 0.3 + 99 x 0.2 + 18 x 0.5 + 2 x 2 = 36 + 19.8 + 9 + 4 = 68.8 s = 1.1467 min.
    assert found["pace"] == 105  # 120 / 1.1467 = 104.7
    assert found["pauses"] == 17.4  # 20 / 1.1467
    assert found["pause_length"] == 0.65  # (18 x 0.5 + 2 x 2) / 20
    assert found["long_pauses"] == 2
    # Voiced: 68.8 - 13 = 55.8 s.
    assert found["voiced_share"] == 81  # 55.8 / 68.8
    assert found["articulation_rate"] == 129  # 120 / 0.93 min
    assert found["mean_run"] == 5.7  # 120 words in 20 + 1 runs


def test_a_slow_and_a_fast_pace_are_flagged_and_the_middle_is_good() -> None:
    def rating(words: int) -> str | None:
        return figures(spoken(1, " ".join(["word"] * words), seconds=60))["pace"].rating

    assert [rating(words) for words in (109, 110, 129, 130, 160, 161, 180, 181)] == [
        "flag",
        "fair",
        "fair",
        "good",
        "good",
        "fair",
        "fair",
        "flag",
    ]


def test_the_variation_of_pace_is_over_windows_of_fifteen_seconds() -> None:
    def burst(count: int, start_ms: int) -> tuple[Word, ...]:
        return tuple(Word("word", start_ms + 200 * n, start_ms + 200 * n + 150) for n in range(count))

    # Two turns of 30 s; in each a window of 40 words (160 a minute) and one of 20 (80 a minute).
    turns = [
        replace(
            spoken(1, " ".join(["word"] * 60), start, seconds=30),
            words=burst(40, start) + burst(20, start + 15_000),
        )
        for start in (0, 40_000)
    ]
    # Mean 120, standard deviation 40: a third.
    assert values(*turns)["energy"] == 33
    found = delivery(turns, "en")
    assert [point.words_per_minute for point in found.pace] == [160, 80, 160, 80]
    assert (found.pace[2].start_ms, found.pace[3].end_ms) == (40_000, 70_000)
    assert found.pace_resolution == "window"


@pytest.mark.parametrize(("seconds", "windows"), [(19.9, 1), (20, 2), (34.9, 2), (35, 3), (4.9, 0), (5, 1)])
def test_a_rest_below_five_seconds_is_no_window_of_its_own(seconds: float, windows: int) -> None:
    long = spoken(1, HUNDRED_AND_TWENTY, seconds=60)
    other = spoken(2, "some words that were said", 100_000, seconds=seconds)
    points, _ = pace_over_time(Speech.of([long, other]))
    assert sum(point.start_ms >= 100_000 for point in points) == windows


def test_without_word_times_the_pace_is_known_by_turn_only() -> None:
    points, resolution = pace_over_time(Speech.of([untimed(spoken(1, HUNDRED_AND_TWENTY, seconds=60))]))
    assert [(point.end_ms, point.words_per_minute) for point in points] == [(60_000, 120)]
    assert resolution == "turn"
    assert pace_over_time(Speech.of([typed(1, "Hello.")])) == ((), "none")


NEEDS_WORD_TIMES = ("articulation_rate", "pauses", "pause_length", "long_pauses", "voiced_share", "mean_run", "energy")


@pytest.mark.parametrize("how", ["segment", "interpolated", "without a gap", "half of the words"])
def test_pauses_are_not_measured_without_true_word_times(how: str) -> None:
    turn = spoken(1, HUNDRED_AND_TWENTY, pauses={10: 15_000}, seconds=65)
    if how == "segment":
        turn = untimed(turn)
    elif how == "interpolated":
        turn = replace(turn, timing="interpolated")
    elif how == "without a gap":
        turn = replace(turn, words=tuple(Word("word", 500 * n, 500 * n + 500) for n in range(120)))
    else:
        turn = replace(turn, words=turn.words[:60])
    found = figures(turn)
    assert {found[name].state for name in NEEDS_WORD_TIMES} == {"not_measured"}
    assert found["pace"].state == "measured"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-9, 70_000), st.integers(-9, 70_000)), min_size=80, max_size=130),
    st.integers(0, 70_000),
    st.booleans(),
)
def test_whatever_times_a_provider_sends_there_is_a_report(
    edges: list[tuple[int, int]], end_ms: int, ordered: bool
) -> None:
    if ordered:
        edges = [(min(edge), max(edge)) for edge in sorted(edges)]
    words = tuple(Word("word", start, end) for start, end in edges)
    turn = replace(spoken(1, HUNDRED_AND_TWENTY), words=words, end_ms=end_ms)
    for measure in delivery([turn], "en").measures:
        assert measure.value is None or 0 <= measure.value < float("inf")


def test_measured_turns_are_enough_where_others_have_no_times() -> None:
    timed = spoken(1, HUNDRED_AND_TWENTY, pauses={10: 15_000, 50: 700})
    other = untimed(spoken(2, "I have no times.", 200_000))
    assert values(timed, other)["long_pauses"] == 1


# --- fillers ----------------------------------------------------------------------------------------------------


def test_fillers_are_counted_by_minute_and_by_hundred_words() -> None:
    # 75 s = 1.25 min; 5 sounds, 2 times "you know" (4 words) and 96 other words: 100 words without the sounds.
    text = "um uh er ah hmm you know you know " + " ".join(["word"] * 96)
    found = values(spoken(1, text, seconds=75))
    assert found["filler_sounds"] == 4  # 5 / 1.25
    assert found["filler_words"] == 1.6  # 2 / 1.25
    assert found["filler_rate"] == 5.6  # 7 / 1.25
    assert found["fillers_per_100_words"] == 7
    assert found["pace"] == 80  # 100 / 1.25: sounds are no words


@pytest.mark.parametrize(("fillers", "rating"), [(5, "good"), (6, "fair"), (11, "fair"), (12, "flag")])
def test_up_to_five_fillers_a_minute_are_fine_and_twelve_are_not(fillers: int, rating: str) -> None:
    text = " ".join(["um"] * fillers + ["word"] * 100)
    assert figures(spoken(1, text, seconds=60))["filler_rate"].rating == rating


def test_a_transcriber_that_may_drop_sounds_gives_no_rate_and_never_zero() -> None:
    turn = spoken(1, HUNDRED_AND_TWENTY + " you know", seconds=60, verbatim=False)
    found = figures(turn)
    for name in ("filler_rate", "fillers_per_100_words", "filler_sounds"):
        assert (found[name].value, found[name].state) == (None, "not_measured")
    assert found["filler_words"].value == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Um, well, uh-huh, er... hmm!", ["Um", "er", "hmm"]),
        ("The summer umbrella, uh, hers.", ["uh"]),
        ("It was, like, huge.", ["like"]),
        ("Like, I said no.", ["Like"]),
        ("I like it, and it looks like rain.", []),
        ("It was like, huge.", []),
        ("You know, I mean, it sort of works.", ["You know", "I mean", "sort of"]),
        ("Do you know what I mean? As you know, a sort of box.", []),
        ("Actually it basically works", ["Actually", "basically"]),
    ],
)
def test_fillers_are_found_where_they_are_fillers(text: str, found: list[str]) -> None:
    kinds = {"filler_sound", "filler_word"}
    assert [text[mark.start : mark.end] for mark in marks(text) if mark.kind in kinds] == found


def test_like_between_two_pauses_is_a_filler_without_commas() -> None:
    def found(*edges: tuple[int, int]) -> int:
        words = [Word(text, *edge) for text, edge in zip("it was like huge".split(), edges, strict=True)]
        return sum(mark.kind == "filler_word" for mark in marks("it was like huge", words))

    assert found((0, 200), (250, 400), (650, 800), (1050, 1300)) == 1
    assert found((0, 200), (250, 400), (500, 800), (1050, 1300)) == 0  # a gap of 100 ms before it is no pause


def test_other_languages_have_no_word_lists() -> None:
    turn = spoken(1, HUNDRED_AND_TWENTY, pauses={10: 15_000}, seconds=65)
    found = states(turn, language="de-DE")
    for name in ("filler_rate", "filler_words", "hedging", "assertive_wording"):
        assert found[name] == "not_measured"
    assert found["pace"] == found["pauses"] == "measured"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("um uh like, you know I mean maybe kind of , . mhm éa 𝒳".split()), max_size=15))
def test_marks_never_overlap_and_stay_inside_the_text(pieces: list[str]) -> None:
    text = " ".join(pieces)
    found = marks(text)
    edges = [edge for mark in found for edge in (mark.start, mark.end)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(text) for edge in edges)


# --- too little, typed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "seconds"), [(99, 120), (120, 59)])
def test_below_a_minute_or_a_hundred_words_nothing_is_said_of_rates(words: int, seconds: float) -> None:
    found = states(spoken(1, " ".join(["word"] * words), seconds=seconds))
    found.pop("response_latency")
    assert set(found.values()) == {"not_enough_speech"}


def test_delivery_does_not_apply_to_typed_calls() -> None:
    found = delivery([agent(1, "Hello.", 0, 1), typed(2, HUNDRED_AND_TWENTY)], "en")
    assert {measure.state for measure in found.measures} == {"not_applicable"}
    assert {measure.state for measure in conversation([typed(1, HUNDRED_AND_TWENTY)])} == {"not_applicable"}


# --- latency, hedging, talk ratio -------------------------------------------------------------------------------


def test_the_response_latency_is_the_median_of_turns_that_follow_the_agent() -> None:
    turns = [
        agent(1, "One?", 0, 2),
        spoken(2, "yes", 3_000),  # 1 s after the end
        agent(3, "Two?", 5_000, 1),
        spoken(4, "yes", 13_000),  # 7 s
        spoken(5, "and no", 15_000),  # follows no agent
        agent(6, "Three?", 20_000, 5),
        spoken(7, "stop", 22_000),  # interrupts
        agent(8, "Four?", 30_000, 1),
        spoken(9, "yes", 33_000),  # 2 s
        agent(10, "Five?", 40_000, 1),
        typed(11, "typed", 42_000),
    ]
    assert response_latencies(turns) == [1, 7, 2]
    assert values(*turns)["response_latency"] == 2


def test_assertive_wording_takes_off_what_is_above_the_tips() -> None:
    assert Excess(hedges=3, filler_words=5, latency_s=5).points() == 100
    # 5 x (4 - 3) + 3 x (7 - 5) + 4 x (6.5 - 5) = 5 + 6 + 6
    assert Excess(hedges=4, filler_words=7, latency_s=6.5).points() == 83
    assert Excess(hedges=30, filler_words=0, latency_s=0).points() == 0


def test_hedges_are_counted_by_hundred_words() -> None:
    text = "maybe perhaps I think " + " ".join(["word"] * 96)  # 3 hedges in 100 words
    turns = [agent(1, "Well?", 0, 1), spoken(2, text, 2000, seconds=60)]
    found = figures(*turns)
    assert (found["hedging"].value, found["hedging"].rating) == (3, "good")
    assert found["assertive_wording"].value == 100
    assert "voice" in found["assertive_wording"].formula


def test_the_talk_ratio_compares_the_spoken_time_of_both() -> None:
    turns = [agent(1, "Tell me.", 0, 20), spoken(2, HUNDRED_AND_TWENTY, 21_000, seconds=60), typed(3, "x" * 500)]
    ratio = conversation(turns, band=INTERVIEW_BAND)[0]
    assert (ratio.value, ratio.rating) == (75, "good")  # 60 / (60 + 20)
    assert conversation(turns)[0].rating is None


def test_the_agents_delay_is_given_by_nearest_rank() -> None:
    turns = [agent(n, "Well.", 10_000 * n, 1, e2e_ms=100 * n) for n in range(1, 21)]
    found = {measure.id: measure.value for measure in conversation([*turns, spoken(30, "yes", 500_000)])}
    # 20 values: the median is the 10th, the 95th percentile the 19th.
    assert (found["voice_to_voice_p50"], found["voice_to_voice_p95"]) == (1000, 1900)
    assert percentile([7], 95) == 7


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(1, 100))
def test_a_percentile_is_one_of_the_values_and_covers_its_share(given_: list[float], percent: float) -> None:
    found = percentile(given_, percent)
    assert found in given_
    assert sum(value <= found for value in given_) >= len(given_) * percent / 100 - 1e-9


def test_a_bands_bounds() -> None:
    band = Band(good_min=1, good_max=2, flag_below=0, flag_from=5)
    assert [band.rating(value) for value in (-1, 0, 1, 2, 3, 4.9, 5)] == [
        "flag",
        "fair",
        "good",
        "good",
        "fair",
        "fair",
        "flag",
    ]


def test_hesitation_sounds_are_no_words() -> None:
    assert spoken_words("Um, I went, uh, home. Hmm.") == ["I", "went,", "home."]
