"""Vosk (Kaldi) models, streaming with partials, for operators who have a model on disk."""

from __future__ import annotations

from voice_agent.engines.local.models import require_package, require_path
from voice_agent.engines.local.transcriber import WorkerTranscriber
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings


class VoskTranscriber(WorkerTranscriber):
    """The model decides the language. Raises ConfigurationError if the package or the model is missing."""

    def __init__(self, settings: EngineSettings) -> None:
        require_package("vosk", "vosk", "TRANSCRIBER=vosk")
        path = require_path(settings.transcriber_model_path, "TRANSCRIBER_MODEL_PATH", "a Vosk model's folder")
        super().__init__(
            "vosk",
            WorkerSpec("voice_agent.engines.local.workers.vosk:VoskEngine", {"path": str(path)}),
            partials=True,
            workers=settings.transcriber_workers,
            settings=settings,
            verbatim=settings.transcriber_verbatim,
        )
