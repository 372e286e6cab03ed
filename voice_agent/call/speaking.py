"""The agent's side of a call: runs replies, shows them to the client, and knows what was heard.

One reply at a time is audible; the turn machine sees to that. Everything the caller may learn of a reply goes through
here, in the order of the protocol; history is cut here to what was really heard.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from voice_agent.call.background import Background
from voice_agent.call.ledger import PlayoutLedger
from voice_agent.call.reply import Reply, ReplyLimits, ReplyOutcome, ReplyScript, ReplyTimes, ToolStarter
from voice_agent.call.transport import SpeechOutput
from voice_agent.call.weakly import weakly
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import AudioChunk, SpeechOptions, ToolCall
from voice_agent.realtime import agent_events, server_events
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.response_config import ResponseConfig
from voice_agent.realtime.response_events import ResponseEvents
from voice_agent.realtime.server_events import Event

log = logging.getLogger(__name__)

_CAPTION_INTERVAL_S = 0.12
"""Between two captions, at least; and between two looks while it is not known when the next word will be heard."""
_PACKET_S = 0.02
"""The position moves on by so much at a time."""
_ESTIMATE_MS = 1000
"""By which the estimated place of a word in its clause may be wrong."""
Reason = Literal["turn_detected", "client_cancelled"]


@dataclass(slots=True)
class Spoken:
    """What became of one reply, for the records."""

    reply: int
    text: str
    heard: str
    interrupted: bool
    outcome: ReplyOutcome
    requested: float
    first_token: float | None
    first_clause: float | None
    first_audio: float | None
    judged: float | None
    playing: float | None
    ended: float
    tokens: int
    """What it cost, in and out."""
    engine: str


@dataclass(frozen=True, slots=True)
class SpeakerHooks:
    """What the speaker tells the call. All synchronous."""

    emit: Callable[[Event], None]
    playing: Callable[[int, ReplyTimes], None]
    """The first sound of a reply leaves; how it came about."""
    ended: Callable[[int], None]
    """A reply was generated and has drained, or failed."""
    spoken: Callable[[Spoken], None]
    wasted: Callable[[int, bool], None]
    """What a discarded reply cost, in tokens, and whether it was a wait for more of the caller's words."""
    judged: Callable[[], None]
    """The caller's words that the reply was begun with have been moderated."""
    model_judged: Callable[[int, bool | None], None]
    """The model of a reply that may wait takes the caller's turn for finished or not, or does not say."""


