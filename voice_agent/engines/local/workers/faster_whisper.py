"""Inside a worker: a Whisper-family model, one pass over the whole utterance after its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from faster_whisper import WhisperModel  # type: ignore[import-not-found] # optional

from voice_agent.engines.local.workers.host import Job

_NO_SPEECH = 0.6
"""Whisper invents sentences on silence; a segment it thinks likelier to be none is left out."""


class FasterWhisperEngine:
    """`path`: folder of a CTranslate2 model; `threads`: CPU threads."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._model = WhisperModel(
            arguments["path"], compute_type="default", cpu_threads=int(arguments["threads"]), local_files_only=True
        )

    def run(self, job: Job) -> None:
        pcm = b"".join(job.data())
        if not pcm:
            job.result({"text": "", "final": True, "words": []})
            return
        language = job.options["language"]
        hints = job.options.get("hints", ())
        segments, _ = self._model.transcribe(
            np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768,
            language=language if language in self._model.supported_languages else None,
            initial_prompt=str(job.options["prompt"]) or None,
            hotwords=", ".join(map(str, hints)) if isinstance(hints, list) and hints else None,
            beam_size=1,
            condition_on_previous_text=False,
            word_timestamps=True,
        )
        texts: list[str] = []
        words: list[tuple[str, int, int, float]] = []
        for segment in segments:  # decoded one by one as we iterate
            if job.cancelled:
                break
            if segment.no_speech_prob > _NO_SPEECH:
                continue
            texts.append(segment.text.strip())
            words += [
                (w.word.strip(), round(w.start * 1000), round(w.end * 1000), float(w.probability))
                for w in segment.words or ()
            ]
        job.result({"text": " ".join(texts), "final": True, "words": words})
