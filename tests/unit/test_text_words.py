"""Counting, comparing and cutting words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.text.words import SpokenText, folded, word_count, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well, it's 3.5!", ["Well,", "it's", "3.5!"]),
        ("  a   b ", ["a", "b"]),
        ("wait — what", ["wait", "what"]),
        ("... !", []),
        ("", []),
        ("你好吗", ["你", "好", "吗"]),
        ("mail a@b.de now", ["mail", "a@b.de", "now"]),
    ],
)
def test_words_are_runs_that_hold_a_letter_or_digit(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert word_count(text) == len(expected)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Don’t  STOP!", "dont stop"),
        ("Hello, world.", "hello world"),
        ("well-known", "well known"),
        ("Straße", "STRASSE"),
        ("café", "cafe\u0301"),
        ("ＡＢＣ", "abc"),
        (" what? ", "What"),
    ],
)
def test_transcripts_that_sound_alike_fold_alike(one: str, other: str) -> None:
    assert folded(one) == folded(other)


def test_different_words_stay_different() -> None:
    assert folded("no one") != folded("noone")
    assert folded("résumé") != folded("resume")
    assert folded("?!") == ""


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_heard_words_are_whole_and_in_proportion() -> None:
    text = "alpha bravo gamma delta"
    assert SpokenText(text).heard(0.1) == ""
    assert SpokenText(text).heard(0.26) == "alpha"
    assert SpokenText(text).heard(0.51) == "alpha bravo"
    assert SpokenText(text).heard(0.99) == "alpha bravo gamma"
    assert SpokenText(text).heard(1) == text


def test_digits_take_longer_than_letters() -> None:
    assert SpokenText("call 5550199 right now").heard(0.5) == "call"
    assert SpokenText("call abcdefg right now").heard(0.62) == "call abcdefg"


def test_a_word_is_heard_before_the_pause_that_follows_it() -> None:
    assert SpokenText("Yes. Of course.").heard(0.35) == "Yes."


@pytest.mark.parametrize("fraction", [-1.0, 0.0, float("nan")])
def test_nothing_is_heard_of_what_was_not_played(fraction: float) -> None:
    assert SpokenText("Hello there.").heard(fraction) == ""


@given(st.text(max_size=120), st.floats(0, 1), st.floats(0, 1))
def test_what_was_heard_is_a_beginning_and_only_grows(text: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert text.startswith(SpokenText(text).heard(less))
    assert SpokenText(text).heard(more).startswith(SpokenText(text).heard(less))


@given(st.text(alphabet="ab c.,", max_size=60), st.floats(0, 0.99))
def test_a_cut_never_splits_a_word(text: str, fraction: float) -> None:
    heard = SpokenText(text).heard(fraction)
    assert heard == "" or text[len(heard) : len(heard) + 1] in {"", " "}


@given(st.text(max_size=120), st.floats(0, 1))
def test_more_is_heard_at_the_next_word_and_nothing_before_it(text: str, fraction: float) -> None:
    spoken = SpokenText(text)
    following = spoken.next_word(fraction)
    assert fraction <= following <= 1
    assert len(spoken.heard(following)) > len(spoken.heard(fraction)) or following == 1
    assert spoken.heard(max(fraction, following - 1e-6)) == spoken.heard(fraction)