class Speaker:
    """All replies of one call. Use it on the event loop; `aclose` stops everything."""

    def __init__(
        self,
        *,
        engines: Engines,
        output: SpeechOutput | None,
        conversation: Conversation,
        kind: Literal["webrtc", "websocket"],
        start_tool: ToolStarter,
        limits: ReplyLimits,
        clock: Callable[[], float],
        hooks: SpeakerHooks,
        background: Background,
    ) -> None:
        self._engines = engines
        self._output = output
        self._conversation = conversation
        self._kind = kind
        self._start_tool = start_tool
        self._limits = limits
        self._clock = clock
        self._hooks = hooks
        self._background = background
        self._current: _Delivery | None = None
        self._last_spoken: _Delivery | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False
        self._noticed: set[str] = set()
        self._captions: asyncio.TimerHandle | None = None
        self.audio_started = False
        """The agent has been heard in this call: its voice is fixed."""
        if output is not None:
            output.on_started = partial(background.run, weakly(self._on_started))
            output.on_drained = partial(background.run, weakly(self._on_drained))

    @property
    def generating(self) -> bool:
        """Whether a response is in progress, as the protocol means it."""
        return self._current is not None and self._current.events.active

    @property
    def speaking_item(self) -> str | None:
        """The item whose sound still leaves after its response is done."""
        delivery = self._current
        return delivery.item_id if delivery and delivery.sounding and not delivery.events.active else None

    @property
    def response_id(self) -> str | None:
        return self._current.events.id if self._current else None

    @property
    def within_earshot(self) -> str:
        """What an echo of the reply in progress may hold by now. Where a word stands in the sound is an estimate: the
        words of the next moment are among them."""
        delivery = self._current
        if delivery is None or self._output is None:
            return ""
        return delivery.ledger.heard_by(self._output.position_ms + _ESTIMATE_MS)

    def start(
        self,
        reply: int,
        script: ReplyScript,
        config: ResponseConfig,
        *,
        held: bool,
        phrases: Mapping[str, str],
        openers: Collection[str],
        language: str,
    ) -> None:
        """Begins a reply. A held one is not heard of before `release`."""
        delivery = _Delivery(
            reply=reply,
            notice=weakly(self._notice),
            judged=self._hooks.judged,
            turn_judged=self._hooks.model_judged,
            config=config,
            events=ResponseEvents(self._hooks.emit, self._conversation, config, transport=self._kind),
            conversation=self._conversation,
            output=self._output if config.modality == "audio" else None,
        )
        speech = SpeechOptions(config.voice, config.speed, language) if delivery.output is not None else None
        delivery.run = Reply(
            script,
            engines=self._engines,
            output=delivery,
            speech=speech,
            phrases=phrases,
            openers=openers,
            start_tool=self._start_tool,
            limits=self._limits,
            clock=self._clock,
        )
        self._current = delivery
        if not held:
            self._release(delivery, self._clock())
        task = self._background.spawn(self._run(delivery))
        delivery.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def release(self, reply: int, due: float) -> None:
        """A held reply may be heard; the caller has expected it since `due`."""
        delivery = self._of(reply)
        if delivery is not None:
            self._release(delivery, due)

    def discard(self, reply: int) -> None:
        """A held reply is thrown away."""
        delivery = self._of(reply)
        if delivery is None:
            return
        self._current = None
        _stop(delivery)
        self._hooks.wasted(delivery.run.tokens, delivery.run.waits)

    def cancel(self, reply: int, reason: Reason) -> None:
        """Stops generating and playing at once; the history keeps what was heard."""
        delivery = self._of(reply)
        if delivery is None:
            return
        self._current = None
        _stop(delivery)
        self._silence(delivery)
        if delivery.events.active:
            delivery.events.finish("cancelled", reason, delivery.run.outcome.usage)
        self._cut_history(delivery)
        self._finished(delivery, interrupted=True)

    def pause(self) -> None:
        self._paused = True
        if self._current is not None:
            self._current.paused = True
        if self._output is not None:
            self._output.pause()

    def resume(self) -> None:
        self._paused = False
        if self._current is not None:
            self._current.paused = False
        if self._output is not None:
            self._output.resume()

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """The client says what was heard of an item. Raises ProtocolError."""
        delivery = self._last_spoken
        ledger = delivery.ledger if delivery is not None and delivery.item_id == item_id else None
        heard = ledger.heard_by(audio_end_ms) if ledger else None
        item = self._conversation.truncate(item_id, content_index, audio_end_ms, heard=heard)
        heard_ms = audio_end_ms if item.heard_ms is None else item.heard_ms
        if ledger:
            ledger.truncated(heard_ms)
        self._hooks.emit(server_events.item_truncated(item_id, heard_ms, content_index))
        self._hooks.emit(agent_events.caption(item_id, item.text, final=True))

    async def aclose(self) -> None:
        """Ends what is being said; how much of it was heard is still recorded."""
        current = self._current
        if current is not None and (current.events.active or current.sounding):
            self.cancel(current.reply, "client_cancelled")
        elif current is not None:
            self.discard(current.reply)
        self._stop_captions()
        if self._output is not None:
            self._output.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- the life of a reply ----------------------------------------------------------------------------------------

    def _of(self, reply: int) -> _Delivery | None:
        return self._current if self._current is not None and self._current.reply == reply else None

    def _release(self, delivery: _Delivery, due: float) -> None:
        delivery.events.begin()
        self._hooks.emit(server_events.rate_limits_updated({}))
        delivery.paused = self._paused
        delivery.run.release(due)

    async def _run(self, delivery: _Delivery) -> None:
        try:
            await delivery.run.run()
        except asyncio.CancelledError as cancelled:
            # A task group's frame refers to the error that refers to the frame: left like that, a discarded reply and
            # its speech would wait for the garbage collector. Nobody awaits this task but for its end.
            traceback.clear_frames(cancelled.__traceback__)
            return
        except Exception as error:
            log.error("a reply failed inside", extra={"error": type(error).__name__}, exc_info=True)
            delivery.run.outcome.status, delivery.run.outcome.reason = "failed", "internal"
        if self._current is not delivery:
            return
        self._finish_events(delivery)
        if delivery.run.outcome.captions_only:
            self._notice("no_voice", "The voice is not available right now. Please read the answers.")
        if delivery.sounding and self._output is not None:
            self._output.end()
        else:
            self._done(delivery)

    def _finish_events(self, delivery: _Delivery) -> None:
        outcome = delivery.run.outcome
        if outcome.status == "incomplete":
            reason: Literal["max_output_tokens", "content_filter"] = (
                "content_filter" if outcome.reason == "content_filter" else "max_output_tokens"
            )
            delivery.events.finish("incomplete", reason, outcome.usage)
        elif outcome.status == "failed":
            delivery.events.finish("failed", usage=outcome.usage, error_code=outcome.reason)
        else:
            delivery.events.finish(usage=outcome.usage)

    def _notice(self, code: str, message: str) -> None:
        """Tells the caller, once in a call."""
        if code not in self._noticed:
            self._noticed.add(code)
            self._hooks.emit(agent_events.notice(code, message))

    def _done(self, delivery: _Delivery) -> None:
        """Generated and drained."""
        self._current = None
        self._unpause()
        delivery.ledger.played(delivery.ledger.queued_ms)
        self._finished(delivery, interrupted=False)
        self._hooks.ended(delivery.reply)

    def _finished(self, delivery: _Delivery, *, interrupted: bool) -> None:
        self._stop_captions()
        if delivery.output is not None and delivery.item_id:
            self._hooks.emit(agent_events.caption(delivery.item_id, delivery.heard, final=True))
        told = delivery.output is not None or not delivery.config.out_of_band
        if delivery.ledger.written and told:
            times = delivery.run.times
            self._hooks.spoken(
                Spoken(
                    reply=delivery.reply,
                    text=delivery.ledger.written,
                    heard=delivery.heard,
                    interrupted=interrupted,
                    outcome=delivery.run.outcome,
                    requested=times.requested,
                    first_token=times.first_token,
                    first_clause=times.first_clause,
                    first_audio=times.first_audio,
                    judged=times.judged,
                    playing=delivery.playing_since,
                    ended=self._clock(),
                    tokens=delivery.run.tokens,
                    engine=self._engines.language_model.name,
                )
            )

    def _silence(self, delivery: _Delivery) -> None:
        if self._output is None or not delivery.sounding:
            self._unpause()
            return
        delivery.ledger.played(self._output.position_ms)
        self._output.clear()
        self._unpause()
        if self._kind == "webrtc":
            self._hooks.emit(server_events.output_audio_cleared(delivery.events.id))

    def _unpause(self) -> None:
        if self._paused:
            self.resume()

    def _cut_history(self, delivery: _Delivery) -> None:
        item_id = delivery.item_id
        by_ear = delivery.output is not None and (delivery.sounding or not delivery.run.outcome.captions_only)
        if not item_id or not by_ear or item_id not in self._conversation:
            return
        item, heard_ms = self._conversation.get(item_id), delivery.ledger.heard_ms
        if item.role != "assistant" or (item.heard_ms is not None and item.heard_ms <= heard_ms):
            return  # the client has put another in its place, or cut it already
        self._conversation.truncate(item_id, 0, heard_ms, heard=delivery.heard)
        self._hooks.emit(server_events.item_truncated(item_id, heard_ms))

    # --- what the output reports ------------------------------------------------------------------------------------

    def _on_started(self) -> None:
        delivery = self._current
        if delivery is None:
            return
        self.audio_started = True
        delivery.playing_since = self._clock()
        self._last_spoken = delivery
        if self._kind == "webrtc":
            self._hooks.emit(server_events.output_audio_started(delivery.events.id))
        self._hooks.playing(delivery.reply, delivery.run.times)
        self._show_captions()

    def _on_drained(self) -> None:
        delivery = self._current
        if delivery is None:
            return
        if self._kind == "webrtc":
            self._hooks.emit(server_events.output_audio_stopped(delivery.events.id))
        self._done(delivery)

    def _show_captions(self) -> None:
        """Captions grow with what is heard, not with what is written."""
        self._stop_captions()
        delivery = self._current
        if delivery is None or self._output is None:
            return
        delivery.ledger.played(self._output.position_ms)
        heard = delivery.heard
        if heard.rstrip() != delivery.captioned.rstrip() and delivery.item_id:
            delivery.captioned = heard
            self._hooks.emit(agent_events.caption(delivery.item_id, heard, final=False))
        next_word_ms = delivery.ledger.next_word_ms
        wait_s = 0.0 if next_word_ms is None else (next_word_ms - delivery.ledger.heard_ms) / 1000 + _PACKET_S
        self._captions = asyncio.get_running_loop().call_later(
            max(wait_s, _CAPTION_INTERVAL_S), self._background.run, self._show_captions
        )

    def _stop_captions(self) -> None:
        if self._captions is not None:
            self._captions.cancel()
            self._captions = None


