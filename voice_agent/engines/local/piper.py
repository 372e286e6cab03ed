"""Piper voices, for operators who have one on disk. The package is GPL-3.0 and is loaded in worker processes alone."""

from __future__ import annotations

from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.local.models import require_file, require_package, require_path
from voice_agent.engines.local.synthesizer import WorkerSynthesizer
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings

_SETTING = "SYNTHESIZER_MODEL_PATH"


class PiperSynthesizer(WorkerSynthesizer):
    """The model decides the language; `voice` is a speaker's number. Raises ConfigurationError if a part is missing."""

    def __init__(self, settings: EngineSettings) -> None:
        require_package("piper", "piper-tts", "SYNTHESIZER=piper")
        path = require_path(settings.synthesizer_model_path, _SETTING, "a voice's .onnx file or its folder")
        model = require_file(path, "*.onnx", _SETTING) if path.is_dir() else path
        if not model.with_name(f"{model.name}.json").exists():
            raise ConfigurationError(f"{_SETTING}: the voice's configuration {model.name}.json is missing beside it")
        super().__init__(
            "piper",
            WorkerSpec("voice_agent.engines.local.workers.piper:PiperEngine", {"path": str(model)}),
            default_voice=settings.synthesizer_voice,
            settings=settings,
        )
