"""The turn machine, by tables of (time, event) and by random interleavings. No clock, no sleep."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turn_rig import PLAIN, Call, kinds, playing
from voice_agent.call.interruption import policy
from voice_agent.call.turn_state import Phase
from voice_agent.call.turn_types import (
    AnnounceSpeech,
    AskAgain,
    CancelReply,
    CommitRequested,
    CommitTurn,
    ContextChanged,
    CutSegment,
    DiscardReply,
    DropTurn,
    EndIdle,
    Event,
    Hypothesis,
    IdleTimeout,
    Lull,
    LullOver,
    ModelJudged,
    Nudge,
    PausePlayout,
    PlayoutCleared,
    PlayoutStarted,
    ReleaseReply,
    ReplyCancelled,
    ReplyEnded,
    ReplyRequested,
    ResumePlayout,
    SpeechStarted,
    SpeechStopped,
    StartReply,
    Tick,
    TurnConfig,
    WarnIdle,
)
from voice_agent.call.turns import TurnMachine


def test_a_complete_turn_is_committed_after_the_short_delay_and_answered() -> None:
    call = Call()
    call.says("my printer says it is offline.", at=1.0, lasting=2.0)
    assert CommitTurn("my printer says it is offline.", (1,), False) not in call.log
    call.until(3.3)
    assert call.log == [
        AnnounceSpeech(),
        CommitTurn("my printer says it is offline.", (1,), False),
        StartReply(1, "my printer says it is offline.", False),
    ]


@pytest.mark.parametrize("text", ["my printer and", "I tried to", "um", "my number is five five", "well, because"])
def test_an_incomplete_turn_is_given_more_time(text: str) -> None:
    call = Call()
    call.says(text, at=0.0, lasting=1.0)
    assert "CommitTurn" not in kinds(call.until(2.0))
    assert "CommitTurn" in kinds(call.until(3.6))


def test_speech_that_goes_on_within_the_delay_makes_one_turn_of_two_segments() -> None:
    call = Call()
    call.says("my printer and", 1, at=0.0, lasting=1.0)
    call.says("my scanner are both offline.", 2, at=1.8, lasting=1.5)
    call.until(5.0)
    assert [a for a in call.log if isinstance(a, CommitTurn)] == [
        CommitTurn("my printer and my scanner are both offline.", (1, 2), False)
    ]
    assert kinds(call.log).count("AnnounceSpeech") == 1


def test_the_commit_waits_for_the_final_transcript_but_not_for_ever() -> None:
    call = Call()
    call.feed(SpeechStarted(1))
    call.until(1.16)
    call.feed(SpeechStopped(1, 1.0), Hypothesis(1, "hello there my", False))
    assert "CommitTurn" not in kinds(call.until(3.9))
    assert CommitTurn("hello there my", (1,), True) in call.until(4.1)


def test_a_held_reply_is_released_when_the_committed_words_are_those_it_was_begun_with() -> None:
    call = Call(TurnConfig())
    actions = call.says("My printer is offline", at=0.0, lasting=1.0)
    assert StartReply(1, "My printer is offline", True) in actions
    assert call.machine.phase is Phase.HELD
    assert kinds(call.until(2.0)) == ["CommitTurn", "ReleaseReply"]


def test_a_reply_begins_in_a_lull_with_the_word_that_was_still_missing() -> None:
    call = Call(TurnConfig())
    call.feed(SpeechStarted(1))
    call.until(2.0)
    assert call.feed(Hypothesis(1, "My printer in the hall is", False)) == []
    call.until(2.06)
    assert call.feed(Lull(1)) == []
    assert call.feed(Hypothesis(1, "My printer in the hall is offline", False)) == [
        StartReply(1, "My printer in the hall is offline", True)
    ]
    call.until(2.16)
    call.feed(SpeechStopped(1, 2.0))
    call.until(2.26)
    call.feed(Hypothesis(1, "my printer in the hall is offline.", True))
    assert kinds(call.until(3.0)) == ["CommitTurn", "ReleaseReply"]


def test_the_last_reply_that_may_be_begun_early_is_kept_for_the_final_words() -> None:
    call = Call(TurnConfig(max_speculations=2))
    call.feed(SpeechStarted(1), Lull(1))
    assert kinds(call.feed(Hypothesis(1, "My printer is in the hall", False))) == ["StartReply"]
    assert kinds(call.feed(Hypothesis(1, "My printer is in the hall upstairs", False))) == ["DiscardReply"]
    call.until(1.0)
    call.feed(SpeechStopped(1, 0.9))
    assert kinds(call.feed(Hypothesis(1, "My printer is in the hall upstairs", True))) == ["StartReply"]


def test_words_that_seem_incomplete_begin_no_reply_in_a_lull() -> None:
    call = Call(TurnConfig())
    call.feed(SpeechStarted(1), Hypothesis(1, "My printer in the hall and", False), Lull(1))
    assert call.until(1.0) == []


def test_words_known_before_the_lull_begin_a_reply_with_it() -> None:
    call = Call(TurnConfig())
    call.feed(SpeechStarted(1), Hypothesis(1, "My printer in the hall is offline", False))
    call.until(2.0)
    assert call.feed(Lull(1)) == [StartReply(1, "My printer in the hall is offline", True)]


def test_a_lull_that_is_over_begins_no_reply() -> None:
    call = Call(TurnConfig())
    call.feed(SpeechStarted(1), Lull(1), LullOver(1), Hypothesis(1, "My printer is offline", False))
    assert kinds(call.log) == ["AnnounceSpeech"]


def test_new_words_discard_a_reply_that_was_begun_in_a_lull() -> None:
    call = Call(TurnConfig())
    call.feed(SpeechStarted(1), Hypothesis(1, "My printer is offline", False))
    assert kinds(call.feed(Lull(1), LullOver(1))) == ["StartReply"]
    assert call.feed(Hypothesis(1, "My printer is offline since Monday", False)) == [DiscardReply(1)]


def test_a_caller_who_was_cut_into_is_given_more_time_and_judged_by_the_whole() -> None:
    call = Call(TurnConfig(speculation=False, min_delay_ms=200, max_delay_ms=2000))
    call.says("we use Linux", 1, at=0.0, lasting=1.0)
    call.until(1.6)
    assert "CommitTurn" in kinds(call.log)
    call.feed(PlayoutStarted(1))
    call.says("Windows", 2, at=1.7, lasting=0.6)
    assert "CommitTurn" not in kinds(call.until(3.2))
    call.says("and a Mac", 3, at=3.2, lasting=0.7)
    call.until(5.0)
    assert [a.text for a in call.log if isinstance(a, CommitTurn)] == ["we use Linux", "Windows and a Mac"]


def test_speech_after_the_reply_has_ended_is_a_turn_of_its_own() -> None:
    call = Call(TurnConfig(speculation=False, min_delay_ms=200, max_delay_ms=2000))
    call.says("we use Linux", 1, at=0.0, lasting=1.0)
    call.until(1.6)
    call.feed(PlayoutStarted(1), ReplyEnded(1))
    call.says("Windows", 2, at=1.7, lasting=0.6)
    assert "CommitTurn" in kinds(call.until(2.9))


def test_sound_without_words_does_not_hold_the_agent_up_for_long() -> None:
    call = Call(PLAIN)
    call.machine = TurnMachine(PLAIN, 0.0, interruption=policy(min_ms=1000, min_words=2, partials=True))
    call.feed(ReplyRequested(), PlayoutStarted(1))
    call.until(2.0)
    call.feed(SpeechStarted(1))
    call.until(5.0)
    assert kinds(call.log)[1:] == ["PausePlayout", "ResumePlayout"]
    assert "CancelReply" in kinds(call.feed(Hypothesis(1, "stop it", False)))


def test_a_thrifty_call_begins_no_reply_to_words_that_may_change() -> None:
    call = Call(TurnConfig())
    call.machine.patience.thrifty = True
    call.feed(SpeechStarted(1), Hypothesis(1, "My printer is offline", False))
    call.until(1.0)
    call.feed(Lull(1))
    assert call.until(1.1) == []
    call.feed(SpeechStopped(1, 1.0))
    assert kinds(call.feed(Hypothesis(1, "My printer is offline", True))) == ["StartReply"]


def test_an_open_sentence_is_waited_for_before_a_reply_is_begun() -> None:
    call = Call(TurnConfig(max_delay_ms=3000, speculation_lead_ms=500))
    call.says("My printer is offline and", at=0.0, lasting=1.0)
    assert call.until(2.5) == []
    assert kinds(call.until(5.0)) == ["StartReply", "CommitTurn", "ReleaseReply"]


def test_a_held_reply_is_discarded_when_the_caller_goes_on() -> None:
    call = Call(TurnConfig(min_delay_ms=500))
    call.says("My printer is offline", 1, at=0.0, lasting=1.0)
    call.says("and so is my scanner", 2, at=1.3, lasting=1.0)
    call.until(4.0)
    assert kinds(call.log) == [
        "AnnounceSpeech",
        "StartReply",
        "DiscardReply",
        "StartReply",
        "CommitTurn",
        "ReleaseReply",
    ]
    assert [action.reply for action in call.log if isinstance(action, ReleaseReply)] == [2]


def test_speculation_is_capped_per_turn() -> None:
    call = Call(TurnConfig(max_speculations=2, min_delay_ms=500))
    for n in range(5):
        call.says(f"this is part {n} of it", n, at=n * 1.28, lasting=1.0)
    assert sum(isinstance(a, StartReply) and a.speculative for a in call.log) == 2


def test_without_detection_speech_does_not_end_turns_or_stop_replies() -> None:
    call = playing(TurnConfig(detection=False))
    call.says("no wait stop", at=2.5, lasting=2.0)
    call.until(20.0)
    assert call.log == [AnnounceSpeech()]
    call.feed(CommitRequested())
    assert kinds(call.log) == ["AnnounceSpeech", "CommitTurn"]


def test_speech_over_the_agent_pauses_it_at_once_and_stops_it_when_confirmed_by_words() -> None:
    call = playing()
    assert call.feed(SpeechStarted(1)) == [PausePlayout()]
    call.until(2.3)
    assert call.feed(Hypothesis(1, "no wait", False)) == [AnnounceSpeech(), CancelReply(1, "turn_detected")]


def test_speech_over_the_agent_without_words_yet_is_confirmed_by_its_length() -> None:
    call = playing()
    call.feed(SpeechStarted(1))
    assert kinds(call.until(2.69)) == []
    assert kinds(call.until(2.71)) == ["AnnounceSpeech", "CancelReply"]


@pytest.mark.parametrize("text", ["uh huh", "", "Okay.", "mm", "yeah, right"])
def test_a_backchannel_or_a_cough_lets_the_agent_go_on_where_it_paused(text: str) -> None:
    call = playing()
    call.says(text, at=2.5, lasting=0.3)
    assert call.log == [PausePlayout(), ResumePlayout(), DropTurn((1,), False)]
    assert call.machine.phase is Phase.PLAYING


def test_a_slow_transcript_does_not_keep_the_agent_silent() -> None:
    call = playing()
    call.feed(SpeechStarted(1))
    call.until(2.36)
    call.feed(SpeechStopped(1, 2.2))
    assert kinds(call.until(2.95)) == ["ResumePlayout"]
    assert kinds(call.feed(Hypothesis(1, "stop", True)))[:2] == ["AnnounceSpeech", "CancelReply"]


def test_echo_at_the_start_of_a_reply_does_not_pause_it() -> None:
    call = Call()
    call.feed(ReplyRequested(), PlayoutStarted(1), SpeechStarted(1))
    assert kinds(call.until(0.2)) == []
    call.feed(SpeechStopped(1, 0.1), Hypothesis(1, "", True))
    assert kinds(call.log) == ["StartReply", "DropTurn"]


def test_real_speech_outlasts_the_echo_warm_up() -> None:
    call = Call()
    call.feed(ReplyRequested(), PlayoutStarted(1), SpeechStarted(1))
    assert kinds(call.until(0.31)) == ["PausePlayout"]


def test_when_interruption_is_off_the_answer_waits_for_the_reply_to_end() -> None:
    call = playing(TurnConfig(speculation=False, interrupt_response=False))
    call.says("tell me about the weather.", at=2.5, lasting=1.0)
    call.until(5.0)
    assert kinds(call.log) == ["AnnounceSpeech", "CommitTurn"]
    assert call.feed(ReplyEnded(1)) == [StartReply(2, "tell me about the weather.", False)]


def test_a_reply_that_ends_under_the_callers_speech_leaves_them_an_ordinary_turn() -> None:
    call = playing()
    call.feed(SpeechStarted(1), ReplyEnded(1))
    call.until(2.9)
    assert kinds(call.log) == ["PausePlayout", "AnnounceSpeech"]
    call.feed(SpeechStopped(1, 2.7), Hypothesis(1, "yes, done.", True))
    assert kinds(call.until(4.0)) == ["CommitTurn", "StartReply"]


def test_real_speech_without_words_is_asked_about_but_not_for_ever() -> None:
    call = Call()
    for n in range(4):
        call.says("", n, at=1.0 + 3 * n, lasting=1.2)
        call.feed(ReplyEnded(n + 1))
    assert sum(isinstance(a, AskAgain) for a in call.log) == PLAIN.max_unclear


def test_real_speech_whose_words_do_not_come_in_time_is_asked_about_as_well() -> None:
    call = Call()
    call.feed(SpeechStarted(1))
    call.until(1.2)
    call.feed(SpeechStopped(1, 1.2))
    call.until(1.2 + PLAIN.final_timeout_ms / 1000)
    assert call.log == [AnnounceSpeech(), CommitTurn("", (1,), True), AskAgain(1)]


def test_a_short_noise_is_dropped_without_a_word() -> None:
    call = Call()
    call.says("", at=1.0, lasting=0.2)
    assert call.log == [AnnounceSpeech(), DropTurn((1,), True)]


def test_an_endless_turn_is_cut_and_committed() -> None:
    call = Call(TurnConfig(speculation=False, max_utterance_s=30))
    call.feed(SpeechStarted(1))
    assert kinds(call.until(30.1))[-1] == "CutSegment"
    call.feed(SpeechStopped(1, 30.1), Hypothesis(1, "a long story and", True))
    assert kinds(call.log).count("CutSegment") == 1
    assert CommitTurn("a long story and", (1,), False) in call.log


def test_what_is_said_after_a_commit_belongs_to_the_next_turn() -> None:
    call = Call(TurnConfig(detection=False))
    call.feed(SpeechStarted(1))
    call.until(1.0)
    call.feed(SpeechStopped(1, 1.0), CommitRequested(), SpeechStarted(2))
    assert call.feed(Hypothesis(1, "first", True)) == [CommitTurn("first", (1,), False), AnnounceSpeech()]
    call.until(2.0)
    call.feed(SpeechStopped(2, 2.0), Hypothesis(2, "second", True))
    assert call.feed(CommitRequested()) == [CommitTurn("second", (2,), False)]


TALKATIVE = TurnConfig(
    speculation=False, max_utterance_s=180, max_delay_ms=5000, wrap_up="Please come to the end.", wrap_up_after_s=120
)


def long_answer(ending: str, *, lasting: float = 60.0, config: TurnConfig = TALKATIVE) -> Call:
    """Two segments with a second between them; the last ends at 1 + 2 * lasting."""
    call = Call(config)
    call.says("so at first I thought that", 1, at=0.0, lasting=lasting)
    call.says(ending, 2, at=lasting + 1.0, lasting=lasting)
    return call


def test_a_very_long_answer_is_asked_to_come_to_the_end_in_a_pause() -> None:
    call = long_answer("and then we went on and")
    assert "Nudge" not in kinds(call.until(121.9))
    call.until(122.1)
    whole = "so at first I thought that and then we went on and"
    assert call.log == [AnnounceSpeech(), CommitTurn(whole, (1, 2), False), Nudge(1, "Please come to the end.")]


def test_nobody_is_asked_to_come_to_the_end_who_has_come_to_it() -> None:
    call = long_answer("and in the end it worked.")
    call.until(130.0)
    assert kinds(call.log) == ["AnnounceSpeech", "CommitTurn", "StartReply"]


def test_an_answer_of_usual_length_is_not_hurried() -> None:
    call = long_answer("and then we went on and", lasting=50.0)
    assert kinds(call.until(105.0)) == []
    assert kinds(call.until(108.0)) == ["CommitTurn", "StartReply"]


def test_a_reply_held_for_a_long_answer_makes_room_for_the_request() -> None:
    config = TurnConfig(
        max_delay_ms=5000, max_utterance_s=180, wrap_up="Well?", wrap_up_after_s=120, speculate_from=0.0
    )
    call = long_answer("and then we went on and", config=config)
    call.feed(Lull(2))
    call.until(122.1)
    assert kinds(call.log)[-2:] == ["CommitTurn", "Nudge"]


def test_silence_is_nudged_then_warned_about_then_ended() -> None:
    call = Call(
        TurnConfig(nudges=((8, "Take your time."), (20, "Shall I rephrase?")), idle_warning_s=90, idle_end_s=20)
    )
    seen = []
    for second in range(1, 125):
        for action in call.until(float(second)):
            if isinstance(action, (Nudge, WarnIdle, EndIdle)):
                seen.append((second, type(action).__name__))
                if not isinstance(action, EndIdle):
                    call.feed(ReplyEnded(action.reply))
    assert seen == [(8, "Nudge"), (20, "Nudge"), (90, "WarnIdle"), (110, "EndIdle")]


def test_nobody_is_nudged_after_the_warning() -> None:
    call = Call(TurnConfig(nudges=((8, "a"), (12, "b")), idle_warning_s=10, idle_end_s=20))
    for second in range(1, 40):
        for action in call.until(float(second)):
            if isinstance(action, (Nudge, WarnIdle)):
                call.feed(ReplyEnded(action.reply))
    assert [k for k in kinds(call.log) if k != "StartReply"] == ["Nudge", "WarnIdle", "EndIdle"]


def test_speech_after_the_warning_keeps_the_call() -> None:
    call = Call(TurnConfig(speculation=False, idle_warning_s=10, idle_end_s=5))
    call.until(10.5)
    call.feed(ReplyEnded(1))
    call.says("I am still here.", at=12.0, lasting=1.0)
    call.until(16.0)
    assert "EndIdle" not in kinds(call.log)


def test_the_idle_timeout_of_server_vad_asks_the_model_to_speak() -> None:
    call = Call(TurnConfig(idle_timeout_ms=5000))
    assert call.until(5.1) == [IdleTimeout(1)]


def test_a_clear_while_idle_is_not_an_error_and_a_clear_while_playing_stops() -> None:
    call = Call()
    assert call.feed(PlayoutCleared()) == []
    call = playing()
    assert call.feed(PlayoutCleared()) == [CancelReply(1, "client_cancelled")]


EVENTS = st.one_of(
    st.builds(SpeechStarted, st.integers(1, 4)),
    st.builds(Lull, st.integers(1, 4)),
    st.builds(LullOver, st.integers(1, 4)),
    st.builds(SpeechStopped, st.integers(1, 4), st.floats(0, 60)),
    st.builds(Hypothesis, st.integers(1, 4), st.sampled_from(["", "um", "yes", "stop that now", "and"]), st.booleans()),
    st.builds(CommitRequested),
    st.builds(ReplyRequested),
    st.builds(ReplyCancelled),
    st.builds(PlayoutCleared),
    st.builds(PlayoutStarted, st.integers(1, 6)),
    st.builds(ModelJudged, st.integers(1, 6), st.booleans()),
    st.builds(ReplyEnded, st.integers(1, 6)),
    st.builds(Tick),
)
CONFIGS = st.builds(
    TurnConfig,
    detection=st.booleans(),
    create_response=st.booleans(),
    interrupt_response=st.booleans(),
    speculation=st.booleans(),
    ask_model=st.booleans(),
    trust_model_after=st.integers(0, 1),
    nudges=st.sampled_from([(), ((3.0, "hm?"),)]),
    wrap_up=st.sampled_from(["", "And the end?"]),
    wrap_up_after_s=st.sampled_from([0.0, 3.0]),
    idle_warning_s=st.sampled_from([None, 12.0]),
)


@settings(max_examples=400, deadline=None)
@given(CONFIGS, st.lists(st.tuples(st.floats(0, 2), EVENTS), max_size=60))
def test_whatever_happens_there_is_one_reply_at_most_and_every_reply_ends(
    config: TurnConfig, script: list[tuple[float, Event]]
) -> None:
    call = Call(config)
    for step, event in script:
        call.until(call.now + step)
        call.feed(event)
    live: int | None = None
    held = False
    for action in call.log:
        match action:
            case StartReply(reply, _, speculative):
                assert live is None or reply > live
                live, held = reply, speculative
            case Nudge(reply) | IdleTimeout(reply) | AskAgain(reply) | WarnIdle(reply):
                live, held = reply, False
            case ReleaseReply(reply):
                assert live == reply
                assert held
                held = False
            case DiscardReply(reply):
                assert live == reply
                assert held
                live = None
            case CancelReply(reply):
                assert live == reply
                assert not held
                live = None
            case PausePlayout() | ResumePlayout():
                assert live is not None
                assert not held
            case CommitTurn() | DropTurn() | AnnounceSpeech() | EndIdle() | CutSegment():
                pass


@settings(max_examples=200, deadline=None)
@given(CONFIGS, st.lists(st.tuples(st.floats(0, 2), EVENTS), max_size=40))
def test_deadlines_never_spin(config: TurnConfig, script: list[tuple[float, Event]]) -> None:
    machine = TurnMachine(config, 0.0)
    now = 0.0
    for step, event in script:
        now += step
        machine.feed(event, now)
        for _ in range(20):
            deadline = machine.next_deadline()
            assert deadline is None or deadline > now
            if deadline is None or deadline > now + 5:
                break
            now = deadline
            machine.feed(Tick(), now)


def test_speech_that_outlasts_the_cut_of_its_turn_is_judged_over_the_reply_at_once() -> None:
    call = Call(TurnConfig(speculation=False, max_utterance_s=10))
    call.feed(SpeechStarted(1))
    call.until(10.0)
    call.feed(SpeechStopped(1, 10.0), SpeechStarted(2))
    call.until(12.0)
    assert kinds(call.feed(Hypothesis(1, "a long story", True))) == [
        "CommitTurn",
        "StartReply",
        "AnnounceSpeech",
        "CancelReply",
    ]


def test_a_reply_is_not_held_up_for_ever_by_a_noise_that_followed_a_backchannel() -> None:
    call = playing(TurnConfig(speculation=False, max_utterance_s=10))
    call.feed(SpeechStarted(1))
    call.until(2.4)
    call.feed(SpeechStopped(1, 2.3), SpeechStarted(2), Hypothesis(1, "uh-huh", True))
    assert kinds(call.until(11.9)) == []
    assert kinds(call.until(12.1)) == ["AnnounceSpeech", "CancelReply", "CutSegment"]


def test_a_reply_that_is_held_up_goes_on_when_the_client_takes_over_the_turns() -> None:
    call = playing()
    call.feed(SpeechStarted(1))
    call.machine.config = TurnConfig(detection=False)
    assert call.feed(ContextChanged()) == [ResumePlayout(), AnnounceSpeech()]


def test_words_of_scripts_without_spaces_interrupt_as_others_do() -> None:
    call = playing()
    call.feed(SpeechStarted(1))
    call.until(2.3)
    assert "CancelReply" in kinds(call.feed(Hypothesis(1, "我有问题", False)))