@dataclass(slots=True, eq=False)
class _Delivery:
    """One reply on its way to the client: a `ReplyOutput`."""

    reply: int
    notice: Callable[[str, str], None]
    judged: Callable[[], None]
    turn_judged: Callable[[int, bool | None], None]
    config: ResponseConfig
    events: ResponseEvents
    conversation: Conversation
    output: SpeechOutput | None
    ledger: PlayoutLedger = field(default_factory=PlayoutLedger)
    run: Reply = field(init=False)
    task: asyncio.Task[None] | None = None
    item_id: str = ""
    sounding: bool = False
    """Speech was queued."""
    paused: bool = False
    playing_since: float | None = None
    captioned: str = ""

    @property
    def heard(self) -> str:
        """What reached the caller: by ear, or by eye where it is text."""
        if self.output is None or self.run.outcome.captions_only:
            return self.ledger.written
        return self.ledger.heard

    def clause(self, text: str) -> None:
        if not self.item_id:
            self.item_id = self.events.begin_message()
            if self.output is not None:
                self.output.begin(self.item_id)
                if self.paused:
                    self.output.pause()
        self.ledger.clause(text)
        self.events.text(text)

    def audio(self, chunk: AudioChunk) -> None:
        if self.output is None:
            return
        self.sounding = True
        self.ledger.audio(self.output.write(chunk))
        self.conversation.set_audio_ms(self.item_id, self.ledger.queued_ms)

    def clause_spoken(self) -> None:
        self.ledger.complete()

    def switched(self) -> None:
        self.notice("fallback", "The language model does not answer. The agent goes on by its own script for now.")

    def model_judged(self, *, finished: bool | None) -> None:
        self.turn_judged(self.reply, finished)

    def client_calls(self, calls: Sequence[ToolCall]) -> None:
        if self.events.item_id is not None:
            self.events.end_message()
        for call in calls:
            self.events.function_call(call.name, call.call_id, call.arguments)

    async def room(self) -> None:
        if self.output is not None:
            await self.output.room()


def _stop(delivery: _Delivery) -> None:
    if delivery.task is not None:
        delivery.task.cancel()
