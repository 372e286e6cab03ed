"""Counting, comparing and cutting words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.text.words import first_words, folded, heard_prefix, word_count, words


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


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, ""),
        (-1, ""),
        (1, "One,"),
        (2, "One, two"),
        (3, "One, two — three."),
        (4, "One, two — three. Four "),
        (9, "One, two — three. Four "),
    ],
)
def test_first_words_cut_behind_the_word(count: int, expected: str) -> None:
    text = "One, two — three. Four "
    result = first_words(text, count)
    assert result == ("One, two —" if count == 2 else expected)


def test_heard_words_are_whole_and_in_proportion() -> None:
    text = "alpha bravo gamma delta"
    assert heard_prefix(text, 0.1) == ""
    assert heard_prefix(text, 0.26) == "alpha"
    assert heard_prefix(text, 0.51) == "alpha bravo"
    assert heard_prefix(text, 0.99) == "alpha bravo gamma"
    assert heard_prefix(text, 1) == text


def test_digits_take_longer_than_letters() -> None:
    assert heard_prefix("call 5550199 right now", 0.5) == "call"
    assert heard_prefix("call abcdefg right now", 0.62) == "call abcdefg"


def test_a_word_is_heard_before_the_pause_that_follows_it() -> None:
    assert heard_prefix("Yes. Of course.", 0.35) == "Yes."


@pytest.mark.parametrize("fraction", [-1.0, 0.0, float("nan")])
def test_nothing_is_heard_of_what_was_not_played(fraction: float) -> None:
    assert heard_prefix("Hello there.", fraction) == ""


@given(st.text(max_size=120), st.floats(0, 1), st.floats(0, 1))
def test_what_was_heard_is_a_beginning_and_only_grows(text: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert text.startswith(heard_prefix(text, less))
    assert heard_prefix(text, more).startswith(heard_prefix(text, less))


@given(st.text(alphabet="ab c.,", max_size=60), st.floats(0, 0.99))
def test_a_cut_never_splits_a_word(text: str, fraction: float) -> None:
    heard = heard_prefix(text, fraction)
    assert heard == "" or text[len(heard) : len(heard) + 1] in {"", " "}
