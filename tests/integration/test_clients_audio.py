"""The `openai` package, unmodified, in spoken conversations over the WebSocket, in real time."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from scripts.speech import synthesize
from scripts.stub_script import Delays, Fault, ReplyRule
from tests.integration.clients_support import (
    PCM_RATE_HZ,
    Open,
    Talk,
    declared_events_were_seen,
    loudness,
    open_place,
    seen,
    shows,
)
from voice_agent.audio.g711 import decode_pcmu, encode_pcmu

__all__ = ["declared_events_were_seen", "open_place", "seen"]

TRANSCRIPTION = {"model": "any"}
ORDER_OF_A_TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "rate_limits.updated",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
STREAMS = (
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
)


def listening(detection: dict[str, Any] | None, **kinds: Any) -> dict[str, Any]:
    return {"input": {"turn_detection": detection, "transcription": TRANSCRIPTION, **kinds}}


def assert_spoken(talk: Talk, response: Any, text: str, words_ms: float) -> None:
    """The response was said: audible sound of the length that its words take."""
    (item,) = response.output
    assert response.status == "completed"
    assert item.content[0].type == "output_audio"
    assert item.content[0].transcript == text
    sound = talk.audio(item.id)
    assert loudness(sound) > 0.02
    assert len(sound) / 2 / PCM_RATE_HZ * 1000 == pytest.approx(words_ms, rel=0.1)


@shows(
    "input_audio_buffer.append",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
)
async def test_two_spoken_turns_are_heard_and_answered_aloud_with_server_vad(open_place: Open) -> None:
    place = await open_place(
        transcripts=["my printer is offline", "yes it is on"],
        replies=[ReplyRule("offline", text="Is it switched on?"), ReplyRule("is on", text="Good. Please restart it.")],
    )
    async with place.connect() as talk:
        await talk.update(audio=listening({"type": "server_vad", "silence_duration_ms": 300}))
        start = len(talk.events)
        microphone = talk.microphone()
        await microphone.say("My printer is offline.")
        first = (await talk.until("response.done")).response
        kinds = [kind for kind in talk.kinds(start) if kind not in STREAMS]
        assert kinds == ORDER_OF_A_TURN
        assert_spoken(talk, first, "Is it switched on?", 4 * 150)
        await asyncio.sleep(0.6)  # The caller listens to the answer.
        await microphone.say("Yes, it is on.")
        second = (await talk.until("response.done")).response
        assert_spoken(talk, second, "Good. Please restart it.", 4 * 150)
    stopped = talk.of("input_audio_buffer.speech_stopped")
    started = talk.of("input_audio_buffer.speech_started")
    for begin, end, completed in zip(
        started, stopped, talk.of("conversation.item.input_audio_transcription.completed"), strict=True
    ):
        assert begin.item_id == end.item_id == completed.item_id
        assert 500 < end.audio_end_ms - begin.audio_start_ms < 3000
        assert completed.usage.seconds == pytest.approx((end.audio_end_ms - begin.audio_start_ms) / 1000, abs=0.5)
        deltas = talk.of("conversation.item.input_audio_transcription.delta", item_id=completed.item_id)
        assert "".join(delta.delta for delta in deltas) == completed.transcript


@shows("conversation.item.input_audio_transcription.segment", "rate_limits.updated")
async def test_speakers_are_told_apart_where_the_transcriber_can(open_place: Open) -> None:
    engines = {"transcriber": "openai", "transcriber_speakers": True}
    place = await open_place(transcripts=["my printer is offline"], engines=engines)
    async with place.connect() as talk:
        await talk.update(audio=listening({"type": "server_vad", "silence_duration_ms": 300}))
        await talk.microphone().say("My printer is offline.")
        await talk.until("response.done")
    [segment] = talk.of("conversation.item.input_audio_transcription.segment")
    assert (segment.speaker, segment.text) == ("A", "my printer is offline")
    assert 0 <= segment.start < segment.end


@shows("conversation.item.truncate", "conversation.item.truncated")
async def test_speech_over_the_agent_stops_it_and_history_keeps_what_the_client_says_was_heard(
    open_place: Open,
) -> None:
    story = " ".join(f"number{count}" for count in range(60)) + "."
    place = await open_place(
        transcripts=["tell me a long story", "please stop it right now"],
        replies=[ReplyRule("story", text=story), ReplyRule("stop", text="Sorry.")],
    )
    async with place.connect() as talk:
        await talk.update(audio=listening({"type": "server_vad", "silence_duration_ms": 300}))
        microphone = talk.microphone()
        await microphone.say("Tell me a long story.")
        item_id = (await talk.until("response.output_audio.delta")).item_id
        await asyncio.sleep(1.5)
        await microphone.say("Please stop it right now.")
        cut = await talk.until("conversation.item.truncated")
        assert cut.item_id == item_id
        assert 500 < cut.audio_end_ms < 5000
        await talk.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=450)
        assert (await talk.until("conversation.item.truncated")).audio_end_ms == 450
        await talk.connection.conversation.item.retrieve(item_id=item_id)
        heard = (await talk.until("conversation.item.retrieved")).item.content[0].transcript
        assert story.startswith(heard)
        assert 1 <= len(heard.split()) <= 5
        assert (await talk.until("response.done")).response.output[0].content[0].transcript == "Sorry."


async def test_semantic_vad_with_the_local_engines_hears_and_answers_without_any_provider(open_place: Open) -> None:
    engines = {"transcriber": "pocketsphinx", "language_model": "scripted", "moderator": "wordlist"}
    place = await open_place(engines={**engines, "synthesizer": "espeak", "pocketsphinx_workers": 1})
    async with place.connect() as talk:
        session = await talk.update(audio=listening({"type": "semantic_vad", "eagerness": "high"}))
        assert session.audio.input.turn_detection.eagerness == "high"
        await talk.microphone().say("I can not connect to the wireless network.")
        heard = await talk.until("conversation.item.input_audio_transcription.completed")
        assert "wireless network" in heard.transcript
        response = (await talk.until("response.done")).response
        (item,) = response.output
        assert "network" in item.content[0].transcript
        sound = talk.audio(item.id)
        assert loudness(sound) > 0.02
        words = len(item.content[0].transcript.split())
        assert 100 < len(sound) / 2 / PCM_RATE_HZ * 1000 / words < 800
    assert place.stub.requests == []


async def test_a_model_that_takes_the_caller_for_unfinished_is_not_heard(open_place: Open) -> None:
    place = await open_place(
        transcripts=["my printer is offline", "since this morning"],
        replies=[ReplyRule("offline$", "…"), ReplyRule("morning$", "Is its light on?")],
    )
    async with place.connect() as talk:
        await talk.update(audio=listening({"type": "semantic_vad", "eagerness": "low"}))
        microphone = talk.microphone()
        await microphone.say("My printer is offline")
        await place.stub.until(lambda stub: any(request.endpoint == "chat" for request in stub.requests))
        await microphone.say("since this morning.")
        done = await talk.until("response.done")
        assert [item.transcript for item in talk.of("conversation.item.input_audio_transcription.completed")] == [
            "my printer is offline since this morning"
        ]
        assert done.response.output[0].content[0].transcript == "Is its light on?"
        assert talk.kinds().count("response.created") == 1


async def test_telephone_audio_goes_in_and_comes_out(open_place: Open) -> None:
    place = await open_place(transcripts=["hello there"], replies=[ReplyRule("", text="Hello and welcome.")])
    pcmu = {"format": {"type": "audio/pcmu"}}
    async with place.connect() as talk:
        await talk.update(audio=listening({"type": "server_vad"}, **pcmu) | {"output": pcmu})
        await talk.microphone(encode_pcmu, 8000).say("Hello there, can you hear me?")
        response = (await talk.until("response.done")).response
        assert response.audio.output.format.type == "audio/pcmu"
        sound = talk.audio(response.output[0].id)
        assert len(sound) / 8 == pytest.approx(3 * 150, rel=0.1)
        assert loudness(decode_pcmu(sound)) > 0.02


async def test_a_response_may_have_another_audio_format_than_the_session(open_place: Open) -> None:
    place = await open_place(replies=[ReplyRule("", text="Hello and welcome.")])
    async with place.connect() as talk:
        wanted = {"output": {"format": {"type": "audio/pcmu"}}}
        response = await talk.ask("Hello.", audio=wanted)
        assert response.audio.output.format.type == "audio/pcmu"
        assert len(talk.audio(response.output[0].id)) / 8 == pytest.approx(3 * 150, rel=0.1)
        response = await talk.ask("Hello again.")
        assert response.audio.output.format.type == "audio/pcm"
        assert len(talk.audio(response.output[0].id)) / 48 == pytest.approx(3 * 150, rel=0.1)


@shows("input_audio_buffer.commit", "input_audio_buffer.clear", "input_audio_buffer.cleared")
async def test_push_to_talk_commits_asks_at_once_and_can_throw_away(open_place: Open) -> None:
    place = await open_place(
        transcripts=["hello"], replies=[ReplyRule("hello", text="Hi.")], delays=Delays(transcription_s=0.3)
    )
    async with place.connect() as talk:
        await talk.update(audio=listening(None))
        buffer = talk.connection.input_audio_buffer
        await buffer.commit(event_id="nothing_yet")
        error = (await talk.until("error")).error
        assert (error.event_id, error.code) == ("nothing_yet", "input_audio_buffer_commit_empty")
        await _append(talk, "This is nonsense.")
        await buffer.clear()
        await talk.until("input_audio_buffer.cleared")
        await _append(talk, "Hello!")
        await buffer.commit()
        await talk.connection.response.create()
        committed = await talk.until("input_audio_buffer.committed")
        response = (await talk.until("response.done")).response
        assert response.output[0].content[0].transcript == "Hi."
        (completed,) = talk.of("conversation.item.input_audio_transcription.completed")
        assert (completed.item_id, completed.transcript) == (committed.item_id, "hello")
    messages = place.stub.asked("chat")[0].parameters["messages"]
    assert messages[-1] == {"role": "user", "content": "hello"}


async def _append(talk: Talk, text: str) -> None:
    """Speech at once, in pieces, as a client sends what it has collected."""
    pcm = synthesize(text, PCM_RATE_HZ)
    for at in range(0, len(pcm), 24_000):
        await talk.connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at : at + 24_000]).decode())


@shows("conversation.item.input_audio_transcription.failed")
async def test_a_transcription_session_only_writes_down_and_says_when_it_could_not(open_place: Open) -> None:
    place = await open_place(transcripts=["just write this down"], engines={"transcriber": "openai"})
    wish: Any = {"type": "transcription", "audio": {"input": {"transcription": TRANSCRIPTION}}}
    secret = await place.client.realtime.client_secrets.create(session=wish)
    assert secret.session.type == "transcription"
    async with place.connect(client=place.client.with_options(api_key=secret.value)) as talk:
        created = await talk.until("session.created")
        assert created.session.type == "transcription"
        await talk.connection.session.update(
            session={"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
        )
        await talk.until("session.updated")
        microphone = talk.microphone()
        await microphone.say("Just write this down.")
        done = await talk.until("conversation.item.input_audio_transcription.completed")
        assert done.transcript == "just write this down"
        place.stub.fail(Fault("transcriptions", "status", count=None))
        await talk.connection.response.create(event_id="wrong_here")
        assert (await talk.until("error")).error.event_id == "wrong_here"
        await microphone.say("Write this as well.")
        failed = await talk.until("conversation.item.input_audio_transcription.failed")
        assert failed.error.code
    assert not talk.of("response.created")


@shows("input_audio_buffer.timeout_triggered")
async def test_after_the_idle_timeout_the_agent_speaks_by_itself(open_place: Open) -> None:
    place = await open_place(replies=[ReplyRule("", text="Are you still there?")])
    async with place.connect() as talk:
        await talk.update(audio=listening({"type": "server_vad", "idle_timeout_ms": 5000}))
        talk.microphone()
        triggered = await talk.until("input_audio_buffer.timeout_triggered")
        # On a slow machine the microphone sends less than that in 5 s.
        assert triggered.audio_start_ms == max(0, triggered.audio_end_ms - 5000)
        committed = await talk.until("input_audio_buffer.committed")
        assert committed.item_id == triggered.item_id
        response = (await talk.until("response.done")).response
        assert response.output[0].content[0].transcript
