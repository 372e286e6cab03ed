"""Streaming transducer models (Zipformer) by sherpa-onnx, for operators who have a model on disk."""

from __future__ import annotations

from voice_agent.engines.local.models import require_file, require_package, require_path
from voice_agent.engines.local.transcriber import WorkerTranscriber
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings

_SETTING = "TRANSCRIBER_MODEL_PATH"


class SherpaOnnxTranscriber(WorkerTranscriber):
    """The model decides the language. Raises ConfigurationError if the package or a file of the model is missing."""

    def __init__(self, settings: EngineSettings) -> None:
        require_package("sherpa_onnx", "sherpa-onnx", "TRANSCRIBER=sherpa-onnx")
        folder = require_path(
            settings.transcriber_model_path,
            _SETTING,
            "a streaming transducer's folder (tokens.txt, encoder*.onnx, decoder*.onnx, joiner*.onnx)",
        )
        files = {
            part: str(require_file(folder, f"{part}*.onnx", _SETTING)) for part in ("encoder", "decoder", "joiner")
        }
        files["tokens"] = str(require_file(folder, "tokens.txt", _SETTING))
        super().__init__(
            "sherpa-onnx",
            WorkerSpec(
                "voice_agent.engines.local.workers.sherpa_onnx:SherpaOnnxEngine",
                {"files": files, "threads": settings.transcriber_threads},
            ),
            partials=True,
            workers=settings.transcriber_workers,
            settings=settings,
            timing="interpolated",  # the model tells where a word begins, not where it ends
            verbatim=settings.transcriber_verbatim,
        )
