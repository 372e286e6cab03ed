"""The wrappers around engines that fail on command. The engines are small and real: generators that yield, raise,
or go silent; nothing of the wrappers is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from voice_agent.engines.ports import (
    AudioChunk,
    EngineError,
    Finished,
    LanguageModel,
    Message,
    Moderator,
    Pcm,
    ReplyEvent,
    ReplyRequest,
    SpeechOptions,
    Switched,
    Synthesizer,
    TextDelta,
    ToolCall,
    Transcriber,
    Transcript,
    TranscriptionOptions,
    Usage,
    Verdict,
)
from voice_agent.engines.resilience import (
    CircuitBreaker,
    Member,
    ResilientLanguageModel,
    ResilientModerator,
    ResilientSynthesizer,
    ResilientTranscriber,
)
from voice_agent.settings import EngineSettings

QUICK = EngineSettings(
    language_model_first_token_timeout_s=0.1,
    language_model_stall_timeout_s=0.1,
    synthesizer_first_byte_timeout_s=0.1,
    synthesizer_stall_timeout_s=0.1,
    transcriber_timeout_s=0.1,
    moderator_timeout_s=0.1,
    retry_delay_ms=1,
    retry_budget_ms=50,
)
REQUEST = ReplyRequest([Message("user", "hello")])
SILENCE = object()
"""In a plan: the engine goes silent here."""


def broken(code: str = "500", *, retryable: bool = True) -> EngineError:
    return EngineError("x", code=code, retryable=retryable)


class Planned:
    """Yields by a plan: one list per request; an error is raised, SILENCE never ends. The last plan repeats."""

    def __init__(self, name: str, *plans: Sequence[object]) -> None:
        self.name = name
        self.partials = True
        self.asked: list[Any] = []
        self.closed = 0
        self._plans = list(plans)

    async def play(self, asked: object) -> AsyncGenerator[Any, None]:
        self.asked.append(asked)
        plan = self._plans.pop(0) if len(self._plans) > 1 else self._plans[0]
        try:
            for item in plan:
                if item is SILENCE:
                    await asyncio.Event().wait()
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed += 1

    def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        return self.play(request)

    def speak(self, text: str, _options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        return self.play(text)

    async def check(self, text: str) -> Verdict:
        async with aclosing(self.play(text)) as verdicts:
            verdict = await anext(verdicts)
        assert isinstance(verdict, Verdict)
        return verdict

    async def aclose(self) -> None:
        raise AssertionError("the wrapper owns no engine")


def line(*engines: Any, failures: int = 3) -> list[Member[Any]]:
    return [Member(engine, CircuitBreaker(failures, 20)) for engine in engines]


async def replied(*engines: LanguageModel | Planned, settings: EngineSettings = QUICK) -> list[ReplyEvent]:
    model = ResilientLanguageModel(line(*engines), settings)
    async with aclosing(model.reply(REQUEST)) as events:
        return [event async for event in events]


WHOLE: list[object] = [TextDelta("Hi"), TextDelta(" there"), Finished("stop"), Usage(3, 2)]
BACKUP: list[object] = [TextDelta("Go on."), Finished("stop")]


# --- language model ---------------------------------------------------------------------------------------------


async def test_a_healthy_reply_passes_unchanged() -> None:
    assert await replied(Planned("a", WHOLE), Planned("b", BACKUP)) == WHOLE


async def test_a_failure_before_any_text_is_retried_and_nobody_notices() -> None:
    first = Planned("a", [broken("429")], WHOLE)
    assert await replied(first, Planned("b", BACKUP)) == WHOLE
    assert len(first.asked) == 2


async def test_a_second_failure_before_any_text_switches_without_a_partial() -> None:
    first = Planned("a", [broken()])
    assert await replied(first, Planned("b", BACKUP)) == [Switched("a", "b", partial=False), *BACKUP]
    assert len(first.asked) == 2


async def test_a_cut_in_mid_reply_keeps_what_came_and_continues_with_the_fallback() -> None:
    first = Planned("a", [TextDelta("I would"), broken("cut")])
    events = await replied(first, Planned("b", BACKUP))
    assert events == [TextDelta("I would"), Switched("a", "b", partial=True), *BACKUP]
    assert len(first.asked) == 1


@pytest.mark.parametrize("plan", [[SILENCE], [TextDelta("I"), SILENCE]])
async def test_silence_is_a_failure(plan: list[object]) -> None:
    first = Planned("a", plan)
    events = await replied(first, Planned("b", BACKUP))
    assert events[-2:] == BACKUP
    assert Switched("a", "b", partial=len(plan) == 2) in events
    assert first.closed == 1


async def test_a_tool_call_is_never_asked_for_twice() -> None:
    call = ToolCall("1", "create_ticket", "{}")
    second = Planned("b", BACKUP)
    events = await replied(Planned("a", [TextDelta("One moment."), call, broken("cut")]), second)
    assert events == [TextDelta("One moment."), call, Finished("tool_calls")]
    assert second.asked == []


async def test_behind_the_end_of_the_reply_nothing_can_fail_it() -> None:
    for end in (broken("cut"), SILENCE):
        assert await replied(Planned("a", [*BACKUP, end]), Planned("b", WHOLE)) == BACKUP


async def test_when_all_fail_the_last_error_is_raised() -> None:
    with pytest.raises(EngineError) as caught:
        await replied(Planned("a", [broken("500")]), Planned("b", [broken("401", retryable=False)]))
    assert caught.value.code == "401"


async def test_closing_the_reply_closes_the_engine_and_holds_nothing_against_it() -> None:
    engine = Planned("a", [TextDelta("Hi"), SILENCE])
    members = line(engine, failures=1)
    model = ResilientLanguageModel(members, QUICK)
    async with aclosing(model.reply(REQUEST)) as events:
        await anext(events)
    assert engine.closed == 1
    assert members[0].breaker.allow(0.0)


async def test_a_provider_that_keeps_failing_is_left_alone_until_the_reset_time() -> None:
    now = 0.0
    first, second = Planned("a", [broken(retryable=False)]), Planned("b", BACKUP)
    model = ResilientLanguageModel(line(first, second), QUICK, clock=lambda: now)
    for _ in range(5):
        events = [event async for event in model.reply(REQUEST)]
        assert events[0] == Switched("a", "b", partial=False)
    assert len(first.asked) == 3
    now = 20.0
    assert [event async for event in model.reply(REQUEST)]
    assert len(first.asked) == 4


async def test_failures_are_counted_by_provider_kind_and_code() -> None:
    labels = {"provider": "counted", "kind": "language_model", "code": "503"}
    await replied(Planned("counted", [broken("503")]), Planned("b", BACKUP))
    assert REGISTRY.get_sample_value("voice_provider_errors_total", labels) == 2


# --- speech -----------------------------------------------------------------------------------------------------


def audio(seconds: float) -> Pcm:
    return Pcm(bytes(int(16_000 * seconds) * 2), 16_000)


async def spoken(text: str, *engines: Planned) -> list[AudioChunk]:
    voice = ResilientSynthesizer(line(*engines), QUICK)
    async with aclosing(voice.speak(text, SpeechOptions())) as chunks:
        return [chunk async for chunk in chunks]


async def test_a_voice_that_fails_before_its_first_sound_is_replaced_for_the_whole_clause() -> None:
    first, second = Planned("a", [broken()]), Planned("b", [audio(1)])
    assert await spoken("Tell me more.", first, second) == [audio(1)]
    assert second.asked == ["Tell me more."]
    assert len(first.asked) == 2


@pytest.mark.parametrize("end", [broken("cut"), SILENCE])
async def test_a_voice_that_breaks_off_is_replaced_for_the_rest_of_the_clause_only(end: object) -> None:
    first, second = Planned("a", [audio(0.5), audio(0.3), end]), Planned("b", [audio(0.4)])
    assert await spoken("Tell me about a time", first, second) == [audio(0.5), audio(0.3), audio(0.4)]
    assert second.asked == ["a time"]
    assert len(first.asked) == 1


async def test_a_voice_that_breaks_off_at_the_very_end_is_not_replaced() -> None:
    second = Planned("b", [audio(1)])
    assert await spoken("All right.", Planned("a", [audio(2), broken("cut")]), second) == [audio(2)]
    assert second.asked == []


async def test_no_voice_left_is_an_error() -> None:
    with pytest.raises(EngineError):
        await spoken("Hello", Planned("a", [broken()]))


# --- moderation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", [[broken("401", retryable=False)], [broken()], [SILENCE]])
async def test_a_moderator_that_fails_or_is_late_is_replaced(failing: list[object]) -> None:
    first: Any = Planned("a", failing)
    second: Any = Planned("b", [Verdict(True, ("violence",))])
    moderator: Moderator = ResilientModerator(line(first, second), QUICK)
    assert await moderator.check("text") == Verdict(True, ("violence",))


# --- transcription ----------------------------------------------------------------------------------------------


Hearing = Callable[["Ear", int], AsyncGenerator[Transcript, None]]


class Ear:
    """One utterance at a planned transcriber: remembers the audio that it was given."""

    def __init__(self) -> None:
        self.audio = b""
        self.committed = asyncio.Event()
        self.pushed = asyncio.Event()

    def push(self, pcm: bytes) -> None:
        assert not self.committed.is_set()
        self.audio += pcm
        self.pushed.set()

    def commit(self) -> None:
        self.committed.set()


class PlannedTranscriber:
    def __init__(self, name: str, hearing: Hearing) -> None:
        self.name = name
        self.partials = True
        self.ears: list[Ear] = []
        self._hearing = hearing

    @asynccontextmanager
    async def open(self, _options: TranscriptionOptions) -> AsyncIterator[Any]:
        ear = Ear()
        self.ears.append(ear)
        number = len(self.ears)
        hearing = self._hearing

        class Stream:
            push = staticmethod(ear.push)
            commit = staticmethod(ear.commit)

            def __aiter__(self) -> AsyncIterator[Transcript]:
                return hearing(ear, number)

        yield Stream()

    async def aclose(self) -> None:
        raise AssertionError("the wrapper owns no engine")


async def good(ear: Ear, _number: int) -> AsyncGenerator[Transcript, None]:
    await ear.pushed.wait()
    yield Transcript(f"{len(ear.audio)} so far", final=False)
    await ear.committed.wait()
    yield Transcript(f"{len(ear.audio)} heard", final=True)


async def lost_after_audio(ear: Ear, _number: int) -> AsyncGenerator[Transcript, None]:
    await ear.pushed.wait()
    yield Transcript("lost", final=False)
    raise broken("cut")


async def lost_once(ear: Ear, number: int) -> AsyncGenerator[Transcript, None]:
    async for transcript in (lost_after_audio if number == 1 else good)(ear, number):
        yield transcript


async def deaf(ear: Ear, _number: int) -> AsyncGenerator[Transcript, None]:
    await asyncio.Event().wait()
    yield Transcript("never", final=True)


async def mute(ear: Ear, _number: int) -> AsyncGenerator[Transcript, None]:
    await ear.committed.wait()
    for _ in ():
        yield Transcript("never", final=True)


async def heard(*engines: Transcriber, settings: EngineSettings = QUICK) -> list[Transcript]:
    transcriber = ResilientTranscriber(line(*engines), settings)
    async with transcriber.open(TranscriptionOptions()) as stream:
        stream.push(b"ab" * 100)
        transcripts = aiter(stream)
        result = [await anext(transcripts)] if engines and getattr(engines[0], "name", "") == "talks" else []
        stream.push(b"cd" * 50)
        stream.commit()
        return result + [transcript async for transcript in transcripts]


async def test_a_healthy_utterance_passes_with_its_hypotheses() -> None:
    result = await heard(PlannedTranscriber("talks", good))
    assert result[0] == Transcript("200 so far", final=False)
    assert result[-1] == Transcript("300 heard", final=True)


async def test_a_stream_lost_while_the_caller_speaks_is_opened_again_with_all_the_audio() -> None:
    engine, behind = PlannedTranscriber("a", lost_once), PlannedTranscriber("b", good)
    assert (await heard(engine, behind))[-1] == Transcript("300 heard", final=True)
    assert [len(ear.audio) for ear in engine.ears][-1] == 300
    assert behind.ears == []


@pytest.mark.parametrize("hearing", [lost_after_audio, deaf, mute])
async def test_the_fallback_hears_the_utterance_from_its_beginning(hearing: Hearing) -> None:
    behind = PlannedTranscriber("b", good)
    result = await heard(PlannedTranscriber("a", hearing), behind)
    assert result[-1] == Transcript("300 heard", final=True)
    assert behind.ears[0].audio == b"ab" * 100 + b"cd" * 50


async def test_an_utterance_longer_than_the_replay_memory_is_not_taken_over() -> None:
    behind = PlannedTranscriber("b", good)
    short = QUICK.model_copy(update={"transcriber_replay_s": 250 / 32_000})
    with pytest.raises(EngineError):
        await heard(PlannedTranscriber("talks", deaf_after_partial), behind, settings=short)
    assert behind.ears == []


async def deaf_after_partial(ear: Ear, number: int) -> AsyncGenerator[Transcript, None]:
    await ear.pushed.wait()
    yield Transcript("partial", final=False)
    async for transcript in deaf(ear, number):
        yield transcript


async def test_a_healthy_utterance_may_be_longer_than_the_replay_memory() -> None:
    short = QUICK.model_copy(update={"transcriber_replay_s": 0})
    assert (await heard(PlannedTranscriber("talks", good), settings=short))[-1].text == "300 heard"


async def test_when_no_transcriber_is_left_the_reader_gets_the_error() -> None:
    with pytest.raises(EngineError) as caught:
        await heard(PlannedTranscriber("a", lost_after_audio), PlannedTranscriber("b", mute))
    assert caught.value.code == "cut"


async def test_a_defect_in_an_engine_does_not_leave_the_reader_waiting() -> None:
    async def faulty(ear: Ear, _number: int) -> AsyncGenerator[Transcript, None]:
        await ear.pushed.wait()
        yield Transcript(str(1 // len(ear.audio[:0])), final=True)

    with pytest.raises(EngineError) as caught:
        await heard(PlannedTranscriber("a", faulty))
    assert caught.value.code == "defect"


async def test_leaving_the_utterance_ends_its_work() -> None:
    engine = PlannedTranscriber("a", deaf)
    before = asyncio.all_tasks()
    async with ResilientTranscriber(line(engine), QUICK).open(TranscriptionOptions()) as stream:
        stream.push(b"ab")
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


def test_the_wrappers_are_engines_of_their_ports() -> None:
    anything: Any = Planned("a", [])
    model: LanguageModel = ResilientLanguageModel(line(anything), QUICK)
    voice: Synthesizer = ResilientSynthesizer(line(anything), QUICK)
    assert (model.name, voice.name) == ("a", "a")
