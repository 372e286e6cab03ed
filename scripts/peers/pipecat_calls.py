"""Calls of Pipecat's SmallWebRTC transport: one pipeline for each offer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from loguru import logger
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest, SmallWebRTCRequestHandler
from pipecat.workers.runner import WorkerRunner

logger.remove()  # each frame of its log would be measured too


class PipecatCalls:
    def __init__(self, pipeline: Callable[[Any], Pipeline]) -> None:
        self._pipeline = pipeline
        self._handler = SmallWebRTCRequestHandler()
        self._calls: set[asyncio.Task[None]] = set()

    async def answer(self, offer: str) -> str:
        async def begin(connection: Any) -> None:
            call = asyncio.create_task(self._run(self._pipeline(connection)))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

        made = await self._handler.handle_web_request(SmallWebRTCRequest(sdp=offer, type="offer"), begin)
        assert made is not None
        return str(made["sdp"])

    async def _run(self, pipeline: Pipeline) -> None:
        worker = PipelineWorker(pipeline, params=PipelineParams(audio_out_sample_rate=24_000), idle_timeout_secs=None)
        await WorkerRunner(handle_sigint=False).run(worker)
