"""Where a stream of tokens is cut into clauses, and what is never cut or lost."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_agent.text.clauses import ClauseSplitter

HARD = 240


def split(text: str, size: int = 4) -> list[str]:
    """The clauses of `text` fed in pieces of `size` characters."""
    splitter = ClauseSplitter()
    clauses = [clause for at in range(0, len(text), size) for clause in splitter.feed(text[at : at + size])]
    return clauses + splitter.flush()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        (
            "Sure, I can help with that. First, restart the laptop, please. Then tell me what you see.",
            ["Sure, I can help with that. ", "First, restart the laptop, please. ", "Then tell me what you see."],
        ),
        (
            "Of course I can, but first I need your name. Could you spell it for me, please?",
            ["Of course I can, ", "but first I need your name. ", "Could you spell it for me, please?"],
        ),
        ("Hi! How are you doing today? I am fine.", ["Hi! How are you doing today? ", "I am fine."]),
        (
            "Here is the plan:\n1. Open the settings page.\n2. Choose the network tab.\n",
            ["Here is the plan:\n", "1. Open the settings page.\n", "2. Choose the network tab.\n"],
        ),
        (
            "I can help you set up the new printer on the third floor and then we will test it together.",
            ["I can help you set up the new printer on the third floor ", "and then we will test it together."],
        ),
        (
            "你好，我可以帮助你解决这个网络问题，请告诉我。今天的天气很好，我们可以继续讨论下一个问题，直到完成。好的。",
            None,
        ),
    ],
)
def test_the_first_clause_comes_early_and_the_others_are_sentences(text: str, clauses: list[str] | None) -> None:
    if clauses is None:
        assert len(split(text)) > 1
    else:
        assert split(text) == clauses


@pytest.mark.parametrize("size", [1, 2, 5, 500])
def test_an_opener_is_a_clause_of_its_own_as_soon_as_it_is_written(size: int) -> None:
    splitter = ClauseSplitter(openers=("Okay,", "I see.", "Thank you."))
    text = "Okay, let us look at the router. I see. Is it on?"
    clauses = [clause for at in range(0, len(text), size) for clause in splitter.feed(text[at : at + size])]
    assert [*clauses, *splitter.flush()] == ["Okay,", " let us look at the router. ", "I see. Is it on?"]


@pytest.mark.parametrize("text", ["Okaying it takes a while, they say.", "We see. Okay, then it is done now."])
def test_other_beginnings_are_no_openers(text: str) -> None:
    splitter = ClauseSplitter(openers=("Okay,", "I see."))
    assert [*splitter.feed(text), *splitter.flush()] == split(text)


@given(st.lists(st.sampled_from(["Okay", ",", " ", "I see", ".", "so", " it is", "?"]), max_size=20))
def test_openers_lose_nothing_and_do_not_depend_on_the_chunks(tokens: list[str]) -> None:
    whole, pieces = (ClauseSplitter(openers=("Okay,", "I see.")) for _ in range(2))
    text = "".join(tokens)
    in_pieces = [clause for token in tokens for clause in pieces.feed(token)] + pieces.flush()
    assert in_pieces == whole.feed(text) + whole.flush()
    assert "".join(in_pieces) == text


KEPT_WHOLE = [
    "3.5",
    "1,000",
    "Dr. Smith",
    "Mrs. Jones",
    "e.g. apples",
    "i.e. this",
    "5 p.m. on Monday",
    "at 9 a.m. sharp",
    "john.doe@example.com",
    "https://example.com/a.b,c?d=e.f",
    "J. R. R. Tolkien",
    "No. 5",
    "fig. 3",
    "approx. ten",
    "vs. them",
    "March 3, 2024",
    "Jan. 5",
    "U.S. Government",
    "192.168.0.1",
    "v2.1.3",
    "12:30",
    "am 3. Mai",
    "**bold. And more, still bold.**",
    "`a. b, c`",
    "[a link. With dots](https://example.com/x, y)",
    "5 – 10",
]


@pytest.mark.parametrize("kept", KEPT_WHOLE)
@pytest.mark.parametrize("size", [1, 3, 500])
def test_what_belongs_together_is_never_cut(kept: str, size: int) -> None:
    text = f"It is written here in this place that {kept} is meant by all of that and nothing else at all."
    assert any(kept in clause for clause in split(text, size))


@pytest.mark.parametrize("kept", KEPT_WHOLE)
def test_it_is_not_cut_after_a_whole_sentence_either(kept: str) -> None:
    text = f"This was the first sentence of the reply. Then comes {kept} and so on. The end of it is here."
    clauses = split(text, 2)
    assert any(kept in clause for clause in clauses)
    assert clauses[0] == "This was the first sentence of the reply. "


def test_an_ellipsis_stays_whole() -> None:
    for clause in split("Well, let me think about that... I am not sure... but we can try... or not."):
        assert not clause.startswith(".")


def test_a_sentence_may_end_in_an_abbreviation_or_a_number() -> None:
    text = (
        "We are open daily until 5 p.m. Then everybody goes home. It was founded in the year 1999. Nobody knew it then."
    )
    assert split(text) == [
        "We are open daily until 5 p.m. ",
        "Then everybody goes home. ",
        "It was founded in the year 1999. ",
        "Nobody knew it then.",
    ]


def test_a_block_of_code_is_one_clause() -> None:
    code = "```python\n" + "value = compute(value, 1)\n" * 20 + "```"
    clauses = split(f"Here is the code you asked for:\n{code}\nThat should do it, I think. Good luck with it!")
    assert [clause.strip() for clause in clauses if "```" in clause] == [code]


def test_a_clause_is_given_out_before_the_text_ends() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("Let me have a look at it,") == []
    assert splitter.feed(" and") == ["Let me have a look at it, "]


def test_after_a_flush_it_goes_on() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("Let me") == []
    assert splitter.flush() == ["Let me"]
    assert splitter.flush() == []
    assert splitter.feed("Once more, from the beginning. ") == []
    assert splitter.feed("Here") == ["Once more, from the beginning. "]


def test_a_markup_sign_that_is_never_closed_holds_nothing_up_for_ever() -> None:
    text = "**This was never closed. " + "It goes on with one sentence after another. " * 20
    assert len(split(text)) > 2
    assert all(len(clause) <= HARD for clause in split(text))


def test_lengths_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        ClauseSplitter(first_min_chars=100, first_soft_chars=50)
    with pytest.raises(ValueError, match="ascend"):
        ClauseSplitter(soft_chars=500)


# fmt: off
_PIECES = st.sampled_from([
    " ", "  ", "\n", "a", "word", "Word", ". ", ", ", "! ", "? ", "...", "… ", "3.5", "1,000", "Dr. ", "e.g. ",
    "p.m. ", "**", "`", "```", "[x](u)", "[", "](", "1. ", "- ", "— ", "。", "，", "é", "🎉", "https://a.b/c", ": ",
    ") ", '" ', "und ",
])
# fmt: on
_TEXTS = st.one_of(st.text(max_size=400), st.lists(_PIECES, max_size=250).map("".join))


@given(_TEXTS, st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_joined_clauses_are_the_text(text: str, size: int) -> None:
    clauses = split(text, size)
    assert "".join(clauses) == text
    assert all(clauses)


@given(_TEXTS, st.integers(1, 9), st.integers(10, 400))
@settings(max_examples=300, deadline=None)
def test_cuts_do_not_depend_on_how_the_text_arrives(text: str, small: int, large: int) -> None:
    assert split(text, small) == split(text, large)


@given(_TEXTS)
@settings(max_examples=200, deadline=None)
def test_no_clause_is_longer_than_the_cap_unless_it_cannot_be_cut(text: str) -> None:
    for clause in split(text):
        if "```" not in clause and len(clause) > HARD:
            assert len(clause) <= 4 * HARD
            assert len(clause.split()) <= 2


@given(st.lists(st.sampled_from("we talk about it then, and. so? on! 3.5 1,000 U.S.".split(" ")), max_size=200))
@settings(max_examples=200, deadline=None)
def test_cuts_fall_between_words(tokens: list[str]) -> None:
    for before, after in pairwise(split(" ".join(tokens))):
        assert before[-1].isspace()
        assert not after[0].isspace()


@pytest.mark.parametrize(
    "unit", [" ", "\n", "a", ".", ",", ". ", "*", "`", "```", "[", "a. ", "**a ", "![](", "。", "\n- "]
)
@pytest.mark.parametrize("size", [7, 10**9])
def test_long_repetitions_cost_no_more_than_their_length(unit: str, size: int) -> None:
    text = unit * (10_000 // len(unit))
    started = time.process_time()
    assert "".join(split(text, size)) == text
    assert time.process_time() - started < 5
