"""The preferred synthesizer without key or network: CMU Flite, where libflite is installed. English only."""

from __future__ import annotations

import ctypes

from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.local.synthesizer import WorkerSynthesizer
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings

_LIBRARIES = ("libflite.so.1", "libflite_usenglish.so.1", "libflite_cmulex.so.1", "libflite_cmu_us_slt.so.1")


def installed() -> bool:
    """Whether the library and its default voice load on this machine."""
    try:
        for name in _LIBRARIES:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)  # each needs the symbols of the one before
    except OSError:
        return False
    return True


class FliteSynthesizer(WorkerSynthesizer):
    """Voices: slt (default), rms, awb, kal16. 16 kHz; speed 0.5 to 2. Raises ConfigurationError without libflite."""

    def __init__(self, settings: EngineSettings) -> None:
        if not installed():
            raise ConfigurationError(
                "SYNTHESIZER=flite: the library libflite is not installed (Debian: libflite1); "
                "install it or choose another SYNTHESIZER"
            )
        super().__init__(
            "flite",
            WorkerSpec("voice_agent.engines.local.workers.flite:FliteEngine", {}),
            default_voice=settings.synthesizer_voice,
            settings=settings,
        )
