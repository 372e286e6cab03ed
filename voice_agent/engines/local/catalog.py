"""Builds the local engines by their names in the settings. The only module of this package that others import.

Modules are imported when their engine is asked for: an engine that is not used costs neither memory nor a package.
"""

from __future__ import annotations

from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.ports import Moderator, Synthesizer, Transcriber
from voice_agent.settings import EngineSettings

LOCAL_TRANSCRIBERS = ("pocketsphinx", "faster-whisper", "vosk", "sherpa-onnx")
LOCAL_SYNTHESIZERS = ("flite", "espeak", "piper", "kokoro")
LOCAL_MODERATORS = ("wordlist", "off")


def transcriber(name: str, settings: EngineSettings) -> Transcriber:
    """Builds the transcriber called `name` (one of LOCAL_TRANSCRIBERS) without starting its workers.

    Raises ConfigurationError if it is unknown or its package or model is missing.
    """
    if name == "pocketsphinx":
        from voice_agent.engines.local.pocketsphinx import PocketsphinxTranscriber  # noqa: PLC0415 - see above

        return PocketsphinxTranscriber(settings)
    if name == "faster-whisper":
        from voice_agent.engines.local.faster_whisper import FasterWhisperTranscriber  # noqa: PLC0415 - see above

        return FasterWhisperTranscriber(settings)
    if name == "vosk":
        from voice_agent.engines.local.vosk import VoskTranscriber  # noqa: PLC0415 - see above

        return VoskTranscriber(settings)
    if name == "sherpa-onnx":
        from voice_agent.engines.local.sherpa_onnx import SherpaOnnxTranscriber  # noqa: PLC0415 - see above

        return SherpaOnnxTranscriber(settings)
    raise ConfigurationError(f"TRANSCRIBER: no local transcriber {name!r}; known: {', '.join(LOCAL_TRANSCRIBERS)}")


def synthesizer(name: str, settings: EngineSettings) -> Synthesizer:
    """Builds the synthesizer called `name` (one of LOCAL_SYNTHESIZERS) without starting its workers.

    Raises ConfigurationError if it is unknown or its library, package or model is missing.
    """
    if name == "flite":
        return _flite(settings)
    if name == "espeak":
        from voice_agent.engines.local.espeak import EspeakSynthesizer  # noqa: PLC0415 - see above

        return EspeakSynthesizer(settings)
    if name == "piper":
        from voice_agent.engines.local.piper import PiperSynthesizer  # noqa: PLC0415 - see above

        return PiperSynthesizer(settings)
    if name == "kokoro":
        from voice_agent.engines.local.kokoro import KokoroSynthesizer  # noqa: PLC0415 - see above

        return KokoroSynthesizer(settings)
    raise ConfigurationError(f"SYNTHESIZER: no local synthesizer {name!r}; known: {', '.join(LOCAL_SYNTHESIZERS)}")


def _flite(settings: EngineSettings) -> Synthesizer:
    """Flite speaks English only; where eSpeak is installed, it speaks the rest."""
    from voice_agent.engines.local import by_language, espeak, flite  # noqa: PLC0415 - see above

    english = flite.FliteSynthesizer(settings)
    if not espeak.installed():
        return english
    return by_language.ByLanguageSynthesizer(english, {"en", ""}, espeak.EspeakSynthesizer(settings))


def moderator(name: str) -> Moderator:
    """Builds the moderator called `name` (one of LOCAL_MODERATORS). Raises ConfigurationError if it is unknown."""
    if name == "wordlist":
        from voice_agent.engines.local.wordlist import WordlistModerator  # noqa: PLC0415 - see above

        return WordlistModerator()
    if name == "off":
        from voice_agent.engines.local.off import OffModerator  # noqa: PLC0415 - see above

        return OffModerator()
    raise ConfigurationError(f"MODERATOR: no local moderator {name!r}; known: {', '.join(LOCAL_MODERATORS)}")


def default_synthesizer_name() -> str:
    """The best synthesizer that works here with no model: "flite" if libflite loads, else "espeak".

    Raises ConfigurationError naming both if neither is installed.
    """
    from voice_agent.engines.local import espeak, flite  # noqa: PLC0415 - see above

    if flite.installed():
        return "flite"
    if espeak.installed():
        return "espeak"
    raise ConfigurationError(
        "SYNTHESIZER: no local synthesizer is installed; install the system package libflite1 (flite) "
        "or the Python package espeakng-loader (espeak, GPL-3.0), or set SYNTHESIZER_BASE_URL"
    )
