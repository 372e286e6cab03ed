"""Local transcribers with real speech from a synthesizer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from scripts.speech import silence, synthesize
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.local import catalog
from voice_agent.engines.local.pocketsphinx import PocketsphinxTranscriber
from voice_agent.engines.local.workers.tokens import words_of
from voice_agent.engines.ports import EngineError, Transcriber, Transcript, TranscriptionOptions
from voice_agent.settings import EngineSettings

ENGLISH = TranscriptionOptions()
SENTENCE = "the printer is offline and I tried that already"
SILENCE_BEHIND_MS = 300
BYTES_PER_MS = 32


@pytest_asyncio.fixture
async def transcriber() -> AsyncGenerator[Transcriber, None]:
    # Beside whatever else runs on the machine, three utterances take one worker their time.
    settings = EngineSettings(pocketsphinx_workers=1, worker_niceness=0, worker_wait_s=60)
    engine = catalog.transcriber("pocketsphinx", settings)
    yield engine
    await engine.aclose()


def speech(text: str) -> bytes:
    return silence(200) + synthesize(text, words_per_minute=140) + silence(SILENCE_BEHIND_MS)


def shared_words(text: str) -> int:
    """How many words of the sentence were heard. The recogniser adapts: its exact words vary with what came before."""
    return len(set(text.split()) & set(SENTENCE.lower().split()))


async def transcribe(
    engine: Transcriber, pcm: bytes, options: TranscriptionOptions = ENGLISH, step: int = 640
) -> list[Transcript]:
    async with engine.open(options) as stream:
        for start in range(0, len(pcm), step):
            stream.push(pcm[start : start + step])
            await asyncio.sleep(0)
        stream.commit()
        return [transcript async for transcript in stream]


async def test_speech_becomes_text(transcriber: Transcriber) -> None:
    final = (await transcribe(transcriber, speech(SENTENCE)))[-1]
    assert final.final
    assert shared_words(final.text) >= 5


async def test_words_have_times_in_order_within_the_audio(transcriber: Transcriber) -> None:
    pcm = speech(SENTENCE)
    final = (await transcribe(transcriber, pcm))[-1]
    assert " ".join(word.text for word in final.words) == final.text
    edges = [edge for word in final.words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert edges[0] >= 100
    assert edges[-1] <= len(pcm) / BYTES_PER_MS + 10


async def test_hypotheses_arrive_while_the_caller_still_speaks(transcriber: Transcriber) -> None:
    async with transcriber.open(ENGLISH) as stream:
        stream.push(speech(SENTENCE))
        partial = await anext(aiter(stream))
        assert not partial.final
        assert partial.text


async def test_only_the_last_transcript_is_final(transcriber: Transcriber) -> None:
    transcripts = await transcribe(transcriber, speech(SENTENCE))
    assert [t.final for t in transcripts] == [False] * (len(transcripts) - 1) + [True]


async def test_audio_may_come_in_pieces_of_odd_length(transcriber: Transcriber) -> None:
    final = (await transcribe(transcriber, speech(SENTENCE), step=333))[-1]
    assert shared_words(final.text) >= 5


@pytest.mark.parametrize("pcm", [b"", b"\0", bytes(640)], ids=["nothing", "half a sample", "20 ms"])
async def test_no_speech_gives_an_empty_final(transcriber: Transcriber, pcm: bytes) -> None:
    assert await transcribe(transcriber, pcm) == [Transcript("", True)]


async def test_audio_waits_while_all_workers_are_busy_and_is_caught_up_with(transcriber: Transcriber) -> None:
    pcm = speech(SENTENCE)
    finals = [heard[-1] for heard in await asyncio.gather(*(transcribe(transcriber, pcm) for _ in range(3)))]
    # The recogniser adapts to what it hears, so the three may differ in a word or two, but none in its length: words
    # stand where they were said, and what was lost before them would have moved them.
    assert all(shared_words(final.text) >= 3 for final in finals)
    ends_ms = [final.words[-1].end_ms for final in finals]
    assert max(ends_ms) - min(ends_ms) <= 200
    assert min(ends_ms) >= len(pcm) / BYTES_PER_MS - SILENCE_BEHIND_MS - 200


async def test_an_abandoned_utterance_frees_the_worker(transcriber: Transcriber) -> None:
    async with transcriber.open(ENGLISH) as stream:
        stream.push(speech(SENTENCE))
    assert (await transcribe(transcriber, speech(SENTENCE)))[-1].text


async def test_hints_help_where_the_caller_chooses_among_phrases(transcriber: Transcriber) -> None:
    options = ["yes", "no", "not sure", "done", "human", "repeat", "skip", "it worked", "start over", "wireless"]
    hinted = TranscriptionOptions(hints=tuple(options))
    without = [(await transcribe(transcriber, speech(option)))[-1].text for option in options]
    with_hints = [(await transcribe(transcriber, speech(option), hinted))[-1].text for option in options]
    right = [sum(map(str.__eq__, heard, options)) for heard in (without, with_hints)]
    assert right[1] > right[0]


async def test_hints_do_not_replace_an_answer_of_another_kind(transcriber: Transcriber) -> None:
    hinted = TranscriptionOptions(hints=("yes", "no", "done"))
    assert shared_words((await transcribe(transcriber, speech(SENTENCE), hinted))[-1].text) >= 5


async def test_hints_that_cannot_be_pronounced_are_ignored(transcriber: Transcriber) -> None:
    hostile = TranscriptionOptions(hints=("xqzvw", "; public <x> = <NULL>", "", "日本語", "yes | <VOID>"))
    assert (await transcribe(transcriber, speech(SENTENCE), hostile))[-1].text


async def test_a_language_that_the_model_does_not_know_is_refused(transcriber: Transcriber) -> None:
    with pytest.raises(EngineError) as failure:
        await transcribe(transcriber, b"", TranscriptionOptions(language="fr-FR"))
    assert failure.value.code == "language"
    assert not failure.value.retryable


async def test_an_utterance_without_end_is_refused() -> None:
    engine = PocketsphinxTranscriber(EngineSettings(pocketsphinx_workers=1, worker_audio_max_s=2))
    try:
        with pytest.raises(EngineError) as failure:
            await transcribe(engine, silence(2500))
        assert failure.value.code == "too_long"
    finally:
        await engine.aclose()


def test_tokens_are_joined_to_words_with_their_times() -> None:
    tokens = ["▁THE", "▁PRI", "NT", "ER", " IS"]
    assert words_of(tokens, [0.1, 0.3, 0.4, 0.5, 0.9]) == [
        ("THE", 100, 100, None),
        ("PRINTER", 300, 500, None),
        ("IS", 900, 900, None),
    ]


@pytest.mark.parametrize(
    ("name", "package"), [("faster-whisper", "faster-whisper"), ("vosk", "vosk"), ("sherpa-onnx", "sherpa-onnx")]
)
def test_a_transcriber_whose_package_is_missing_says_which(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_agent.engines.local.models.find_spec", lambda _module: None)
    with pytest.raises(ConfigurationError, match=f"TRANSCRIBER={name}.*pip install {package}"):
        catalog.transcriber(name, EngineSettings())


@pytest.mark.parametrize("name", ["faster-whisper", "vosk", "sherpa-onnx"])
@pytest.mark.parametrize("path", ["", "/nowhere/at/all"])
def test_a_transcriber_whose_model_is_missing_names_the_setting(
    name: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_agent.engines.local.models.find_spec", lambda _module: object())
    with pytest.raises(ConfigurationError, match="TRANSCRIBER_MODEL_PATH"):
        catalog.transcriber(name, EngineSettings(transcriber_model_path=path))


def test_a_folder_without_the_models_files_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_agent.engines.local.models.find_spec", lambda _module: object())
    (tmp_path / "encoder.onnx").touch()
    with pytest.raises(ConfigurationError, match=r"decoder\*\.onnx"):
        catalog.transcriber("sherpa-onnx", EngineSettings(transcriber_model_path=str(tmp_path)))


def test_an_unknown_transcriber_is_refused_with_the_known_names() -> None:
    with pytest.raises(ConfigurationError, match="pocketsphinx"):
        catalog.transcriber("nonesuch", EngineSettings())
