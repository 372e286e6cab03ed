"""The `openai` package, unmodified, around calls: keys, secrets, models; WebRTC, its hang-up and side channel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from openai import AuthenticationError, BadRequestError, NotFoundError

from scripts.speech import synthesize
from scripts.stub_script import ReplyRule
from tests.integration.clients_support import (
    Open,
    Place,
    Seen,
    declared_events_were_seen,
    loudness,
    open_place,
    seen,
    shows,
)

__all__ = ["declared_events_were_seen", "open_place", "seen"]

RATE_HZ = 48_000
FRAME = RATE_HZ // 50
VAD = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}, "transcription": {"model": "any"}}
LONG = " ".join(f"number{count}" for count in range(60)) + "."


class Mouth(MediaStreamTrack):
    """A microphone: 20 ms frames at real pace, speech while there is some, else silence."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._speech = np.zeros(0, np.int16)
        self._sent = 0
        self._began = asyncio.get_running_loop().time()

    def say(self, text: str) -> None:
        self._speech = np.frombuffer(synthesize(text, RATE_HZ), np.int16)

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(self._began + self._sent / RATE_HZ - asyncio.get_running_loop().time())
        samples, self._speech = self._speech[:FRAME], self._speech[FRAME:]
        padded = np.pad(samples, (0, FRAME - len(samples)))
        frame = av.AudioFrame.from_ndarray(padded[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, self._sent
        self._sent += FRAME
        return frame


class Caller:
    """An ordinary WebRTC client: one audio track, the event channel, an offer that the `openai` client carries."""

    def __init__(self, seen: Seen) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.mouth = Mouth()
        self.call_id = ""
        self.events: list[dict[str, Any]] = []
        self.sound = bytearray()
        self._seen = seen
        self._read = 0
        self._changed = asyncio.Event()
        self._ears: asyncio.Task[None] | None = None
        self.peer.addTrack(self.mouth)
        self.peer.on("track", self._listen)
        self._channel = self.peer.createDataChannel("oai-events")
        self._channel.on("message", self._event)

    async def dial(self, place: Place, **session: Any) -> None:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        wish: Any = {"type": "realtime", "model": "helpdesk", **session}
        answer = await place.client.realtime.calls.create(sdp=self.peer.localDescription.sdp, session=wish)
        self.call_id = answer.response.headers["Location"].rsplit("/", 1)[1]
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))

    def send(self, kind: str, **fields: Any) -> None:
        self._channel.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                while self._read < len(self.events):
                    event = self.events[self._read]
                    self._read += 1
                    if event["type"] == kind:
                        return event
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        if self._ears is not None:
            self._ears.cancel()
            await asyncio.gather(self._ears, return_exceptions=True)
        await self.peer.close()

    def _event(self, raw: str) -> None:
        event = json.loads(raw)
        self._seen.server_event(event)
        self.events.append(event)
        self._changed.set()

    def _listen(self, track: MediaStreamTrack) -> None:
        self._ears = asyncio.create_task(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            assert isinstance(frame, av.AudioFrame)
            self.sound += frame.to_ndarray().astype("<i2").tobytes()


@asynccontextmanager
async def a_call(place: Place, **session: Any) -> AsyncIterator[Caller]:
    caller = Caller(place.seen)
    try:
        await caller.dial(place, **session)
        await caller.until("session.created")
        yield caller
    finally:
        await caller.close()


async def test_models_are_the_agents_and_wrong_keys_and_names_raise_the_clients_own_errors(open_place: Open) -> None:
    place = await open_place()
    assert {"helpdesk", "interviewer", "language-coach"} <= {model.id async for model in place.client.models.list()}
    assert (await place.client.models.retrieve("helpdesk")).object == "model"
    with pytest.raises(NotFoundError) as missing:
        await place.client.models.retrieve("poet")
    assert missing.value.code == "model_not_found"
    with pytest.raises(NotFoundError):
        await place.client.realtime.client_secrets.create(session={"type": "realtime", "model": "poet"})
    stranger = place.client.with_options(api_key="sk-wrong")
    with pytest.raises(AuthenticationError):
        await stranger.models.list()
    with pytest.raises(AuthenticationError):
        await stranger.realtime.calls.create(sdp="v=0", session={"type": "realtime"})
    with pytest.raises(BadRequestError):
        await place.client.realtime.calls.create(sdp="not an offer", session={"type": "realtime"})


async def test_a_client_secret_opens_one_call_with_the_session_it_was_made_for(open_place: Open) -> None:
    place = await open_place(replies=[ReplyRule("", text="Ahoy.")])
    secret = await place.client.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={
            "type": "realtime",
            "model": "helpdesk",
            "instructions": "Talk like a pirate.",
            "output_modalities": ["text"],
        },
    )
    assert secret.value.startswith("ek_")
    assert secret.session.type == "realtime"
    assert secret.session.instructions == "Talk like a pirate."
    holder = place.client.with_options(api_key=secret.value)
    async with place.connect(client=holder) as talk:
        created = (await talk.until("session.created")).session
        assert (created.instructions, created.output_modalities) == ("Talk like a pirate.", ["text"])
        assert (await talk.ask("Hello")).output[0].content[0].text == "Ahoy."
    with pytest.raises(Exception, match="401"):
        async with place.connect(client=holder):
            pass


