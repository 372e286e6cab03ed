"""A recorded turn and its words are on the call's clock, and it is known what their times are worth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scripts.autojump import run
from scripts.stub_engines import ScriptedStream, ScriptedTranscriber
from tests.call_rig import Rig
from voice_agent.call.listening import Segment, timing_of
from voice_agent.engines.ports import Timing, Transcript, Word
from voice_agent.engines.verbatim import seeds_fillers


class TimedTranscriber(ScriptedTranscriber):
    """One word over the whole audio of the utterance, from 300 ms on: where speech begins behind the prefix."""

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[_TimedStream]:
        yield _TimedStream(self)


class _TimedStream(ScriptedStream):
    async def __aiter__(self) -> AsyncIterator[Transcript]:
        async for transcript in super().__aiter__():
            words = (Word(transcript.text, 300, self.heard // 32),)
            yield Transcript(transcript.text, True, words, timing="word", verbatim=True)


def test_turns_and_words_stand_where_they_were_spoken() -> None:
    async def call() -> None:
        async with Rig(transcriber=TimedTranscriber(0.1)) as rig:
            await rig.wait(5)
            began_ms = 5000
            await rig.says("hello there", seconds=2)
            await rig.until("response.done")
        turn = next(turn for turn in rig.recorder.turns if turn.role == "user")
        assert began_ms - 100 <= turn.start_ms <= began_ms + 300
        assert turn.start_ms + 1600 <= turn.end_ms <= began_ms + 2100
        word = turn.words[0]
        assert abs(word.start_ms - turn.start_ms) <= 100
        assert turn.end_ms <= word.end_ms <= turn.end_ms + 1000
        assert (turn.timing, turn.verbatim) == ("word", True)

    run(call())


def test_times_are_as_good_as_the_worst_that_claims_to_have_some() -> None:
    def timed(*timings: Timing) -> Timing:
        return timing_of([Segment(1, 0, 0, 0, timing=timing) for timing in timings])

    assert timed() == timed("segment") == "segment"
    assert timed("word", "segment") == "word"
    assert timed("word", "interpolated") == "interpolated"


def test_a_prompt_asks_for_hesitation_sounds_by_showing_two() -> None:
    assert seeds_fillers("Um, uh, hmm, er, ah. A job interview.")
    assert not seeds_fillers("Um. An IT helpdesk call: Uhland, Erma, umbrella.")
