"""A conversation as Pipecat sets one up by default: Silero, its turn model, and OpenAI's three services."""

from __future__ import annotations

import os
from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

from scripts.peers.pipecat_calls import PipecatCalls
from scripts.peers.wire import run

PROVIDER = {"api_key": "unused", "base_url": os.environ["OPENAI_BASE_URL"]}


def pipeline(connection: Any) -> Pipeline:
    transport = SmallWebRTCTransport(connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True))
    aggregators = LLMContextAggregatorPair(
        LLMContext([{"role": "system", "content": "Answer briefly."}]),
        user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()),
    )
    return Pipeline(
        [
            transport.input(),
            OpenAISTTService(**PROVIDER),
            aggregators.user(),
            OpenAILLMService(**PROVIDER),
            OpenAITTSService(**PROVIDER),
            transport.output(),
            aggregators.assistant(),
        ]
    )


run(PipecatCalls(pipeline).answer)
