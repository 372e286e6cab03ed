"""The mark with which a model says that the caller has not finished."""

from __future__ import annotations

import pytest

from voice_agent.agents.unfinished import waits


@pytest.mark.parametrize("text", ["…", " …", "\n...", "… ", "...and then?"])
def test_the_mark_is_known_however_it_is_written(text: str) -> None:
    assert waits(text) is True


@pytest.mark.parametrize("text", ["Okay", " Well, …", ".NET is a framework.", "..Okay", "-"])
def test_an_answer_is_none(text: str) -> None:
    assert waits(text) is False


@pytest.mark.parametrize("text", ["", "  ", ".", " .."])
def test_what_may_become_either_is_not_decided(text: str) -> None:
    assert waits(text) is None
