"""Whisper-family models by faster-whisper (CTranslate2), for operators who have a model on disk. No partials."""

from __future__ import annotations

from voice_agent.engines.local.models import require_package, require_path
from voice_agent.engines.local.transcriber import WorkerTranscriber
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings


class FasterWhisperTranscriber(WorkerTranscriber):
    """Uses language, prompt and hints. Raises ConfigurationError if the package or the model is missing."""

    def __init__(self, settings: EngineSettings) -> None:
        require_package("faster_whisper", "faster-whisper", "TRANSCRIBER=faster-whisper")
        path = require_path(settings.transcriber_model_path, "TRANSCRIBER_MODEL_PATH", "a CTranslate2 model's folder")
        super().__init__(
            "faster-whisper",
            WorkerSpec(
                "voice_agent.engines.local.workers.faster_whisper:FasterWhisperEngine",
                {"path": str(path), "threads": settings.transcriber_threads},
            ),
            partials=False,
            workers=settings.transcriber_workers,
            settings=settings,
            seeded=True,
            verbatim=settings.transcriber_verbatim,
        )
