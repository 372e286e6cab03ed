"""Plain aiortc as its documentation shows it: frames from the track, a resampler, webrtcvad; frames to the track."""

from __future__ import annotations

import asyncio
import fractions
from typing import Any

import av
import webrtcvad
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from scripts.peers.wire import FRAME_BYTES, SPEECH_HZ, run, speech

SPEECH = speech()
calls: dict[RTCPeerConnection, asyncio.Task[None]] = {}


class Voice(MediaStreamTrack):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._samples = 0
        self._start = 0.0

    async def recv(self) -> Any:
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        await asyncio.sleep(self._start + self._samples / SPEECH_HZ - now)
        at = self._samples * 2 % len(SPEECH)
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME_BYTES // 2)
        frame.planes[0].update(SPEECH[at : at + FRAME_BYTES])
        frame.sample_rate, frame.pts = SPEECH_HZ, self._samples
        frame.time_base = fractions.Fraction(1, SPEECH_HZ)
        self._samples += FRAME_BYTES // 2
        return frame


async def hear(track: MediaStreamTrack) -> None:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000, frame_size=320)
    detector = webrtcvad.Vad(2)
    try:
        while True:
            frame: Any = await track.recv()
            for resampled in resampler.resample(frame):
                detector.is_speech(bytes(resampled.planes[0])[:640], 16_000)
    except MediaStreamError:
        return


async def answer(offer: str) -> str:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    @pc.on("track")
    def _(track: MediaStreamTrack) -> None:
        calls[pc] = asyncio.create_task(hear(track))

    pc.addTrack(Voice())
    await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    return str(pc.localDescription.sdp)


run(answer)
