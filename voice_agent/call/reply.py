"""One reply of the agent, from the request to its last queued sound.

Three stages with bounded queues between them, so that a slow ear holds back the model and nothing piles up:

    write       language model -> clauses (tools run here, and only once the reply is released)
    synthesize  clause -> speech, one clause ahead of what is being played
    deliver     the gate: nothing passes before the turn is committed and the caller's words are judged

While the reply is held, each stage works as far as its queue allows and no further: one clause of speech, a few clauses
of text. Cancelling the task closes every generator, and so the provider's work, at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from voice_agent.agents.untrusted import without_tricks
from voice_agent.call.asking import reply_or_wait
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import (
    AudioChunk,
    EngineError,
    Finished,
    Message,
    ReplyEvent,
    ReplyRequest,
    SpeechOptions,
    Switched,
    TextDelta,
    ToolCall,
    Usage,
)
from voice_agent.text.clauses import ClauseSplitter
from voice_agent.text.normalise import speakable

log = logging.getLogger(__name__)

_CHARACTERS_PER_TOKEN = 4
"""Of English text, as providers count."""
_CLAUSES_AHEAD = 3
_CHUNKS_AHEAD = 256

Status = Literal["completed", "incomplete", "failed"]


class ReplyOutput(Protocol):
    """What a released reply does to the call. All synchronous; `room` alone may wait."""

    def clause(self, text: str) -> None:
        """A clause of the written text, about to be spoken (or shown, where the reply is text)."""

    def audio(self, chunk: AudioChunk) -> None:
        """Speech of the latest clause."""

    def clause_spoken(self) -> None:
        """All speech of the latest clause was handed over."""

    def switched(self) -> None:
        """A fallback took over from the language model."""

    def client_calls(self, calls: Sequence[ToolCall]) -> None:
        """Tools that the client runs: it answers with an item of its own."""

    def judged(self) -> None:
        """There is a verdict on the caller's words."""

    def model_judged(self, *, finished: bool | None) -> None:
        """The model, which may wait, takes the caller's turn for finished or not, or does not say."""

    async def room(self) -> None:
        """Waits until more speech may be queued."""


ToolStarter = Callable[[ToolCall], "asyncio.Task[Mapping[str, object]] | None"]
"""Starts a tool of ours and returns its task, which the call owns: an interruption of the reply does not tear a write
apart. None if the tool belongs to the client."""


@dataclass(frozen=True, slots=True)
class ReplyScript:
    """What to answer, or what to say."""

    request: ReplyRequest | None = None
    say: str = ""
    """Said word for word instead of asking the model."""
    judge: str = ""
    """The caller's words, moderated before anything of the reply passes the gate."""
    may_wait: bool = False
    """The model may say that the caller has not finished, instead of answering."""


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    filler_after_s: float
    max_tool_rounds: int
    new_splitter: Callable[[Collection[str]], ClauseSplitter]
    """Makes what cuts the words into clauses, of which these are some."""


@dataclass(slots=True)
class ReplyTimes:
    """Seconds on the session's clock; None where it did not happen."""

    requested: float
    first_token: float | None = None
    first_clause: float | None = None
    first_audio: float | None = None
    judged: float | None = None


@dataclass(slots=True)
class ReplyOutcome:
    status: Status = "completed"
    reason: str = ""
    """max_output_tokens | content_filter | an engine's error code."""
    partial: bool = False
    """An engine failed in the middle: what came before it stands, a bridge follows."""
    flagged: tuple[str, ...] = ()
    """Moderation categories, never the words."""
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    captions_only: bool = False
    """No synthesizer worked: the words were shown, not spoken."""


@dataclass(slots=True)
class _Clause:
    text: str
    verdict: asyncio.Task[tuple[str, ...]] | None


class _ClauseEnd:
    pass


@dataclass(frozen=True, slots=True)
class _ClientCalls:
    calls: tuple[ToolCall, ...]


_CLAUSE_END = _ClauseEnd()


