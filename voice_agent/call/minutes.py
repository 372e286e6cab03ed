"""The minutes of a call: who said what, when, how fast it was answered. Goes to the recorder and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from voice_agent.call.metrics import TURN_LATENCY, TURNS, WASTED_TOKENS
from voice_agent.call.reply import ReplyTimes
from voice_agent.call.speaking import Spoken
from voice_agent.engines.ports import Timing, Word
from voice_agent.records import CallRecorder, Turn, TurnMetrics


class Minutes:
    """Numbers the turns of one call. `started`: the session's clock at its beginning, in s; `turns`: the number of the
    last turn before, where the call goes on after an interruption; `max_unjudged`: so many of the caller's texts wait
    for moderation at most, as many as the conversation remembers."""

    def __init__(
        self, call_id: str, recorder: CallRecorder, started: float, *, max_unjudged: int, turns: int = 0
    ) -> None:
        self._call_id = call_id
        self._recorder = recorder
        self._started = started
        self._seq = turns
        self._max_unjudged = max_unjudged
        self._unjudged: list[str] = []
        self._settled = 0
        """Texts of the caller that wait no more."""
        self._judging = 0
        """Number of the last text that the reply in progress is moderated with."""
        self._last_speech: float | None = None
        """When the caller stopped speaking, while the answer to it is still awaited."""
        self._stages: dict[str, int] = {}
        self._moments: dict[str, float | None] = {}
        self._wasted = 0
        self._wasted_in_call = 0
        self._spent_in_call = 0

    @property
    def turns(self) -> int:
        """The number of the last turn."""
        return self._seq

    def caller_spoke(
        self,
        text: str,
        *,
        start_ms: int,
        end_ms: int,
        audio_now_ms: int,
        words: tuple[Word, ...],
        timing: Timing,
        verbatim: bool,
        last_speech: float,
        stopped: float | None,
        transcribed: float | None,
        now: float,
    ) -> None:
        """A committed spoken turn. `*_ms` and the times of `words` are positions in the caller's audio; the rest are
        moments of the session's clock: `stopped`, when the pause was noticed, `transcribed`, when the last words were
        known."""
        self._to_be_judged(text)
        offset_ms = self._ms(now) - audio_now_ms
        self._last_speech = last_speech
        self._moments = {"stopped": stopped, "transcribed": transcribed, "committed": now}
        self._stages = {"eou_ms": _span(last_speech, now)}
        TURN_LATENCY.labels("eou_delay").observe(now - last_speech)
        if stopped is not None and transcribed is not None:
            stt_s = transcribed - stopped
            self._stages["stt_ms"] = round(stt_s * 1000)
            TURN_LATENCY.labels("stt_final").observe(stt_s)
        metrics = TurnMetrics(eou_ms=self._stages["eou_ms"], stt_ms=self._stages.get("stt_ms"))
        self._write(
            "user",
            "voice",
            text,
            heard=text,
            start_ms=start_ms + offset_ms,
            end_ms=end_ms + offset_ms,
            words=tuple(word.shifted(offset_ms) for word in words),
            timing=timing,
            verbatim=verbatim,
            metrics=metrics,
        )
        TURNS.labels("user", "spoken").inc()

    def caller_typed(self, text: str, now: float) -> None:
        self._to_be_judged(text)
        self._write("user", "text", text, heard=text, start_ms=self._ms(now), end_ms=self._ms(now))
        TURNS.labels("user", "typed").inc()

    def judging(self) -> tuple[str, ...]:
        """The caller's texts on which there was no verdict yet: the reply in progress is moderated with them."""
        self._judging = self._texts
        return tuple(self._unjudged)

    def judged(self) -> None:
        """There is a verdict on the texts that the reply in progress is moderated with."""
        self._settle(self._judging)

    @property
    def _texts(self) -> int:
        """The number of the caller's latest text."""
        return self._settled + len(self._unjudged)

    def _to_be_judged(self, text: str) -> None:
        self._unjudged.append(text)
        self._settle(self._texts - self._max_unjudged)

    def _settle(self, until: int) -> None:
        """The texts up to this number wait no more."""
        count = max(until - self._settled, 0)
        del self._unjudged[:count]
        self._settled += count

    def wasted(self, tokens: int, waited: bool) -> None:
        """A reply that cost so many tokens was thrown away unheard; `waited`: because the model took the caller for
        unfinished, which is no reason to begin replies later."""
        self._wasted += tokens
        if waited:
            self._spent_in_call += tokens
        else:
            self._wasted_in_call += tokens
        WASTED_TOKENS.inc(tokens)

    @property
    def wasted_share(self) -> float:
        """Part of the call's tokens that were spent on replies that were begun too early, 0 to 1."""
        total = self._wasted_in_call + self._spent_in_call
        return self._wasted_in_call / total if total else 0.0

    def marks_ms(self, reply: ReplyTimes, playing: float) -> Mapping[str, int]:
        """How the answer to the last spoken turn came about, in ms since its last speech; nothing if there was none."""
        begin = self._last_speech
        if begin is None:
            return {}
        moments = {
            **self._moments,
            "requested": reply.requested,
            "judged": reply.judged,
            "first_token": reply.first_token,
            "first_clause": reply.first_clause,
            "first_audio": reply.first_audio,
            "playing": playing,
        }
        return {name: round((at - begin) * 1000) for name, at in moments.items() if at is not None}

    def agent_spoke(self, spoken: Spoken) -> None:
        """A reply that was heard, whole or in part."""
        metrics = self._reply_metrics(spoken)
        self._spent_in_call += spoken.tokens
        began = spoken.playing if spoken.playing is not None else spoken.requested
        self._write(
            "assistant",
            "voice" if spoken.playing is not None else "text",
            spoken.text,
            heard=spoken.heard,
            start_ms=self._ms(began),
            end_ms=self._ms(spoken.ended),
            interrupted=spoken.interrupted,
            partial=spoken.outcome.partial,
            metrics=metrics,
        )
        TURNS.labels("assistant", "interrupted" if spoken.interrupted else spoken.outcome.status).inc()
        self._last_speech = None
        self._stages = {}
        self._wasted = 0

    def _reply_metrics(self, spoken: Spoken) -> TurnMetrics:
        ttft = ttfb = e2e = None
        if spoken.first_token is not None:
            ttft = spoken.first_token - spoken.requested
            TURN_LATENCY.labels("llm_ttft").observe(ttft)
        if spoken.first_audio is not None and spoken.first_clause is not None:
            ttfb = spoken.first_audio - spoken.first_clause
            TURN_LATENCY.labels("tts_ttfb").observe(ttfb)
        if spoken.playing is not None and self._last_speech is not None:
            e2e = spoken.playing - self._last_speech
            TURN_LATENCY.labels("e2e").observe(max(e2e, 0.0))
        usage = spoken.outcome.usage
        return TurnMetrics(
            eou_ms=self._stages.get("eou_ms"),
            stt_ms=self._stages.get("stt_ms"),
            moderation_ms=_ms_between(spoken.requested, spoken.judged),
            ttft_ms=_rounded(ttft),
            ttfb_ms=_rounded(ttfb),
            e2e_ms=_rounded(e2e),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            wasted_tokens=self._wasted,
            engine=spoken.engine,
        )

    def _write(
        self,
        role: Literal["user", "assistant"],
        channel: Literal["voice", "text"],
        text: str,
        *,
        heard: str,
        start_ms: int,
        end_ms: int,
        interrupted: bool = False,
        partial: bool = False,
        words: tuple[Word, ...] = (),
        timing: Timing = "segment",
        verbatim: bool = False,
        metrics: TurnMetrics | None = None,
    ) -> None:
        self._seq += 1
        self._recorder.turn(
            Turn(
                call_id=self._call_id,
                seq=self._seq,
                role=role,
                channel=channel,
                text=text,
                heard=heard,
                start_ms=max(0, start_ms),
                end_ms=max(0, start_ms, end_ms),
                interrupted=interrupted,
                partial=partial,
                words=words,
                timing=timing,
                verbatim=verbatim,
                metrics=metrics or TurnMetrics(),
            )
        )

    def _ms(self, at: float) -> int:
        return round((at - self._started) * 1000)


def _span(start: float, end: float) -> int:
    return max(0, round((end - start) * 1000))


def _ms_between(start: float, end: float | None) -> int | None:
    return None if end is None else _span(start, end)


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else max(0, round(seconds * 1000))
