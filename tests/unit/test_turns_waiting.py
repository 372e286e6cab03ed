"""The language model's say in whether a turn is over, by tables of (time, event)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.turn_rig import Call, kinds
from voice_agent.call.turn_types import (
    Action,
    CommitRequested,
    CommitTurn,
    DiscardReply,
    Hypothesis,
    Lull,
    ModelJudged,
    ReleaseReply,
    ReplyEnded,
    SpeechStarted,
    SpeechStopped,
    StartReply,
    TurnConfig,
)

ASKING = TurnConfig(ask_model=True, min_delay_ms=200, max_delay_ms=2000)
WHOLE, OPEN = "my printer says it is offline", "my printer is in the"


def judges(call: Call, *, finished: bool | None) -> list[Action]:
    """The model of the reply that was begun last."""
    begun = [action.reply for action in call.log if isinstance(action, StartReply)]
    return call.feed(ModelJudged(begun[-1], finished))


def test_a_caller_whom_the_model_takes_for_unfinished_is_waited_for() -> None:
    call = Call(ASKING)
    call.says(WHOLE, at=1.0, lasting=2.0)
    assert call.log[-1] == StartReply(1, WHOLE, True, may_wait=True)
    assert call.feed(ModelJudged(1, finished=False)) == [DiscardReply(1)]
    assert "CommitTurn" not in kinds(call.until(4.0))
    call.says("and it blinks", 2, at=4.1, lasting=1.0)
    judges(call, finished=True)
    call.until(6.0)
    assert [a.text for a in call.log if isinstance(a, CommitTurn)] == [f"{WHOLE} and it blinks"]


def test_who_says_nothing_more_is_answered_after_the_longest_wait_by_a_model_that_has_to() -> None:
    call = Call(ASKING)
    call.says(WHOLE, at=1.0, lasting=2.0)
    call.feed(ModelJudged(1, finished=False))
    call.log.clear()
    call.until(5.0)
    assert call.log == [
        CommitTurn(WHOLE, (1,), False),
        StartReply(2, WHOLE, False),
    ]


def test_the_turn_stays_open_until_the_model_has_judged() -> None:
    call = Call(ASKING)
    call.says(WHOLE, at=1.0, lasting=2.0)
    assert kinds(call.until(3.9)) == []
    assert kinds(call.feed(ModelJudged(1, finished=True))) == ["CommitTurn", "ReleaseReply"]


def test_a_model_that_does_not_judge_in_time_is_not_awaited() -> None:
    call = Call(ASKING)
    call.says(WHOLE, at=1.0, lasting=2.0)
    assert kinds(call.until(4.3)) == ["CommitTurn", "ReleaseReply"]
    # It has to answer now; nothing is thrown away.
    assert call.feed(ModelJudged(1, finished=False)) == []


def test_words_that_come_later_are_judged_anew() -> None:
    call = Call(ASKING)
    call.feed(SpeechStarted(1), Lull(1), Hypothesis(1, WHOLE, False))
    assert kinds(judges(call, finished=False)) == ["DiscardReply"]
    call.until(1.0)
    call.feed(SpeechStopped(1, 0.8))
    assert call.feed(Hypothesis(1, f"{WHOLE} today", True)) == [StartReply(2, f"{WHOLE} today", True, may_wait=True)]


def test_a_model_that_waits_in_vain_twice_is_not_asked_any_more() -> None:
    call = Call(ASKING)
    for segment, at in ((1, 1.0), (2, 10.0), (3, 20.0)):
        call.says(WHOLE, segment, at=at, lasting=2.0)
        reply = call.log[-1]
        assert isinstance(reply, StartReply)
        assert reply.may_wait == (segment < 3)
        call.feed(ModelJudged(reply.reply, finished=False))
        for action in call.until(at + 6):
            if isinstance(action, ReleaseReply):
                call.feed(ReplyEnded(action.reply))
    ends = [a for a in call.log if isinstance(a, CommitTurn)]
    assert len(ends) == 3


def test_a_model_that_has_waited_rightly_ends_turns_that_seem_open() -> None:
    call = Call(ASKING)
    call.says(OPEN, at=1.0, lasting=2.0)
    assert kinds(call.until(3.9)) == ["StartReply"]
    call.feed(ModelJudged(1, finished=False))
    call.says("hall", 2, at=4.0, lasting=0.5)
    assert kinds(judges(call, finished=True)) == ["CommitTurn", "ReleaseReply"]
    call.feed(ReplyEnded(2))
    call.says(OPEN, 3, at=8.0, lasting=1.0)
    assert kinds(judges(call, finished=True)) == ["CommitTurn", "ReleaseReply"]


def test_a_model_that_has_never_waited_ends_no_turn_that_seems_open() -> None:
    call = Call(ASKING)
    call.says(OPEN, at=1.0, lasting=2.0)
    call.until(3.9)
    assert call.feed(ModelJudged(1, finished=True)) == []
    assert kinds(call.until(4.4)) == []
    assert kinds(call.until(5.1)) == ["CommitTurn", "ReleaseReply"]


def test_a_model_that_does_not_say_is_not_awaited_and_believed_in_nothing() -> None:
    call = Call(replace(ASKING, trust_model_after=0))
    call.says(WHOLE, at=1.0, lasting=2.0)
    assert kinds(call.feed(ModelJudged(1, None))) == ["CommitTurn", "ReleaseReply"]
    call.feed(ReplyEnded(1))
    call.says(OPEN, 2, at=8.0, lasting=1.0)
    assert judges(call, finished=None) == []
    assert kinds(call.until(10.6)) == []


def test_a_cough_does_not_show_that_the_model_waited_rightly() -> None:
    call = Call(ASKING)
    call.says(OPEN, at=1.0, lasting=2.0)
    call.until(3.9)
    judges(call, finished=False)
    call.says("", 2, at=4.0, lasting=0.3)
    for action in call.until(10.0):
        if isinstance(action, ReleaseReply):
            call.feed(ReplyEnded(action.reply))
    call.says(OPEN, 3, at=12.0, lasting=1.0)
    call.until(14.0)
    assert judges(call, finished=True) == []


def test_a_model_is_not_blamed_for_waiting_where_the_words_ask_for_it() -> None:
    call = Call(ASKING)
    for segment in range(1, 5):
        call.says(OPEN, segment, at=10.0 * segment, lasting=1.0)
        call.until(10.0 * segment + 1.9)
        judges(call, finished=False)
        for action in call.until(10.0 * segment + 8):
            if isinstance(action, ReleaseReply):
                call.feed(ReplyEnded(action.reply))
    asked = [a for a in call.log if isinstance(a, StartReply) and a.may_wait]
    assert len(asked) == 4


def test_a_model_that_judges_too_late_twice_is_not_asked_any_more() -> None:
    call = Call(ASKING)
    for segment in range(1, 4):
        call.says(WHOLE, segment, at=10.0 * segment, lasting=1.0)
        call.until(10.0 * segment + 3)
        judges(call, finished=False)
        call.feed(ReplyEnded(segment))
    assert [a.may_wait for a in call.log if isinstance(a, StartReply)] == [True, True, False]


def test_the_client_that_commits_a_turn_keeps_the_reply_that_was_begun_to_it() -> None:
    call = Call(ASKING)
    call.feed(SpeechStarted(1), Hypothesis(1, WHOLE, False), Lull(1), CommitRequested())
    assert judges(call, finished=False) == []
    call.until(1.0)
    call.feed(SpeechStopped(1, 0.9))
    assert kinds(call.feed(Hypothesis(1, WHOLE, True))) == ["CommitTurn", "ReleaseReply"]


def test_waits_are_not_at_the_cost_of_the_reply_to_the_whole_turn() -> None:
    call = Call(replace(ASKING, max_speculations=1, max_waits=2))
    for segment in range(1, 4):
        call.says(WHOLE, segment, at=2.0 * segment, lasting=1.0)
        assert isinstance(call.log[-1], StartReply)
        assert call.log[-1].may_wait == (segment < 3)
        judges(call, finished=False)
    assert kinds(call.log[-2:]) == ["CommitTurn", "StartReply"]


def test_after_a_wait_the_reply_is_begun_so_long_before_the_end_as_the_judgement_took() -> None:
    call = Call(ASKING)
    call.says(WHOLE, at=1.0, lasting=2.0)
    call.until(3.76)
    judges(call, finished=False)
    end = next(at for at in iter(call.machine.next_deadline, None) if at)
    assert call.until(end) == [StartReply(2, WHOLE, True)]
    released = call.until(end + 0.5)
    assert kinds(released) == ["CommitTurn", "ReleaseReply"]


def test_the_caller_has_expected_the_answer_since_the_turn_seemed_over() -> None:
    call = Call(ASKING)
    call.says(WHOLE, at=1.0, lasting=2.0)
    call.until(3.7)
    (_, released) = judges(call, finished=True)
    assert isinstance(released, ReleaseReply)
    assert released.due == pytest.approx(3.26)  # its words were known