class Reply:
    """Run `run()` in one task; `release()` opens the gate; cancel the task to stop it. Single use."""

    def __init__(
        self,
        script: ReplyScript,
        *,
        engines: Engines,
        output: ReplyOutput,
        speech: SpeechOptions | None,
        phrases: Mapping[str, str],
        openers: Collection[str],
        start_tool: ToolStarter,
        limits: ReplyLimits,
        clock: Callable[[], float],
    ) -> None:
        """`speech` is None for a reply in text. `openers`: the agent's own beginnings of answers, which are not
        moderated, whoever uses them."""
        self._script = script
        self._engines = engines
        self._output = output
        self._speech = speech
        self._phrases = phrases
        self._openers = openers
        self._start_tool = start_tool
        self._limits = limits
        self._clock = clock
        self._released = asyncio.Event()
        self._due = 0.0
        self._cleared = asyncio.Event()
        """Released, and nothing is wrong with the caller's words: tools may run."""
        self._clauses: asyncio.Queue[_Clause | _ClientCalls | None] = asyncio.Queue(_CLAUSES_AHEAD)
        self._spoken: asyncio.Queue[_Clause | AudioChunk | _ClauseEnd | _ClientCalls | None] = asyncio.Queue(
            _CHUNKS_AHEAD
        )
        self._checks: set[asyncio.Task[tuple[str, ...]]] = set()
        self._ending = ""
        """The last character of what was written."""
        self._delivered = ""
        """The clause that passed the gate last."""
        self.written_characters = 0
        """How much the model wrote."""
        self.waits = False
        """The model took the caller for unfinished, and is not asked again before the release."""
        self.times = ReplyTimes(clock())
        self.outcome = ReplyOutcome()

    @property
    def tokens(self) -> int:
        """What the reply cost so far, in and out; estimated while the model has not said. A prompt that was sent is
        paid for even if nobody waits for the answer."""
        usage = self.outcome.usage
        request = self._script.request
        if request is None or usage.input_tokens + usage.output_tokens:
            return usage.input_tokens + usage.output_tokens
        given = len(request.instructions) + sum(len(message.text) for message in request.messages)
        return (given + self.written_characters) // _CHARACTERS_PER_TOKEN

    def release(self, due: float) -> None:
        """The turn is committed: what is held may be heard, tools may run. The caller has expected it since `due`."""
        self._due = due
        self._released.set()

    async def run(self) -> ReplyOutcome:
        """Returns when all of the reply was handed to the output."""
        judged = self._check(self._script.judge) if self._script.judge else None
        try:
            async with asyncio.TaskGroup() as stages:
                ahead = [stages.create_task(self._write()), stages.create_task(self._synthesize())]
                flags = await self._deliver(judged)
                for stage in ahead:
                    stage.cancel()
            if flags:
                await self._refuse(flags)
        finally:
            await _stop(self._checks)
            # It refers to this reply in turn, and both would wait for the garbage collector.
            del self._output
        return self.outcome

    # --- stage 1: words ---------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        if self._script.request is None:
            await self._put_text(self._script.say)
        else:
            await self._answer(self._script.request)
        await self._clauses.put(None)

    async def _answer(self, request: ReplyRequest) -> None:
        filler = asyncio.create_task(self._cover_silence())
        try:
            await self._converse(request)
        except EngineError as error:
            self.outcome.status, self.outcome.reason = "failed", error.code
            log.warning("no language model could answer", extra={"code": error.code})
            await self._put_phrase("apology", last=True)
        finally:
            await _stop({filler})

    async def _converse(self, request: ReplyRequest) -> None:
        messages = [without_tricks(message) for message in request.messages]
        for number in range(self._limits.max_tool_rounds + 1):
            may_wait = self._script.may_wait and not number
            text, calls = await self._ask(replace(request, messages=tuple(messages)), may_wait=may_wait)
            if not calls:
                return
            await self._cleared.wait()
            running = [(call, self._start_tool(call)) for call in calls]
            theirs = tuple(call for call, task in running if task is None)
            messages.append(Message("assistant", text, tool_calls=tuple(calls)))
            for call, task in running:
                if task is None:
                    continue
                result = await asyncio.shield(task)
                found = Message("tool", json.dumps(result, ensure_ascii=False), call_id=call.call_id)
                messages.append(without_tricks(found))
            if theirs:
                await self._clauses.put(_ClientCalls(theirs))
                return
        self.outcome.status, self.outcome.reason = "incomplete", "max_output_tokens"

    async def _ask(self, request: ReplyRequest, *, may_wait: bool) -> tuple[str, list[ToolCall]]:
        """One round with the model: its text goes on as clauses, its tool calls are returned."""
        splitter = self._limits.new_splitter(self._openers)
        written: list[str] = []
        calls: list[ToolCall] = []
        async with aclosing(self._reply(request, may_wait=may_wait)) as events:
            async for event in events:
                if self.times.first_token is None:
                    self.times.first_token = self._clock()
                match event:
                    case TextDelta(text):
                        if not written and self._ending.strip() and not text[:1].isspace():
                            text = " " + text  # what was said before a tool ran ended without a space
                        self.written_characters += len(text)
                        written.append(text)
                        for clause in splitter.feed(text):
                            await self._put(clause, ours=clause.strip() in self._openers)
                    case ToolCall():
                        calls.append(event)
                    case Usage(given, made):
                        total = self.outcome.usage
                        self.outcome.usage = Usage(total.input_tokens + given, total.output_tokens + made)
                    case Switched(partial=partial):
                        self._output.switched()
                        if partial:
                            self.outcome.partial = True
                            for clause in splitter.flush():
                                await self._put(clause)
                            await self._put_phrase("bridge")
                    case Finished("length"):
                        self.outcome.status, self.outcome.reason = "incomplete", "max_output_tokens"
                    case Finished("content_filter"):
                        self.outcome.status, self.outcome.reason = "incomplete", "content_filter"
                    case Finished():
                        pass
        for clause in splitter.flush():
            await self._put(clause)
        return "".join(written), calls

    def _reply(self, request: ReplyRequest, *, may_wait: bool) -> AsyncGenerator[ReplyEvent, None]:
        model = self._engines.language_model
        if not may_wait:
            return model.reply(request)
        return reply_or_wait(model, request, judged=self._judged_by_model, released=self._released)

    def _judged_by_model(self, finished: bool | None) -> None:
        self.waits = finished is False
        self._output.model_judged(finished=finished)

    async def _cover_silence(self) -> None:
        """A model that is slow to begin is covered by one short phrase, also where the end of the turn awaited it."""
        await self._released.wait()
        await asyncio.sleep(self._due + self._limits.filler_after_s - self._clock())
        if not self.written_characters and self._speech is not None:
            await self._put_phrase("filler")

    async def _put_text(self, text: str) -> None:
        splitter = self._limits.new_splitter(self._openers)
        for clause in (*splitter.feed(text), *splitter.flush()):
            await self._put(clause, ours=True)

    async def _put_phrase(self, name: str, *, last: bool = False) -> None:
        """One of the agent's own phrases, with a space to the words on either side."""
        phrase = self._phrases.get(name, "")
        if phrase:
            before, after = " " if self._ending.strip() else "", "" if last else " "
            await self._put(f"{before}{phrase}{after}", ours=True)

    async def _put(self, text: str, *, ours: bool = False) -> None:
        if not text:
            return
        self._ending = text[-1]
        if self.times.first_clause is None:
            self.times.first_clause = self._clock()
        await self._clauses.put(_Clause(text, None if ours else self._check(text)))

    def _check(self, text: str) -> asyncio.Task[tuple[str, ...]]:
        task = asyncio.create_task(self._moderate(text))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)
        return task

    async def _moderate(self, text: str) -> tuple[str, ...]:
        """The categories it is flagged with. If no moderator works at all, the text is treated as flagged."""
        try:
            verdict = await self._engines.moderator.check(text)
        except EngineError as error:
            log.warning("no moderator could judge", extra={"code": error.code})
            return ("unavailable",)
        return (verdict.categories or ("flagged",)) if verdict.flagged else ()

    # --- stage 2: speech --------------------------------------------------------------------------------------------

    async def _synthesize(self) -> None:
        first = True
        while (item := await self._clauses.get()) is not None:
            await self._spoken.put(item)
            if isinstance(item, _ClientCalls):
                continue
            if not first:
                await self._released.wait()
            first = False
            await self._speak(item.text)
            await self._spoken.put(_CLAUSE_END)
        await self._spoken.put(None)

    async def _speak(self, text: str) -> None:
        if self._speech is None or self.outcome.captions_only:
            return
        words = speakable(text, self._speech.language)
        if not words:
            return
        try:
            async with aclosing(self._engines.synthesizer.speak(words, self._speech)) as chunks:
                async for chunk in chunks:
                    if self.times.first_audio is None:
                        self.times.first_audio = self._clock()
                    await self._spoken.put(chunk)
        except EngineError as error:
            log.warning("no synthesizer could speak", extra={"code": error.code})
            self.outcome.captions_only = True

    # --- stage 3: the gate ------------------------------------------------------------------------------------------

    async def _deliver(self, judged: asyncio.Task[tuple[str, ...]] | None) -> tuple[str, ...]:
        """Returns what the caller's words, or the agent's, were flagged with; then nothing more may pass."""
        await self._released.wait()
        if judged is not None:
            flags = await judged
            self.times.judged = self._clock()
            self._output.judged()
            if flags:
                return flags
        self._cleared.set()
        while (item := await self._spoken.get()) is not None:
            if isinstance(item, _Clause):
                flags = await item.verdict if item.verdict else ()
                if flags:
                    return flags
                self._delivered = item.text
                self._output.clause(item.text)
            elif isinstance(item, _ClauseEnd):
                self._output.clause_spoken()
            elif isinstance(item, _ClientCalls):
                self._output.client_calls(item.calls)
            else:
                await self._output.room()
                self._output.audio(item)
        return ()

    async def _refuse(self, flags: tuple[str, ...]) -> None:
        """Says kindly that this cannot be answered; only the categories are kept."""
        self.outcome.flagged = flags
        self.outcome.status, self.outcome.reason = "incomplete", "content_filter"
        text = self._phrases.get("refusal", "")
        if not text:
            return
        apart = "" if self._delivered[-1:].strip() == "" else " "
        self._output.clause(apart + text)
        if self._speech is not None:
            try:
                async with aclosing(
                    self._engines.synthesizer.speak(speakable(text, self._speech.language), self._speech)
                ) as chunks:
                    async for chunk in chunks:
                        await self._output.room()
                        self._output.audio(chunk)
            except EngineError:
                self.outcome.captions_only = True
        self._output.clause_spoken()


async def _stop(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels and awaits helpers whose results are no longer wanted."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
