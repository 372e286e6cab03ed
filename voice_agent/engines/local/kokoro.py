"""Kokoro voices by kokoro-onnx, for operators who have the model on disk. Its phonemizer is GPL-3.0, so it is loaded in
worker processes alone."""

from __future__ import annotations

from voice_agent.engines.local.models import require_file, require_package, require_path
from voice_agent.engines.local.synthesizer import WorkerSynthesizer
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings

_SETTING = "SYNTHESIZER_MODEL_PATH"


class KokoroSynthesizer(WorkerSynthesizer):
    """Voices by Kokoro's names ("af_heart"). 24 kHz. Raises ConfigurationError if a part is missing."""

    def __init__(self, settings: EngineSettings) -> None:
        require_package("kokoro_onnx", "kokoro-onnx", "SYNTHESIZER=kokoro")
        folder = require_path(settings.synthesizer_model_path, _SETTING, "a folder with kokoro*.onnx and voices*.bin")
        super().__init__(
            "kokoro",
            WorkerSpec(
                "voice_agent.engines.local.workers.kokoro:KokoroEngine",
                {
                    "model": str(require_file(folder, "kokoro*.onnx", _SETTING)),
                    "voices": str(require_file(folder, "voices*.bin", _SETTING)),
                },
            ),
            default_voice=settings.synthesizer_voice,
            settings=settings,
        )
