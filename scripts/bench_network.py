"""What a bad network does to a call: heard, delayed, understood, and answered in packets that survive it.

    python -m scripts.bench_network [--calls 2] [--loss 0,1,5,10,20] [--jitter-ms 0,30,60] [--json network.json]

Callers of `scripts/load` speak to real peers through `scripts/udp_relay.py`, which loses packets both ways and delays
each by a random time up to the jitter. For every condition:

    heard     share of the frames sent that reached the session delivered or concealed, not as silence
    delay     from a packet's sending to its decoding, median (p95), in the first and the last quarter of the call:
              the network's own delay is in it, half the jitter in the median; a buffer that only grows would show
    stretch   how much longer what was heard is than what was said
    WER       word error rate of the local transcriber, against the words that were spoken
    VOIP      when the agent's speech changed to the encoder with error correction, after the network became bad

All calls of one loss run at once, in real time (half a minute each); the transcriber works afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import uvloop

from scripts.load.rtc import Arrived, Microphones, RtcCaller
from scripts.load.voice import FRAME_SAMPLES, RATE_HZ, Utterance
from scripts.speech import synthesize
from scripts.udp_relay import Impairment, UdpRelay, through
from signaling.peer import Peer
from voice_agent.audio.opus import Encoder
from voice_agent.audio.resample import Resampler
from voice_agent.engines.local import catalog, flite
from voice_agent.engines.ports import Pcm, SpeechOptions, Synthesizer, Transcriber, TranscriptionOptions
from voice_agent.settings import EngineSettings, ServerSettings, Settings

SENTENCES = (
    "the printer is offline and I tried that already",
    "please send the report to the office in the morning",
    "my computer is very slow since the last update",
    "what is the weather like in london today",
    "I have ten years of experience with computers",
    "there is no sound in the meeting",
    "the train was late and I missed the start of the meeting",
    "we should talk about the plan for next week",
)
SAID = [re.sub("[^a-z ]", "", sentence.lower()) for sentence in SENTENCES]
"""As the local transcriber writes them."""
FRAME_MS = 20
_LEAD_FRAMES, _GAP_FRAMES = 15, 40
"""Quiet before and after each sentence: 0.3 and 0.8 s."""
_NOISE = 20.0
_FIRST_CELT = 16
"""Opus configurations from here on are CELT; VOIP uses those below (RFC 6716, 3.1)."""
_BITRATE, _COMPLEXITY = 32_000, 5
_MOST_EXPECTED_LOSS = 20.0


@dataclass(frozen=True, slots=True)
class Speech:
    """All sentences as one stream of packets; `spans` are the packets of each sentence, quiet included."""

    packets: tuple[bytes, ...]
    spans: tuple[tuple[int, int], ...]


@dataclass
class Row:
    """One condition, over all of its calls."""

    loss: float
    jitter_ms: float
    sent: int = 0
    decoded: int = 0
    heard: float = 0.0
    stretch_ms: float = 0.0
    delay_first_ms: tuple[float, float] = (0.0, 0.0)
    delay_last_ms: tuple[float, float] = (0.0, 0.0)
    word_error_rate: float | None = None
    voip_after_s: list[float | None] = field(default_factory=list)
    """Per call; None: never."""


class Timed:
    """A decoder that notes when each payload is decoded."""

    def __init__(self, decoder: Any, now: Callable[[], float]) -> None:
        self._decoder = decoder
        self._now = now
        self.at: dict[bytes, float] = {}

    def decode(self, payload: bytes) -> bytes:
        self.at[payload] = self._now()
        pcm: bytes = self._decoder.decode(payload)
        return pcm

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)


class Call:
    """A caller, a relay and a peer with an agent who talks all the time."""

    detector = None

    def __init__(self, row: Row, seed: int) -> None:
        self.row = row
        self.frames: list[bytes] = []
        self._seed = seed
        self._loop = asyncio.get_running_loop()
        self._voip_at: float | None = None
        self._agent: asyncio.Task[None] | None = None
        self._peer: Peer
        self._caller: RtcCaller
        self._relay: UdpRelay

    async def connect(self, stack: AsyncExitStack, microphones: Microphones, agent: bytes) -> None:
        self._caller = RtcCaller(microphones, on_packet=self._agents_packet, decrypt=True)
        stack.push_async_callback(self._caller.hang_up)

        async def signal(offer: str) -> str:
            settings = Settings(server=ServerSettings(media_host="127.0.0.1"))
            self._peer, answer = await Peer.answer(offer, settings=settings, on_closed=lambda _: None)
            stack.push_async_callback(self._peer.close)
            self._peer.bind(self)
            address = re.search(r"^a=candidate:(?:\S+ ){4}(\S+) (\d+)", answer, re.MULTILINE)
            assert address is not None
            self._relay = await stack.enter_async_context(UdpRelay((address[1], int(address[2])), seed=self._seed))
            return through(answer, self._relay.address)

        await self._caller.call(signal)
        self._agent = asyncio.create_task(self._talk(agent))
        stack.callback(self._agent.cancel)

    # --- what the peer tells its session ----------------------------------------------------------------------------

    def audio_in(self, pcm: bytes) -> None:
        self.frames.append(pcm)

    def client_event(self, raw: str | bytes) -> None:
        """The caller says nothing by events."""

    def connected(self) -> None:
        """The caller waits for the same."""

    # --- the measurement --------------------------------------------------------------------------------------------

    async def run(self, speech: Speech) -> list[bytes]:
        """Says everything; returns what was heard of each sentence, mono s16le at 16 kHz."""
        receiver: Any = self._peer._receiver
        timed = receiver._decoder = Timed(receiver._decoder, self._loop.time)
        self._relay.impairment = Impairment(loss=self.row.loss, jitter_ms=self.row.jitter_ms)
        bad_since = self._loop.time()
        sent, frames, silent_ms = self._caller.traffic.sent, len(self.frames), receiver.silence_ms
        start = frames
        said_at: dict[bytes, float] = {}
        for packet in speech.packets:
            # One by one, so that the time of each is known; the callers' pace is the microphones'.
            moment = await self._caller.say(Utterance("", (packet,), 0.0))
            said_at[packet] = moment
        await asyncio.sleep(0.3)
        receiver._decoder = timed._decoder
        row = self.row
        sent = self._caller.traffic.sent - sent
        frames = len(self.frames) - frames
        silent = (receiver.silence_ms - silent_ms) / FRAME_MS
        row.sent += sent
        row.decoded += len(timed.at)
        row.heard += min(1.0, (frames - silent) / sent)
        row.stretch_ms += (frames - sent) * FRAME_MS
        delays = [timed.at[packet] - said_at[packet] for packet in speech.packets if packet in timed.at]
        quarter = len(delays) // 4
        row.delay_first_ms = _worse(row.delay_first_ms, delays[:quarter])
        row.delay_last_ms = _worse(row.delay_last_ms, delays[-quarter:])
        row.voip_after_s.append(None if self._voip_at is None else self._voip_at - bad_since)
        heard = self.frames[start:]
        return [b"".join(heard[first : last + 10]) for first, last in speech.spans]

    async def _talk(self, agent: bytes) -> None:
        speech: Any = self._peer.speech
        speech.begin("speech")
        while True:
            await speech.room()
            speech.write(Pcm(agent, 24_000))

    def _agents_packet(self, packet: Arrived) -> None:
        if self._voip_at is None and packet.payload and packet.payload[0] >> 3 < _FIRST_CELT:
            self._voip_at = packet.at


def _worse(before: tuple[float, float], delays: Sequence[float]) -> tuple[float, float]:
    """Median and p95 in ms, of the worse of the calls."""
    return max(before, (float(np.median(delays)) * 1000, float(np.percentile(delays, 95)) * 1000))


# --- speech -------------------------------------------------------------------------------------------------------


async def clips(voice: Synthesizer) -> list[bytes]:
    """The sentences, mono s16le at 48 kHz."""
    made = []
    for sentence in SENTENCES:
        pieces = [chunk async for chunk in voice.speak(sentence, SpeechOptions()) if isinstance(chunk, Pcm)]
        resampler = Resampler(pieces[0].rate_hz, RATE_HZ)
        made.append(resampler.feed(b"".join(piece.data for piece in pieces)) + resampler.flush())
    return made


def encoded(voices: Sequence[bytes], loss: float) -> Speech:
    """As a browser that has been told of the loss: VOIP, with a copy of each packet in the next. No two are alike."""
    noise = np.random.default_rng(1)
    encoder = Encoder(RATE_HZ, bitrate=_BITRATE, complexity=_COMPLEXITY, mode="voip")
    encoder.set_expected_loss(min(loss * 100, _MOST_EXPECTED_LOSS))
    packets: list[bytes] = []
    spans = []
    quiet = np.zeros(FRAME_SAMPLES)
    try:
        for voice in voices:
            samples = np.frombuffer(voice, np.int16).astype(np.float64)
            samples = np.concatenate([samples, np.zeros(-len(samples) % FRAME_SAMPLES)])
            frames = [quiet] * _LEAD_FRAMES + list(samples.reshape(-1, FRAME_SAMPLES)) + [quiet] * _GAP_FRAMES
            first = len(packets)
            for frame in frames:
                noisy = np.clip(frame + noise.normal(0, _NOISE, FRAME_SAMPLES), -32768, 32767)
                packets.append(encoder.encode(noisy.astype("<i2").tobytes()))
            spans.append((first, len(packets)))
    finally:
        encoder.close()
    return Speech(tuple(packets), tuple(spans))


async def transcript(engine: Transcriber, room: asyncio.Semaphore, pcm: bytes) -> str:
    async with room, engine.open(TranscriptionOptions()) as stream:
        stream.push(pcm)
        stream.commit()
        return [each async for each in stream][-1].text or "nothing"


async def measure(losses: Sequence[float], jitters: Sequence[float], calls: int) -> list[Row]:
    settings = EngineSettings(pocketsphinx_workers=2, synthesizer_workers=1, worker_niceness=0)
    engine = "flite" if flite.installed() else "espeak"
    voice, transcriber = catalog.synthesizer(engine, settings), catalog.transcriber("pocketsphinx", settings)
    room = asyncio.Semaphore(settings.pocketsphinx_workers)
    rows = []
    try:
        voices = await clips(voice)
        agent = synthesize("The agent goes on talking, because its packets are to be counted. ", 24_000)
        for loss in losses:
            speech = encoded(voices, loss)
            async with AsyncExitStack() as stack:
                microphones = await stack.enter_async_context(Microphones())
                under = [Row(loss, jitter) for jitter in jitters]
                running = [Call(row, seed) for row in under for seed in range(1, calls + 1)]
                for call in running:
                    await call.connect(stack, microphones, agent)
                heard = await asyncio.gather(*(call.run(speech) for call in running))
            for index, row in enumerate(under):
                row.heard /= calls
                row.stretch_ms /= calls
                pieces = [piece for each in heard[index * calls : (index + 1) * calls] for piece in each]
                texts = await asyncio.gather(*(transcript(transcriber, room, piece) for piece in pieces))
                row.word_error_rate = float(jiwer.wer(SAID * calls, list(texts)))
                rows.append(row)
                print(line(row), flush=True)
    finally:
        await voice.aclose()
        await transcriber.aclose()
    return rows


HEADS = f"{'loss':>5}{'jitter':>8}{'heard':>9}{'delay first':>15}{'delay last':>15}{'stretch':>9}{'WER':>8}  VOIP after"


def line(row: Row) -> str:
    """One row of the table."""
    first, last = (f"{median:.0f} ({p95:.0f})" for median, p95 in (row.delay_first_ms, row.delay_last_ms))
    voip = ", ".join("never" if each is None else f"{each:.1f} s" for each in row.voip_after_s)
    return (
        f"{row.loss:5.0%}{row.jitter_ms:5.0f} ms{row.heard:9.2%}{first:>15}{last:>15}"
        f"{row.stretch_ms:6.0f} ms{row.word_error_rate or 0:8.1%}  {voip}"
    )


def numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", type=numbers, default=[0, 1, 5, 10, 20], help="percent, both ways")
    parser.add_argument("--jitter-ms", type=numbers, default=[0, 30, 60])
    parser.add_argument("--calls", type=int, default=2, help="for each condition, with losses of their own")
    parser.add_argument("--json", type=Path, help="where to write the rows as JSON as well")
    options = parser.parse_args()
    print(HEADS)
    rows = uvloop.run(measure([loss / 100 for loss in options.loss], options.jitter_ms, options.calls))
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
