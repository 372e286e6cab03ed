"""Packets are lost; what the local transcriber understands stays usable.

The caller's packets are SILK with in-band error correction, as browsers send when our answer asks for it. No network
is needed for it, so time is an argument and which packets are lost is the same in every run.
"""

from __future__ import annotations

import random
import re

import jiwer
import pytest

from scripts.speech import silence
from tests.faults.support import takes_minutes
from tests.unit.test_audio_opus import encode
from tests.unit.test_audio_receiver import Line
from voice_agent.engines.local import catalog, flite
from voice_agent.engines.ports import Pcm, SpeechOptions, Synthesizer, Transcriber, TranscriptionOptions
from voice_agent.settings import EngineSettings

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
AT_MOST = {0.0: 0.10, 0.01: 0.12, 0.05: 0.15, 0.10: 0.20, 0.20: 0.30}
"""Share of packets lost, and the word error rate up to which a transcript is usable. Measured over several seeds:
0.03-0.08, 0.06, 0.04-0.06, 0.07-0.12, 0.09-0.18."""


async def spoken(engine: Synthesizer, sentence: str) -> bytes:
    pieces = [chunk.data async for chunk in engine.speak(sentence, SpeechOptions()) if isinstance(chunk, Pcm)]
    return silence(300) + b"".join(pieces) + silence(500)


def received(pcm: bytes, loss: float, seed: int) -> bytes:
    line, chance = Line(), random.Random(seed)
    for number, packet in enumerate(encode(pcm, mode="voip", loss=loss * 100)):
        if chance.random() >= loss:
            line.packet(number, packet, number * 0.02)
    return line.pcm


async def understood(engine: Transcriber, pcm: bytes) -> str:
    async with engine.open(TranscriptionOptions()) as stream:
        stream.push(pcm)
        stream.commit()
        return [transcript async for transcript in stream][-1].text or "nothing"


@takes_minutes
@pytest.mark.timeout(600)
@pytest.mark.skipif(not flite.installed(), reason="the voice that is understood best, libflite, is not installed")
async def test_transcripts_stay_usable_when_packets_are_lost() -> None:
    settings = EngineSettings(pocketsphinx_workers=1, synthesizer_workers=1)
    voice, transcriber = catalog.synthesizer("flite", settings), catalog.transcriber("pocketsphinx", settings)
    try:
        clips = [await spoken(voice, sentence) for sentence in SENTENCES]
        said = [re.sub("[^a-z ]", "", sentence.lower()) for sentence in SENTENCES]
        rates = {}
        for loss in AT_MOST:
            heard = [await understood(transcriber, received(clip, loss, seed)) for seed, clip in enumerate(clips)]
            rates[loss] = float(jiwer.wer(said, heard))
    finally:
        await voice.aclose()
        await transcriber.aclose()
    print("word error rate by loss:", rates)
    assert all(rates[loss] <= most for loss, most in AT_MOST.items())
