"""Speech over a WebSocket: formats, addresses, order, and what is taken back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from signaling.ws_speech import WebSocketSpeech
from voice_agent.audio.opus import Encoder
from voice_agent.engines.ports import AudioChunk, OpusPackets, Pcm

PART = {
    "type": "response.content_part.added",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 2,
    "content_index": 0,
}


class Queue:
    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []

    def send_audio(self, event: Mapping[str, Any]) -> None:
        self.events.append(event)

    def drop_audio(self) -> None:
        self.events.clear()

    async def room(self) -> None:
        pass

    @property
    def sound(self) -> bytes:
        return b"".join(base64.b64decode(event["delta"]) for event in self.events)


def tone(rate_hz: int, ms: int) -> bytes:
    seconds = np.arange(rate_hz * ms // 1000) / rate_hz
    return (np.sin(2 * np.pi * 440 * seconds) * 8000).astype("<i2").tobytes()


def speech_in(output_format: str = "audio/pcm") -> tuple[WebSocketSpeech, Queue]:
    queue = Queue()
    speech = WebSocketSpeech(queue, lambda: "event_1")
    response = {"audio": {"output": {"format": {"type": output_format}}}}
    speech.observe({"type": "response.created", "response": response})
    speech.begin("item_1")
    speech.observe(PART)
    return speech, queue


@pytest.mark.parametrize(("output_format", "bytes_per_ms"), [("audio/pcm", 48), ("audio/pcmu", 8), ("audio/pcma", 8)])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 48_000])
async def test_any_rate_leaves_in_the_responses_format(output_format: str, bytes_per_ms: int, rate_hz: int) -> None:
    speech, queue = speech_in(output_format)
    length_ms = sum(speech.write(Pcm(tone(rate_hz, 100), rate_hz)) for _ in range(5))
    speech.end()
    speech.close()
    assert length_ms == pytest.approx(500, abs=2)
    assert len(queue.sound) == pytest.approx(500 * bytes_per_ms, rel=0.02)


async def test_opus_packets_are_decoded() -> None:
    encoder = Encoder(24_000, bitrate=32_000, complexity=5, mode="celt")
    packets = tuple(encoder.encode(tone(24_000, 20)) for _ in range(10))
    speech, queue = speech_in()
    chunk: AudioChunk = OpusPackets(packets)
    assert speech.write(chunk) == 200
    assert len(queue.sound) == 200 * 48
    assert np.abs(np.frombuffer(queue.sound, "<i2")).max() > 4000


async def test_sound_waits_for_the_part_it_belongs_to() -> None:
    queue = Queue()
    speech = WebSocketSpeech(queue, lambda: "event_1")
    speech.begin("item_1")
    speech.write(Pcm(tone(24_000, 20), 24_000))
    assert not queue.events
    speech.observe(PART)
    (delta,) = queue.events
    assert (delta["response_id"], delta["output_index"], delta["content_index"]) == ("resp_1", 2, 0)
    assert queue.sound == tone(24_000, 20)


async def test_the_last_sound_leaves_before_the_session_says_that_it_was_the_last() -> None:
    speech, queue = speech_in()
    speech.write(Pcm(tone(16_000, 100), 16_000))
    before = len(queue.sound)
    speech.observe({"type": "response.output_audio.done", "item_id": "item_1"})
    after = len(queue.sound)
    speech.end()
    speech.close()
    assert before <= after == len(queue.sound)
    assert after == pytest.approx(4800, rel=0.02)


async def test_clear_takes_back_what_has_not_left_and_nothing_drains() -> None:
    speech, queue = speech_in()
    drained = asyncio.Event()
    speech.on_drained = drained.set
    speech.write(Pcm(tone(24_000, 20), 24_000))
    speech.end()
    speech.clear()
    assert not queue.events
    assert speech.position_ms <= 20
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(drained.wait(), 0.1)


async def test_a_reply_without_sound_drains_at_once_and_never_starts() -> None:
    speech, _ = speech_in()
    started, drained = asyncio.Event(), asyncio.Event()
    speech.on_started, speech.on_drained = started.set, drained.set
    speech.end()
    await asyncio.wait_for(drained.wait(), 5)
    assert not started.is_set()
    assert speech.position_ms == 0


async def test_the_start_is_told_after_the_write_and_not_of_sound_that_was_taken_back() -> None:
    speech, _ = speech_in()
    started = asyncio.Event()
    speech.on_started = started.set
    speech.write(Pcm(tone(24_000, 20), 24_000))
    speech.clear()
    await asyncio.sleep(0)
    speech.begin("item_1")
    speech.write(Pcm(tone(24_000, 20), 24_000))
    assert not started.is_set()
    await asyncio.wait_for(started.wait(), 5)
