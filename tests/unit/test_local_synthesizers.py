"""Local synthesizers: real sound from real libraries."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soxr

from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.local import catalog, espeak, flite
from voice_agent.engines.ports import Pcm, SpeechOptions, Synthesizer, TranscriptionOptions
from voice_agent.settings import EngineSettings

SENTENCE = "Okay, the printer is offline, and nothing happened."
DEFAULT = SpeechOptions()
ONE_WORKER = EngineSettings(synthesizer_workers=1)

needs_flite = pytest.mark.skipif(not flite.installed(), reason="libflite (Debian: libflite1) is not installed")
needs_espeak = pytest.mark.skipif(not espeak.installed(), reason="the optional package espeakng-loader is missing")
ENGINES = [pytest.param("flite", marks=needs_flite), pytest.param("espeak", marks=needs_espeak)]


@pytest_asyncio.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncGenerator[Synthesizer, None]:
    synthesizer = catalog.synthesizer(request.param, ONE_WORKER)
    yield synthesizer
    await synthesizer.aclose()


async def chunks(engine: Synthesizer, text: str, options: SpeechOptions = DEFAULT) -> list[Pcm]:
    collected = []
    async with aclosing(engine.speak(text, options)) as speech:
        async for chunk in speech:
            assert isinstance(chunk, Pcm)
            collected.append(chunk)
    return collected


async def sound(engine: Synthesizer, text: str, options: SpeechOptions = DEFAULT) -> bytes:
    return b"".join(chunk.data for chunk in await chunks(engine, text, options))


async def test_a_sentence_becomes_seconds_of_sound_in_many_chunks(engine: Synthesizer) -> None:
    pieces = await chunks(engine, SENTENCE)
    rates = {piece.rate_hz for piece in pieces}
    assert rates == ({16_000} if engine.name == "flite" else {22_050})
    seconds = sum(len(piece.data) for piece in pieces) / 2 / rates.pop()
    assert 2 < seconds < 6
    assert len(pieces) > 20
    assert all(len(piece.data) % 2 == 0 for piece in pieces)


async def test_the_peaks_lie_near_minus_three_decibels(engine: Synthesizer) -> None:
    samples = np.frombuffer(await sound(engine, SENTENCE), dtype=np.int16).astype(float)
    assert -6 < 20 * math.log10(np.abs(samples).max() / 32768) < -1


@needs_flite
@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
async def test_every_voice_of_flite_is_loud_enough_and_does_not_clip(voice: str) -> None:
    synthesizer = catalog.synthesizer("flite", ONE_WORKER)
    samples = np.frombuffer(await sound(synthesizer, SENTENCE, SpeechOptions(voice=voice)), dtype=np.int16)
    await synthesizer.aclose()
    assert -8 < 20 * math.log10(np.abs(samples.astype(float)).max() / 32768) < -1


async def test_speed_shortens_the_speech(engine: Synthesizer) -> None:
    slow = len(await sound(engine, SENTENCE, SpeechOptions(speed=0.8)))
    usual = len(await sound(engine, SENTENCE))
    fast = len(await sound(engine, SENTENCE, SpeechOptions(speed=1.4)))
    assert slow > 1.1 * usual > 1.2 * fast


@pytest.mark.parametrize("speed", [0.0, -1.0, 1e9])
async def test_an_impossible_speed_is_brought_into_range(engine: Synthesizer, speed: float) -> None:
    assert await sound(engine, "Hello there.", SpeechOptions(speed=speed))


async def test_an_unknown_voice_speaks_as_the_default(engine: Synthesizer) -> None:
    assert len(await sound(engine, SENTENCE, SpeechOptions(voice="alloy"))) == pytest.approx(
        len(await sound(engine, SENTENCE)), rel=0.01
    )


@needs_flite
async def test_the_operators_voice_is_used_where_none_is_asked_for() -> None:
    settings = EngineSettings(synthesizer_workers=1, synthesizer_voice="awb")
    synthesizer = catalog.synthesizer("flite", settings)
    usual = len(await sound(synthesizer, SENTENCE))
    assert usual == pytest.approx(len(await sound(synthesizer, SENTENCE, SpeechOptions(voice="awb"))), rel=0.01)
    assert usual != pytest.approx(len(await sound(synthesizer, SENTENCE, SpeechOptions(voice="slt"))), rel=0.01)
    await synthesizer.aclose()


@needs_espeak
@pytest.mark.parametrize("language", ["de", "fr", "es", "it", "de-AT", "pt", "zh"])
async def test_espeak_pronounces_by_language(language: str) -> None:
    synthesizer = catalog.synthesizer("espeak", ONE_WORKER)
    foreign = await sound(synthesizer, "information 21", SpeechOptions(language=language))
    english = await sound(synthesizer, "information 21")
    await synthesizer.aclose()
    assert foreign
    assert foreign != english


@needs_flite
@needs_espeak
async def test_flite_leaves_other_languages_to_espeak() -> None:
    synthesizer = catalog.synthesizer("flite", ONE_WORKER)
    german = await chunks(synthesizer, "Guten Tag", SpeechOptions(language="de-DE"))
    english = await chunks(synthesizer, "Good day", SpeechOptions(language="en-GB"))
    await synthesizer.aclose()
    assert {piece.rate_hz for piece in german} == {22_050}
    assert {piece.rate_hz for piece in english} == {16_000}


async def test_speech_that_is_closed_early_frees_the_worker(engine: Synthesizer) -> None:
    speech = engine.speak("This is a sentence that goes on. " * 30, DEFAULT)
    await anext(speech)
    await speech.aclose()
    assert len(await sound(engine, SENTENCE)) == pytest.approx(len(await sound(engine, SENTENCE)), rel=0.01)


async def test_a_slow_listener_does_not_hold_the_worker(engine: Synthesizer) -> None:
    slow = engine.speak(SENTENCE, DEFAULT)
    await anext(slow)
    assert await sound(engine, "Hello.")
    await slow.aclose()


@pytest.mark.parametrize("text", ["", " ", ".", "\0", "a\0b", "😀", "'" * 200])
async def test_odd_text_is_survived(engine: Synthesizer, text: str) -> None:
    await sound(engine, text)
    assert await sound(engine, "Hello.")


async def test_what_is_spoken_can_be_understood(engine: Synthesizer) -> None:
    sentence = "I tried that already but nothing happened"
    pieces = await chunks(engine, sentence, SpeechOptions(speed=0.9))
    samples = np.frombuffer(b"".join(piece.data for piece in pieces), dtype=np.int16)
    pcm = soxr.resample(samples, pieces[0].rate_hz, 16_000).astype("<i2").tobytes()
    transcriber = catalog.transcriber("pocketsphinx", EngineSettings(pocketsphinx_workers=1))
    async with transcriber.open(TranscriptionOptions()) as stream:
        stream.push(bytes(6400) + pcm + bytes(6400))
        stream.commit()
        text = [transcript async for transcript in stream][-1].text
    await transcriber.aclose()
    assert len(set(text.split()) & set(sentence.lower().split())) >= 4


@needs_flite
def test_flite_is_preferred_where_it_is_installed() -> None:
    assert catalog.default_synthesizer_name() == "flite"


@needs_espeak
def test_espeak_stands_in_where_flite_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_agent.engines.local.flite._LIBRARIES", ("libnonesuch.so.1",))
    assert catalog.default_synthesizer_name() == "espeak"
    with pytest.raises(ConfigurationError, match="libflite1"):
        catalog.synthesizer("flite", EngineSettings())


def test_without_any_synthesizer_the_operator_is_told_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_agent.engines.local.flite._LIBRARIES", ("libnonesuch.so.1",))
    monkeypatch.setattr("voice_agent.engines.local.espeak.find_spec", lambda _module: None)
    with pytest.raises(ConfigurationError, match=r"libflite1.*espeakng-loader"):
        catalog.default_synthesizer_name()
    with pytest.raises(ConfigurationError, match="espeakng-loader"):
        catalog.synthesizer("espeak", EngineSettings())


@pytest.mark.parametrize(("name", "package"), [("piper", "piper-tts"), ("kokoro", "kokoro-onnx")])
def test_a_synthesizer_whose_package_is_missing_says_which(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_agent.engines.local.models.find_spec", lambda _module: None)
    with pytest.raises(ConfigurationError, match=f"SYNTHESIZER={name}.*pip install {package}"):
        catalog.synthesizer(name, EngineSettings())


@pytest.mark.parametrize("name", ["piper", "kokoro"])
@pytest.mark.parametrize("path", ["", "/nowhere/at/all"])
def test_a_synthesizer_whose_model_is_missing_names_the_setting(
    name: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_agent.engines.local.models.find_spec", lambda _module: object())
    with pytest.raises(ConfigurationError, match="SYNTHESIZER_MODEL_PATH"):
        catalog.synthesizer(name, EngineSettings(synthesizer_model_path=path))


def test_a_piper_voice_without_its_configuration_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_agent.engines.local.models.find_spec", lambda _module: object())
    (tmp_path / "voice.onnx").touch()
    with pytest.raises(ConfigurationError, match=r"voice\.onnx\.json"):
        catalog.synthesizer("piper", EngineSettings(synthesizer_model_path=str(tmp_path)))


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="flite"):
        catalog.synthesizer("nonesuch", EngineSettings())
    with pytest.raises(ConfigurationError, match="wordlist"):
        catalog.moderator("nonesuch")
