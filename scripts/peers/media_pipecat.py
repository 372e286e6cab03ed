"""Pipecat's SmallWebRTC transport with its Silero, and a processor that pushes speech by the second.

WITHOUT_VAD=1 leaves the detector out.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import Frame, OutputAudioRawFrame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

from scripts.peers.pipecat_calls import PipecatCalls
from scripts.peers.wire import SPEECH_HZ, run, speech

SPEECH = speech()
SECOND = SPEECH_HZ * 2


class Voice(FrameProcessor):  # type: ignore[misc, unused-ignore]
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.create_task(self._talk())

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        start, seconds = loop.time(), 0
        while True:
            at = seconds * SECOND % (len(SPEECH) - SECOND)
            await self.push_frame(OutputAudioRawFrame(SPEECH[at : at + SECOND], SPEECH_HZ, 1))
            seconds += 1
            await asyncio.sleep(start + seconds - 1 - loop.time())


def pipeline(connection: Any) -> Pipeline:
    transport = SmallWebRTCTransport(
        connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True, audio_out_sample_rate=SPEECH_HZ)
    )
    detector = [] if os.environ.get("WITHOUT_VAD") else [VADProcessor(vad_analyzer=SileroVADAnalyzer())]
    return Pipeline([transport.input(), *detector, Voice(), transport.output()])


run(PipecatCalls(pipeline).answer)
