"""The synthesizer for machines without libflite, and for other languages: eSpeak NG from an optional package.

GPL-3.0: this module only asks whether the package is there; it is loaded in a worker process alone.
"""

from __future__ import annotations

from importlib.util import find_spec

from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.local.synthesizer import WorkerSynthesizer
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings


def installed() -> bool:
    """Whether the optional package is there; it is not imported."""
    return find_spec("espeakng_loader") is not None


class EspeakSynthesizer(WorkerSynthesizer):
    """Voices by eSpeak's names ("en-us", "de", "fr+f3"), else by language. Raises ConfigurationError if missing."""

    def __init__(self, settings: EngineSettings) -> None:
        if not installed():
            raise ConfigurationError(
                "SYNTHESIZER=espeak: the package espeakng-loader is not installed; "
                "install the extra 'espeak' (GPL-3.0) or choose another SYNTHESIZER"
            )
        super().__init__(
            "espeak",
            WorkerSpec("voice_agent.engines.local.workers.espeak:EspeakEngine", {}),
            default_voice=settings.synthesizer_voice,
            settings=settings,
        )
