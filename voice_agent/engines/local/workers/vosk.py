"""Inside a worker: a Vosk model. Vosk ends sentences by itself; they are joined into one utterance here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vosk import KaldiRecognizer, Model, SetLogLevel  # type: ignore[import-not-found] # optional

from voice_agent.engines.local.workers.host import Job

_RATE_HZ = 16_000
_QUIET = -1


class VoskEngine:
    """`path`: folder of the model."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        SetLogLevel(_QUIET)
        self._model = Model(arguments["path"])

    def run(self, job: Job) -> None:
        recognizer = KaldiRecognizer(self._model, _RATE_HZ)
        recognizer.SetWords(True)
        sentences: list[dict[str, Any]] = []
        said = ""
        for piece in job.data():
            if recognizer.AcceptWaveform(piece):
                sentences.append(json.loads(recognizer.Result()))
            if job.behind:
                continue
            partial = json.loads(recognizer.PartialResult()).get("partial", "")
            text = _joined([*sentences, {"text": partial}])
            if text != said:
                said = text
                job.result({"text": text, "final": False, "words": _words(sentences)})
        sentences.append(json.loads(recognizer.FinalResult()))
        job.result({"text": _joined(sentences), "final": True, "words": _words(sentences)})


def _joined(sentences: list[dict[str, Any]]) -> str:
    return " ".join(sentence["text"] for sentence in sentences if sentence.get("text"))


def _words(sentences: list[dict[str, Any]]) -> list[tuple[str, int, int, float]]:
    return [
        (word["word"], round(word["start"] * 1000), round(word["end"] * 1000), float(word["conf"]))
        for sentence in sentences
        for word in sentence.get("result", ())
    ]
