"""Damaged client events in a running call, by WebSocket and by data channel: an error event at worst, and the call
goes on."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

from tests.faults.support import RemoteCaller, Target
from tests.fuzz.mutations import damaged_event
from tests.fuzz.support import chance, fuzzing, mutants, unhurt
from tests.security.caller import TalkingTrack

pytestmark = fuzzing

MESSAGE = {"type": "message", "id": "item_1", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
EVENTS: tuple[dict[str, Any], ...] = (
    {
        "type": "session.update",
        "event_id": "e1",
        "session": {
            "type": "realtime",
            "instructions": "Be brief.",
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "x", "language": "en", "prompt": "hello"},
                    "noise_reduction": {"type": "near_field"},
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 300,
                        "idle_timeout_ms": 6000,
                        "create_response": True,
                        "interrupt_response": True,
                    },
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": "alba", "speed": 1.1},
            },
            "tools": [{"type": "function", "name": "look", "description": "x", "parameters": {"type": "object"}}],
            "tool_choice": {"type": "function", "name": "look"},
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
            "max_output_tokens": "inf",
        },
    },
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
    {"type": "conversation.item.create", "previous_item_id": "root", "item": MESSAGE},
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "call_1", "output": "{}"},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
    },
    {"type": "conversation.item.retrieve", "item_id": "item_1"},
    {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 10},
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(960)).decode()},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "output_modalities": ["text"],
            "instructions": "Say one word.",
            "metadata": {"a": "b"},
            "input": [{"type": "item_reference", "id": "item_1"}, MESSAGE],
        },
    },
    {"type": "response.create"},
    {"type": "response.cancel", "response_id": "resp_1"},
)
LAST = json.dumps({"type": "nonsense", "event_id": "the_last_one"})
BATCH = 50


class Answers:
    """The events of one call, until the one that answers `LAST`."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.refused = 0
        self.reached = asyncio.Event()

    def take(self, raw: str) -> None:
        event = json.loads(raw)
        if event["type"] != "error":
            return
        error = event["error"]
        if error.get("event_id") == "the_last_one":
            self.reached.set()
        elif error["type"] == "server_error":
            self.faults.append(raw)
        else:
            self.refused += 1

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            await self.reached.wait()
        self.reached.clear()


async def read(socket: ClientWebSocketResponse, answers: Answers) -> None:
    async for message in socket:
        answers.take(message.data)


async def test_damaged_events_over_a_websocket(server: tuple[Target, Path]) -> None:
    dice = chance("websocket")
    answers = Answers()
    async with unhurt(*server) as client, client.ws_connect("/v1/realtime?model=helpdesk") as socket:
        reader = asyncio.create_task(read(socket, answers))
        count = mutants(600)
        for number in count:
            raw = damaged_event(dice.choice(EVENTS), dice)
            await socket.send_bytes(raw.encode()) if dice.random() < 0.02 else await socket.send_str(raw)
            if number % BATCH == BATCH - 1:
                await socket.send_str(LAST)
                await answers.settled()
        await socket.close()
        await reader
    assert not answers.faults, answers.faults[:3]
    assert answers.refused > len(count) // 4


async def test_damaged_events_over_a_data_channel(server: tuple[Target, Path]) -> None:
    dice = chance("data channel")
    answers = Answers()
    async with unhurt(*server) as client:
        caller = await _connected(client)
        try:
            channel = caller.channel
            assert channel is not None
            channel.on("message", answers.take)
            count = mutants(600)
            for number in count:
                channel.send(damaged_event(dice.choice(EVENTS), dice)[:60_000])
                if number % BATCH == BATCH - 1:
                    channel.send(LAST)
                    await answers.settled()
        finally:
            await caller.hang_up()
    assert not answers.faults, answers.faults[:3]
    assert answers.refused > len(count) // 4


async def _connected(client: ClientSession) -> RemoteCaller:
    caller = RemoteCaller(track=TalkingTrack())
    assert await caller.call(client) == 201
    await caller.connected()
    return caller
