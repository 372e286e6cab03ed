"""What callers cost while they are heard: from their datagrams to the segmenter, without a network.

    [AUDIO_BATCH_MS=0] python -m scripts.bench_receiving [--callers 60] [--seconds 16] [--rounds 3]

Real peers, SRTP, jitter buffers, decoders and detectors on a clock that jumps; only sockets and handshakes are missing.
Callers say a sentence and are silent for one and a half times as long, and send what the server asks browsers for:
wideband, and next to nothing in silence. Their number matters: what many calls touch in turn is in no cache, and more
voices are judged together. Nothing else of a call runs in between, so caches are warmer than in life. To compare two
versions, run it in both trees alternately and take the least of each. The events' times must stay the same.
"""

from __future__ import annotations

import os

# Before NumPy loads: threads would only be woken for products this small.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import asyncio
import itertools
import struct
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pylibsrtp
from aioice import ice
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters

from scripts import autojump
from scripts.load.voice import FRAME_SAMPLES, RATE_HZ, Coding, hangover, room, spoken
from signaling.peer import Peer
from voice_agent.audio.batching import DetectionBatch
from voice_agent.audio.segmenter import Segmenter
from voice_agent.audio.vad import SpeechDetector
from voice_agent.hardening import media_stack
from voice_agent.settings import Settings

Deliver = Callable[[bytes], None]

FRAME_S = 0.02
SENTENCES = (
    "Hello, I would like to ask about my order, the printer is on fire.",
    "No, the second one never arrived at our office in the city.",
)
CODING = Coding(wideband=True, discontinuous=True)
ADDRESS = ("127.0.0.1", 50_000)
PAYLOAD_TYPE = 96
SLOTS = 5
"""Of 20 ms: the callers' packets come spread over them."""
PHASES, PHASE_FRAMES = 8, 37
"""Callers begin at so many different times, so far apart."""

_HEADER = struct.Struct("!BBHII")
_EXTENSION = b"\xbe\xde\x00\x01\x10\xff\x00\x00"
"""One word of header extensions, as browsers send."""


class Session:
    """Only listens; `times`: where in the audio its events were, in ms."""

    def __init__(self, settings: Settings) -> None:
        self.detector = SpeechDetector(settings.audio)
        self._segmenter = Segmenter(settings.audio, voiced=self.detector.feed)
        self.times: list[int] = []

    def audio_in(self, pcm: bytes) -> None:
        for _ in self._segmenter.feed(pcm):
            self.times.append(self._segmenter.now_ms)

    def client_event(self, raw: str | bytes) -> None:
        pass

    def connected(self) -> None:
        pass


def payloads(phase: int) -> Iterator[bytes]:
    """One for each 20 ms; empty where nothing is sent."""
    quiet = itertools.cycle(room(CODING))
    yield from itertools.islice(quiet, phase * PHASE_FRAMES)
    for sentence in itertools.cycle(SENTENCES):
        speech = [*spoken(sentence, coding=CODING).packets, *hangover(CODING)]
        yield from speech
        yield from itertools.islice(quiet, len(speech) * 3 // 2)


def datagrams(number: int, key: bytes, frames: int) -> Iterator[bytes]:
    """SRTP of one caller, one for each 20 ms; empty where nothing is sent."""
    srtp = pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    sequence = 0
    for frame, payload in enumerate(itertools.islice(payloads(number % PHASES), frames)):
        if payload:
            sequence += 1
            header = _HEADER.pack(0x90, PAYLOAD_TYPE, sequence & 0xFFFF, frame * FRAME_SAMPLES, 1 + number)
            yield srtp.protect(header + _EXTENSION + payload)
        else:
            yield b""


async def connected(settings: Settings, batch: DetectionBatch | None, session: Session, key: bytes) -> Deliver:
    """A peer as it is after its handshakes; returns what gives it a datagram."""
    peer = Peer(settings, lambda _: None, batch)
    peer.bind(session)
    # It would miss its handshakes.
    peer._watch_timer.cancel()
    receiver = peer._pc.addTransceiver("audio", direction="sendrecv").receiver
    media_stack.receive_packets(receiver, peer._packet, clock_rate_hz=RATE_HZ)
    opus = RTCRtpCodecParameters(mimeType="audio/opus", clockRate=RATE_HZ, channels=2, payloadType=PAYLOAD_TYPE)
    await receiver.receive(RTCRtpReceiveParameters(codecs=[opus]))
    transport: Any = receiver.transport
    transport._rx_srtp = pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND))
    connection = transport.transport._connection
    protocol = ice.StunProtocol(connection)
    protocol.local_candidate = SimpleNamespace(component=1)  # type: ignore[assignment]
    remote: Any = SimpleNamespace(_network_host=ADDRESS[0], port=ADDRESS[1])
    connection._nominated[1] = ice.CandidatePair(protocol, remote)
    return lambda datagram: protocol.datagram_received(datagram, ADDRESS)


async def cost(callers: int, seconds: int) -> tuple[float, int, int]:
    """CPU time in us per second of a call; the datagrams; the sum of the events' times."""
    media_stack.apply()
    settings, frames = Settings(), int(seconds / FRAME_S)
    batch = DetectionBatch(settings.audio.batch_ms / 1000) if settings.audio.batch_ms else None
    sessions = [Session(settings) for _ in range(callers)]
    ticks: list[list[tuple[Deliver, bytes]]] = [[] for _ in range(frames)]
    for number, session in enumerate(sessions):
        key = number.to_bytes(30, "big")
        deliver = await connected(settings, batch, session, key)
        for tick, datagram in zip(ticks, datagrams(number, key, frames), strict=True):
            if datagram:
                tick.append((deliver, datagram))
    started = time.process_time()
    for tick in ticks:
        for slot in range(SLOTS):
            for deliver, datagram in tick[slot::SLOTS]:
                deliver(datagram)
            await asyncio.sleep(FRAME_S / SLOTS)
    spent_us = (time.process_time() - started) * 1e6
    return spent_us / (callers * seconds), sum(map(len, ticks)), sum(sum(session.times) for session in sessions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rounds = [autojump.run(cost(asked.callers, asked.seconds)) for _ in range(asked.rounds)]
    least, count, times = min(rounds)
    per_second = count / asked.callers / asked.seconds
    print(f"{least:.0f} us per second of a call, {per_second:.1f} packets a second, events at {times} ms in all")


if __name__ == "__main__":
    main()