@shows("output_audio_buffer.started", "output_audio_buffer.stopped")
async def test_a_webrtc_call_hears_the_caller_answers_aloud_and_is_hung_up(open_place: Open) -> None:
    place = await open_place(
        transcripts=["my printer is offline"], replies=[ReplyRule("offline", text="Is it switched on? Look at it.")]
    )
    async with a_call(place, audio={"input": VAD}) as caller, place.connect(call_id=caller.call_id) as side:
        await side.until("session.created")
        caller.mouth.say("My printer is offline.")
        heard = await caller.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "my printer is offline"
        await caller.until("output_audio_buffer.started")
        caller.sound.clear()
        await caller.until("output_audio_buffer.stopped")
        assert loudness(bytes(caller.sound)) > 0.01
        done = next(event for event in caller.events if event["type"] == "response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "Is it switched on? Look at it."
        # No sound travels in the events of a WebRTC call.
        assert not [event for event in caller.events if event["type"] == "response.output_audio.delta"]
        assert (await side.until("response.done")).response.id == done["response"]["id"]
        await place.client.realtime.calls.hangup(caller.call_id)
        assert (await caller.until("agent.ended"))["reason"] == "hangup"
        await side.until("agent.ended")
    with pytest.raises(NotFoundError):
        await place.client.realtime.calls.hangup(caller.call_id)


@shows("output_audio_buffer.clear", "output_audio_buffer.cleared", "conversation.item.truncated")
async def test_the_sound_of_a_webrtc_call_stops_for_the_caller_and_for_the_client(open_place: Open) -> None:
    place = await open_place(
        transcripts=["please stop it right now"],
        replies=[ReplyRule("story", text=LONG), ReplyRule("stop", text="Sorry, I stop now. " + LONG)],
    )
    async with a_call(place, audio={"input": VAD}) as caller, place.connect(call_id=caller.call_id) as side:
        await side.say("Tell me a story.")
        await side.connection.response.create()
        await caller.until("output_audio_buffer.started")
        await asyncio.sleep(1)
        caller.mouth.say("Please stop it right now.")
        await caller.until("output_audio_buffer.cleared")
        cut = await caller.until("conversation.item.truncated")
        assert 500 < cut["audio_end_ms"] < 5000
        await caller.until("output_audio_buffer.started")
        caller.send("response.cancel")
        caller.send("output_audio_buffer.clear")
        await caller.until("output_audio_buffer.cleared")
        await asyncio.sleep(0.3)  # What was under way arrives.
        caller.sound.clear()
        await asyncio.sleep(0.5)
        assert loudness(bytes(caller.sound)) < 0.001
