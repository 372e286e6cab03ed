"""Inside a worker: a streaming transducer. It answers in pieces of words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sherpa_onnx  # type: ignore[import-not-found] # optional

from voice_agent.engines.local.workers.host import Job
from voice_agent.engines.local.workers.tokens import words_of

_RATE_HZ = 16_000
_TAIL_S = 0.66
"""Silence after the end that flushes the model's right context, as the project's own examples use."""


class SherpaOnnxEngine:
    """`files`: tokens, encoder, decoder, joiner; `threads`: CPU threads."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
            **arguments["files"], num_threads=int(arguments["threads"])
        )

    def run(self, job: Job) -> None:
        stream = self._recognizer.create_stream()
        said = ""
        for piece in job.data():
            self._decode(stream, np.frombuffer(piece, dtype="<i2").astype(np.float32) / 32768)
            if job.behind:
                continue
            text = self._recognizer.get_result(stream)
            if text != said:
                said = text
                job.result({"text": text.strip(), "final": False, "words": self._words(stream)})
        self._decode(stream, np.zeros(int(_TAIL_S * _RATE_HZ), dtype=np.float32))
        stream.input_finished()
        while self._recognizer.is_ready(stream):
            self._recognizer.decode_stream(stream)
        text = self._recognizer.get_result(stream)
        job.result({"text": text.strip(), "final": True, "words": self._words(stream)})

    def _decode(self, stream: Any, samples: Any) -> None:
        stream.accept_waveform(_RATE_HZ, samples)
        while self._recognizer.is_ready(stream):
            self._recognizer.decode_stream(stream)

    def _words(self, stream: Any) -> list[tuple[str, int, int, None]]:
        return words_of(self._recognizer.tokens(stream), self._recognizer.timestamps(stream))
