"""The agent's voice as it arrives at a caller: whole, at a good level, and understood by a machine without the text."""

from __future__ import annotations

import itertools

import jiwer
import numpy as np
import soxr
from aiohttp import ClientSession
from pocketsphinx import Decoder

from scripts.live_server import serving
from tests.live_caller import RATE_HZ, calling, joined, level_dbfs
from voice_agent.text.words import folded

ASKED = "I cannot print, my printer is offline."
HOLE_S = 0.6
"""Longer than the pause between two sentences. On an idle machine there is no hole; on a starved one the sender gives
up the time by which it is late."""
LEVEL_DBFS = (-30.0, -10.0)
WORD_ERRORS = 0.5
"""eSpeak's voice, used where flite is not installed, is the worse of the two."""


async def test_the_voice_arrives_whole_and_can_be_understood() -> None:
    with serving(WORKER_NICENESS="0") as server:
        key = server.make_key()
        async with ClientSession() as http, calling(server.url, http, key) as caller:
            asked = caller.now()
            caller.write(ASKED)
            began = await caller.sound(asked)
            await caller.event("output_audio_buffer.stopped")
            await caller.until(caller.said)
            heard, words = list(caller.heard), caller.said()
            assert caller.longest_silence(began) <= HOLE_S
    steps = [after.timestamp - before.timestamp for before, after in itertools.pairwise(heard)]
    assert min(steps) == RATE_HZ // 50
    assert max(steps) <= HOLE_S * RATE_HZ
    samples = np.frombuffer(joined(heard), np.int16)
    assert np.abs(samples.astype(int)).max() < 32767
    assert LEVEL_DBFS[0] < level_dbfs(samples.tobytes()) < LEVEL_DBFS[1]
    assert jiwer.wer(folded(words), folded(understood(samples))) <= WORD_ERRORS


def understood(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> str:
    """What a recogniser makes of 48 kHz."""
    decoder = Decoder(samprate=16_000, fwdflat=False, loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(soxr.resample(samples, RATE_HZ, 16_000).astype("<i2").tobytes(), False, True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return str(hypothesis.hypstr) if hypothesis is not None else ""
