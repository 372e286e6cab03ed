"""The public Python client of OpenAI, unmodified, against a real server process: only the base URL is ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from openai import APIStatusError, AsyncOpenAI, AuthenticationError, NotFoundError

from tests.integration.test_signaling_serve import Start, start, url_of

__all__ = ["start"]


async def client_of(start: Start) -> AsyncOpenAI:
    """A server with a key that was made on the command line while it was running."""
    url = await url_of(await start("serve", PORT="0"))
    output, log = await asyncio.wait_for((await start("keys", "create", "test", "--json")).communicate(), 60)
    assert output, log.decode()
    return AsyncOpenAI(base_url=f"{url}/v1", api_key=json.loads(output)["key"], max_retries=0)


async def events_until(connection: Any, kind: str) -> list[Any]:
    events = []
    async with asyncio.timeout(30):
        async for event in connection:
            events.append(event)
            if event.type == kind:
                return events
    raise AssertionError(f"the connection ended before {kind}")


async def test_models_secrets_and_errors_are_what_the_client_expects(start: Start) -> None:
    client = await client_of(start)
    assert "helpdesk" in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve("helpdesk")).id == "helpdesk"
    with pytest.raises(NotFoundError) as missing:
        await client.models.retrieve("poet")
    assert missing.value.code == "model_not_found"
    with pytest.raises(AuthenticationError):
        await client.with_options(api_key="sk-wrong").models.list()
    secret = await client.realtime.client_secrets.create(session={"type": "realtime", "model": "helpdesk"})
    assert secret.value.startswith("ek_")
    with pytest.raises(APIStatusError) as refused:
        await client.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 1})
    assert refused.value.status_code == 400


async def test_a_text_conversation_over_the_websocket(start: Start) -> None:
    client = await client_of(start)
    async with client.realtime.connect(model="helpdesk") as connection:
        await events_until(connection, "session.created")
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await events_until(connection, "session.updated")
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "My printer is offline."}],
            }
        )
        await connection.response.create()
        events = await events_until(connection, "response.done")
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert "rinter" in text
    assert events[-1].response.status == "completed"


async def test_a_webrtc_call_with_its_side_channel_and_hang_up(start: Start) -> None:
    client = await client_of(start)
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        peer.addTransceiver("audio")
        channel = peer.createDataChannel("oai-events")
        received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        channel.on("message", lambda raw: received.put_nowait(json.loads(raw)))
        await peer.setLocalDescription(await peer.createOffer())
        answer = await client.realtime.calls.create(
            sdp=peer.localDescription.sdp, session={"type": "realtime", "model": "helpdesk"}
        )
        call_id = answer.response.headers["Location"].rsplit("/", 1)[1]
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        async with asyncio.timeout(30):
            assert (await received.get())["type"] == "session.created"
            async with client.realtime.connect(call_id=call_id) as side:
                await side.response.create()
                await events_until(side, "response.created")
                while (await received.get())["type"] != "output_audio_buffer.started":
                    pass
                await client.realtime.calls.hangup(call_id)
                await events_until(side, "agent.ended")
                while (await received.get())["type"] != "agent.ended":
                    pass
    finally:
        await peer.close()
