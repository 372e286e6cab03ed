"""The caller's side: order of events, and transcripts that never take a word back."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.realtime_wire import assert_valid, unhurried
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.errors import IllegalOrderError
from voice_agent.realtime.input_events import InputEvents, InputState
from voice_agent.realtime.server_events import Event
from voice_agent.realtime.stable_words import StableWords


class Scene:
    """One input buffer and what it sent."""

    def __init__(self, *, send_transcription: bool = True) -> None:
        self.events: list[Event] = []
        self.conversation = Conversation(max_items=50)
        numbers = itertools.count(1)
        make_id: Callable[[str], str] = lambda kind: f"{kind}_{next(numbers)}"  # noqa: E731
        self.input = InputEvents(
            self.events.append, self.conversation, send_transcription=send_transcription, make_id=make_id
        )

    @property
    def types(self) -> list[str]:
        return [str(event["type"]).rsplit(".", 2)[-1] for event in self.events]

    def deltas(self) -> str:
        return "".join(str(event["delta"]) for event in self.events if "delta" in event)


def test_a_spoken_turn_has_one_item_id_from_first_sound_to_transcript() -> None:
    scene = Scene()
    item_id = scene.input.speech_started(1200)
    scene.input.hypothesis(item_id, "good")
    scene.input.hypothesis(item_id, "good morning")
    scene.input.speech_stopped(2400)
    assert scene.input.committed() == item_id
    scene.input.completed(item_id, "Good morning.", 1.2)
    assert scene.types == [
        "speech_started",
        "delta",
        "speech_stopped",
        "committed",
        "added",
        "done",
        "delta",
        "completed",
    ]
    for event in scene.events:
        assert_valid(event)
    ids = {event.get("item_id") or event["item"]["id"] for event in scene.events}  # type: ignore[index]
    assert ids == {item_id}
    assert scene.events[-1]["usage"] == {"type": "duration", "seconds": 1.2}
    assert scene.conversation.get(item_id).text == "Good morning."


def test_speech_that_goes_on_before_the_commit_keeps_its_item() -> None:
    scene = Scene()
    first = scene.input.speech_started(0)
    scene.input.speech_stopped(500)
    assert scene.input.speech_started(800) == first
    scene.input.speech_stopped(1500)
    scene.input.committed()
    assert scene.input.speech_started(2000) != first


def test_a_commit_while_speaking_stops_the_speech_first() -> None:
    scene = Scene()
    scene.input.speech_started(0)
    scene.input.committed(90_000)
    assert scene.types == ["speech_started", "speech_stopped", "committed", "added", "done"]
    assert scene.input.state is InputState.IDLE


def test_a_manual_commit_needs_no_speech_events() -> None:
    scene = Scene()
    first = scene.input.committed()
    second = scene.input.committed()
    assert scene.types == ["committed", "added", "done"] * 2
    committed = [event for event in scene.events if event["type"] == "input_audio_buffer.committed"]
    assert [(event["item_id"], event["previous_item_id"]) for event in committed] == [(first, None), (second, first)]


def test_the_next_turn_may_start_before_the_last_transcript() -> None:
    scene = Scene()
    first = scene.input.speech_started(0)
    scene.input.speech_stopped(500)
    scene.input.committed()
    second = scene.input.speech_started(900)
    scene.input.hypothesis(second, "and")
    scene.input.completed(first, "Yes", 0.5)
    scene.input.hypothesis(second, "and then")
    assert [(event["item_id"], event["delta"]) for event in scene.events if "delta" in event] == [
        (first, "Yes"),
        (second, "and"),
    ]


def test_a_client_without_transcription_gets_none_and_the_conversation_does() -> None:
    scene = Scene(send_transcription=False)
    item_id = scene.input.speech_started(0)
    scene.input.hypothesis(item_id, "hello")
    scene.input.hypothesis(item_id, "hello")
    scene.input.committed(400)
    scene.input.completed(item_id, "Hello", 0.4)
    other = scene.input.committed()
    scene.input.failed(other, "timeout", "No answer.")
    assert not [event for event in scene.events if "transcription" in str(event["type"])]
    assert scene.conversation.get(item_id).text == "Hello"


def test_a_transcript_ends_once() -> None:
    scene = Scene()
    item_id = scene.input.committed()
    scene.input.failed(item_id, "timeout", "The transcriber did not answer.")
    scene.input.completed(item_id, "late", 1.0)
    scene.input.hypothesis(item_id, "late")
    assert scene.types[-1] == "failed"
    assert_valid(scene.events[-1])


def test_a_transcript_cannot_end_before_its_turn() -> None:
    scene = Scene()
    item_id = scene.input.speech_started(0)
    with pytest.raises(IllegalOrderError):
        scene.input.completed(item_id, "early", 1.0)


def test_a_cleared_buffer_forgets_the_utterance() -> None:
    scene = Scene()
    item_id = scene.input.speech_started(0)
    scene.input.cleared()
    scene.input.hypothesis(item_id, "gone")
    scene.input.hypothesis(item_id, "gone")
    assert scene.types == ["speech_started", "cleared"]
    assert scene.input.speech_started(100) != item_id
    assert_valid(scene.events[1])


def test_an_idle_timeout_makes_an_item_of_the_silence() -> None:
    scene = Scene()
    item_id = scene.input.timeout_triggered(5_000, 11_000)
    assert scene.types == ["timeout_triggered", "committed", "added", "done"]
    assert item_id in scene.conversation
    scene.input.speech_started(12_000)
    with pytest.raises(IllegalOrderError):
        scene.input.timeout_triggered(12_000, 13_000)
    for event in scene.events:
        assert_valid(event)


def test_segments_name_their_speaker() -> None:
    scene = Scene()
    item_id = scene.input.committed()
    scene.input.segment(item_id, "Hello", speaker="A", start_s=0.1, end_s=0.9)
    assert_valid(scene.events[-1])


def test_speech_events_out_of_order_are_a_bug() -> None:
    scene = Scene()
    with pytest.raises(IllegalOrderError):
        scene.input.speech_stopped(10)
    scene.input.speech_started(0)
    with pytest.raises(IllegalOrderError):
        scene.input.speech_started(5)


def test_a_word_is_sent_when_two_hypotheses_agree() -> None:
    words = StableWords()
    assert words.push("I") == ""
    assert words.push("I scream") == "I"
    assert words.push("I scream for") == " scream"
    assert words.push("Ice cream for") == ""
    assert words.push("Ice cream for you") == ""
    assert words.push("I scream for you") == ""
    assert words.push("I scream, for you all") == " for you"
    assert words.finish("I scream for you all.") == " all."
    assert words.sent == "I scream for you all."


def test_case_and_punctuation_do_not_make_another_word() -> None:
    words = StableWords()
    words.push("yes.")
    assert words.push("Yes, please") == "Yes,"
    assert words.finish("yes please") == " please"


def test_a_final_text_that_contradicts_sends_nothing_more() -> None:
    words = StableWords()
    words.push("ice")
    words.push("ice")
    assert words.finish("I scream") == ""


def test_scripts_without_spaces_go_by_character() -> None:
    words = StableWords()
    assert words.push("你好世") == ""
    assert words.push("你好世界") == "你好世"
    assert words.finish("你好世界。") == "界。"


word = st.sampled_from(["a", "b", "C", "c,", "你"])
texts = st.lists(word, max_size=6).map(" ".join)


@unhurried
@given(hypotheses=st.lists(texts, max_size=12), final=texts)
def test_deltas_only_ever_append(hypotheses: list[str], final: str) -> None:
    words = StableWords()
    sent = ""
    previous = ""
    for hypothesis in hypotheses:
        delta = words.push(hypothesis)
        sent += delta
        assert words.sent == sent
        if delta:
            assert _folded(hypothesis).startswith(_folded(sent))
            assert _folded(previous).startswith(_folded(sent))
        previous = hypothesis
    before = sent
    sent += words.finish(final)
    if sent != before:
        assert _folded(sent) == _folded(final)


def _folded(text: str) -> str:
    return "".join(text.split()).replace(",", "").casefold()


@unhurried
@given(
    steps=st.lists(st.sampled_from(["start", "stop", "commit", "clear", "partial", "complete", "fail"]), max_size=30)
)
def test_every_started_item_is_committed_once_and_transcribed_once(steps: list[str]) -> None:
    scene = Scene()
    committed: list[str] = []
    for step in steps:
        try:
            if step == "start":
                scene.input.speech_started(0)
            elif step == "stop":
                scene.input.speech_stopped(1)
            elif step == "commit":
                committed.append(scene.input.committed(2))
            elif step == "clear":
                scene.input.cleared()
            elif step == "partial":
                scene.input.hypothesis(scene.input.item_id, "so it goes")
            elif committed and step == "complete":
                scene.input.completed(committed[-1], "so it goes", 1.0)
            elif committed:
                scene.input.failed(committed[-1], "timeout", "No answer.")
        except IllegalOrderError:
            continue
    for event in scene.events:
        assert_valid(event)
    ends = [event["item_id"] for event in scene.events if str(event["type"]).endswith((".completed", ".failed"))]
    assert len(ends) == len(set(ends))
    assert set(ends) <= set(committed)
    assert len(committed) == len(set(committed)) == len(scene.conversation)
