"""FastRTC with a handler of the asynchronous kind: webrtcvad on what it receives, speech by the second to emit."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import numpy as np
import webrtcvad
from fastrtc import AsyncStreamHandler, Stream

from scripts.peers.wire import SPEECH_HZ, run, speech

SPEECH = np.frombuffer(speech(), np.int16)


class Handler(AsyncStreamHandler):  # type: ignore[misc, unused-ignore]
    def __init__(self) -> None:
        super().__init__(expected_layout="mono", output_sample_rate=SPEECH_HZ, input_sample_rate=16_000)
        self._detector = webrtcvad.Vad(2)
        self._heard = b""
        self._said = 0
        self._start = 0.0

    async def receive(self, frame: tuple[int, Any]) -> None:
        self._heard += frame[1].tobytes()
        while len(self._heard) >= 640:
            self._detector.is_speech(self._heard[:640], 16_000)
            self._heard = self._heard[640:]

    async def emit(self) -> tuple[int, Any]:
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        # A second ahead of what has been played: FastRTC's queue has no bound of its own.
        await asyncio.sleep(self._start + self._said / SPEECH_HZ - 1 - now)
        at = self._said % (len(SPEECH) - SPEECH_HZ)
        self._said += SPEECH_HZ
        return SPEECH_HZ, SPEECH[None, at : at + SPEECH_HZ]

    def copy(self) -> Handler:
        return Handler()


stream = Stream(handler=Handler(), modality="audio", mode="send-receive", concurrency_limit=1000)


async def answer(offer: str) -> str:
    body = {"sdp": offer, "type": "offer", "webrtc_id": uuid.uuid4().hex}
    made = await stream.handle_offer(body, set_outputs=stream.set_additional_outputs(body["webrtc_id"]))
    return str(made["sdp"])


run(answer)
