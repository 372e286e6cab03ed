"""Packets are lost; what the local transcriber understands stays usable.

The caller's packets are SILK with in-band error correction, as browsers send when our answer asks for it. No network
is needed for it, so time is an argument and which packets are lost is the same in every run.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import jiwer
import pytest

from scripts.bench_network import SAID, SENTENCES
from scripts.speech import silence
from tests.faults.support import takes_minutes
from tests.unit.test_audio_opus import encode
from tests.unit.test_audio_receiver import Line, arrivals
from voice_agent.engines.local import catalog, flite
from voice_agent.engines.ports import Pcm, SpeechOptions, Synthesizer, Transcriber, TranscriptionOptions
from voice_agent.settings import EngineSettings

SEEDS = 4
AT_MOST = {0.0: 0.10, 0.01: 0.12, 0.05: 0.15, 0.10: 0.20, 0.20: 0.30}
"""Share of packets lost, and the word error rate up to which a transcript is usable. Measured over several seeds:
0.03-0.08, 0.06, 0.04-0.06, 0.07-0.12, 0.09-0.18."""


async def spoken(engine: Synthesizer, sentence: str) -> bytes:
    pieces = [chunk.data async for chunk in engine.speak(sentence, SpeechOptions()) if isinstance(chunk, Pcm)]
    return silence(300) + b"".join(pieces) + silence(500)


def received(pcm: bytes, loss: float, seed: int, *, jitter_s: float = 0.0) -> bytes:
    line = Line()
    packets = encode(pcm, mode="voip", loss=loss * 100)
    for at, number in arrivals(len(packets), loss=loss, jitter_s=jitter_s, seed=seed):
        line.packet(number, packets[number], at)
    return line.pcm


async def understood(engine: Transcriber, pcm: bytes) -> str:
    async with engine.open(TranscriptionOptions()) as stream:
        stream.push(pcm)
        stream.commit()
        return [transcript async for transcript in stream][-1].text or "nothing"


@contextlib.asynccontextmanager
async def engines() -> AsyncIterator[tuple[list[bytes], Transcriber]]:
    """The sentences as speech, and who is to understand them."""
    settings = EngineSettings(pocketsphinx_workers=1, synthesizer_workers=1)
    voice, transcriber = catalog.synthesizer("flite", settings), catalog.transcriber("pocketsphinx", settings)
    try:
        yield [await spoken(voice, sentence) for sentence in SENTENCES], transcriber
    finally:
        await voice.aclose()
        await transcriber.aclose()


@takes_minutes
@pytest.mark.timeout(600)
@pytest.mark.skipif(not flite.installed(), reason="the voice that is understood best, libflite, is not installed")
async def test_transcripts_stay_usable_when_packets_are_lost() -> None:
    async with engines() as (clips, transcriber):
        rates = {}
        for loss in AT_MOST:
            heard = [await understood(transcriber, received(clip, loss, seed)) for seed, clip in enumerate(clips)]
            rates[loss] = float(jiwer.wer(SAID, heard))
    print("word error rate by loss:", rates)
    assert all(rates[loss] <= most for loss, most in AT_MOST.items())


@takes_minutes
@pytest.mark.timeout(600)
@pytest.mark.skipif(not flite.installed(), reason="the voice that is understood best, libflite, is not installed")
async def test_with_a_twentieth_lost_and_uneven_arrival_nearly_as_many_words_are_understood() -> None:
    """Within three points of the word error rate on a good line, over many losses."""
    rates = {}
    async with engines() as (clips, transcriber):
        for name, loss, jitter_s in (("good", 0.0, 0.0), ("bad", 0.05, 0.03)):
            lines = [received(clip, loss, seed, jitter_s=jitter_s) for seed in range(SEEDS) for clip in clips]
            rates[name] = float(jiwer.wer(SAID * SEEDS, [await understood(transcriber, pcm) for pcm in lines]))
    print("word error rates:", rates)
    assert rates["bad"] <= rates["good"] + 0.03
