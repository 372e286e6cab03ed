"""Files of the outbox, byte by byte: what a kill or damage leaves of them, and what cannot get into them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.engines.ports import Word
from voice_agent.records import CallEnded, CallStarted, Turn, TurnMetrics
from voice_agent.storage.crypto import KEY_BYTES, SALT_BYTES, FileCipher, WrongKeyOrDamage, key_id
from voice_agent.storage.errors import StorageError
from voice_agent.storage.outbox_format import FRAME_BYTES, HEADER_BYTES, Header, decode_header, encode_frame, scan
from voice_agent.storage.outbox_records import decode_records, encode_record, join_records
from voice_agent.storage.rows import Record

KEY = bytes(range(KEY_BYTES))
HEADER = Header(key_id(KEY), b"s" * SALT_BYTES, 1_767_268_800_000)
BODIES = st.lists(st.binary(max_size=60), min_size=1, max_size=6)
TURN = Turn(
    call_id="c1",
    seq=3,
    role="assistant",
    channel="voice",
    text="Grüß Gott 🎧",
    heard="Grüß",
    start_ms=10,
    end_ms=900,
    interrupted=True,
    words=(Word("Grüß", 10, 200, 0.5), Word("Gott", 200, 400)),
    metrics=TurnMetrics(eou_ms=1, e2e_ms=6, input_tokens=7, engine="stub"),
)


def file_of(bodies: list[bytes]) -> bytes:
    return HEADER.encode() + b"".join(encode_frame(body, rows) for rows, body in enumerate(bodies, 1))


@given(BODIES)
def test_a_whole_file_is_read_whole(bodies: list[bytes]) -> None:
    data = file_of(bodies)
    found = scan(data)
    assert decode_header(data) == HEADER
    assert [frame.body for frame in found.frames] == bodies
    assert [(frame.number, frame.rows) for frame in found.frames] == [(n, n + 1) for n in range(len(bodies))]
    assert (found.whole_bytes, found.damaged) == (len(data), 0)


@given(BODIES, st.data())
def test_of_a_file_cut_anywhere_the_whole_frames_remain(bodies: list[bytes], data: st.DataObject) -> None:
    whole = file_of(bodies)
    cut = whole[: data.draw(st.integers(HEADER_BYTES, len(whole)))]
    found = scan(cut)
    assert [frame.body for frame in found.frames] == bodies[: len(found.frames)]
    assert found.whole_bytes == len(file_of(bodies[: len(found.frames)]))
    assert len(cut) - found.whole_bytes < FRAME_BYTES + 60
    assert found.damaged == 0


@given(BODIES, st.binary(min_size=1, max_size=40))
def test_a_tail_that_no_frame_explains_is_cut(bodies: list[bytes], tail: bytes) -> None:
    data = file_of(bodies)
    found = scan(data + tail)
    assert [frame.body for frame in found.frames] == bodies
    assert (found.whole_bytes, found.damaged) == (len(data), 0)


def test_a_broken_frame_before_a_whole_one_is_damage_and_no_tail() -> None:
    data = bytearray(file_of([b"first", b"second", b"third"]))
    data[len(file_of([b"first"])) + FRAME_BYTES] ^= 1
    found = scan(bytes(data))
    assert [frame.number for frame in found.frames] == [0, 2]
    assert (found.whole_bytes, found.damaged) == (len(data), 1)


@pytest.mark.parametrize("position", range(HEADER_BYTES))
def test_no_bit_of_a_header_is_believed_when_one_is_wrong(position: int) -> None:
    data = bytearray(HEADER.encode())
    data[position] ^= 1
    assert decode_header(bytes(data)) is None
    assert decode_header(bytes(data[:position])) is None


def test_a_file_of_a_newer_release_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_agent.storage.outbox_format._VERSION", 2)
    newer = HEADER.encode()
    monkeypatch.undo()
    with pytest.raises(StorageError, match="newer release"):
        decode_header(newer)


@given(st.text(), st.text(alphabet=st.characters()))
def test_records_come_back_as_they_were(text: str, heard: str) -> None:
    now = datetime(2026, 1, 1, 12, 0, 1, 5, tzinfo=UTC)
    records: list[Record] = [
        CallStarted("c1", "helpdesk", "webrtc", None, now),
        replace(TURN, text=text, heard=heard),
        replace(TURN, text="half a pair: \ud83d, and \0"),
        CallEnded("c1", now, "hangup"),
    ]
    assert decode_records(join_records([encode_record(record) for record in records])) == records


@pytest.mark.parametrize("pcm", [b"\0\1" * 160, bytearray(2), memoryview(b"\0\1")])
def test_bytes_cannot_be_written_whatever_the_types_say(pcm: Any) -> None:
    with pytest.raises(TypeError):
        encode_record(replace(TURN, text=pcm))


@pytest.mark.parametrize("stored", [[["Recording", {}]], [["Turn", {"seq": 1}]], [["CallEnded"]]])
def test_what_was_never_written_is_not_read(stored: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        assert decode_records(json.dumps(stored).encode()) != []


def test_a_part_opens_only_in_its_place_in_its_file_with_its_key() -> None:
    cipher = FileCipher(KEY, HEADER.salt)
    sealed = cipher.seal(4, b"what was said", b"header")
    assert b"said" not in sealed
    assert cipher.open(4, sealed, b"header") == b"what was said"
    other_file, other_key = FileCipher(KEY, b"t" * SALT_BYTES), FileCipher(bytes(KEY_BYTES), HEADER.salt)
    broken = bytes([sealed[0] ^ 1]) + sealed[1:]
    attempts = [
        (cipher, 5, sealed, b"header"),
        (cipher, 4, sealed, b"another"),
        (cipher, 4, broken, b"header"),
        (other_file, 4, sealed, b"header"),
        (other_key, 4, sealed, b"header"),
    ]
    for by, number, text, context in attempts:
        with pytest.raises(WrongKeyOrDamage):
            by.open(number, text, context)
