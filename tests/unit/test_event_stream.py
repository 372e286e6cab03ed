"""Server-sent events are read whole, however the network cuts them."""

from __future__ import annotations

import pytest

from voice_agent.engines.openai.event_stream import EventReader
from voice_agent.engines.ports import EngineError

STREAM = b': hello\n\nevent: x\ndata: {"a": 1}\nid: 7\n\ndata:[1,\ndata: 2]\n\ndata: "\xc3\xa9"\r\n\r\ndata: [DONE]\n\n'
EVENTS = [b'{"a": 1}', b"[1,\n2]", b'"\xc3\xa9"', b"[DONE]"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
def test_events_are_the_same_wherever_the_pieces_end(size: int) -> None:
    reader = EventReader(1000)
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


def test_an_event_is_given_out_with_its_blank_line_and_not_before() -> None:
    reader = EventReader(1000)
    assert reader.feed(b"data: 1\n") == []
    assert reader.feed(b"\n") == [b"1"]
    assert reader.feed(b"data: 2") == []


@pytest.mark.parametrize("piece", [b"1" * 10, b"data: 1\n", b"data:1\n: \n"])
def test_an_event_is_bounded_and_a_stream_is_not(piece: bytes) -> None:
    reader = EventReader(100)
    with pytest.raises(EngineError):
        any(reader.feed(piece) for _ in range(100))
    reader = EventReader(100)
    assert sum(len(reader.feed(b": waiting\n\n" + b"data: 1\n\n")) for _ in range(100)) == 100
