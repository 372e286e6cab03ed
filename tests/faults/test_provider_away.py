"""The provider of every engine goes away in the middle of a call: the caller still gets an answer, by voice.

Each fault of each adapter: `tests/integration/test_openai_engines_faults.py`; retries, breakers and take-over:
`tests/unit/test_resilience_*.py`; what is said meanwhile: `tests/unit/test_call.py`. Here the real server, its local
engines and a connection that dies.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientWebSocketResponse

from scripts.chaos_proxy import ChaosProxy
from scripts.stub_provider import StubProvider
from scripts.stub_script import Fault
from tests.faults.support import log_of, running_target, takes_minutes

pytestmark = [takes_minutes, pytest.mark.timeout(300)]


class Chat:
    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def asks(self, text: str, within_s: float) -> float:
        """Seconds until the first sound of the answer, whose response must come to its end."""
        loop = asyncio.get_running_loop()
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self._socket.send_json({"type": "conversation.item.create", "item": item})
        await self._socket.send_json({"type": "response.create"})
        asked_at, sound_s = loop.time(), None
        async with asyncio.timeout(within_s):
            while True:
                event = await self._socket.receive_json()
                if event["type"] == "response.output_audio.delta" and sound_s is None:
                    sound_s = loop.time() - asked_at
                if event["type"] == "response.done":
                    assert event["response"]["status"] == "completed"
                    break
        assert sound_s is not None, "nothing was heard"
        return sound_s


async def test_a_call_outlives_its_provider(server_root: Path) -> None:
    async with StubProvider() as stub:
        address = urlsplit(stub.base_url)
        async with ChaosProxy(address.hostname or "", address.port or 0) as proxy:
            settings = {
                "REAL_ENGINES": "1",
                "LOCAL_FALLBACK": "true",
                "OPENAI_BASE_URL": f"http://{proxy.host}:{proxy.port}/v1",
                "LANGUAGE_MODEL": "openai",
                "MODERATOR": "openai",
                "BREAKER_RESET_S": "1",
                "POCKETSPHINX_WORKERS": "1",
                "SYNTHESIZER_WORKERS": "1",
            }
            with running_target(server_root, **settings) as (target, folder):
                async with target.client() as client, client.ws_connect("/v1/realtime?model=helpdesk") as socket:
                    chat = Chat(socket)
                    await chat.asks("my printer is offline", 30)
                    assert stub.asked("chat")
                    assert stub.asked("speech")

                    stub.fail(Fault("chat", "status", status=503, count=None), Fault("speech", "status", count=None))
                    assert await chat.asks("my printer is offline", 30) < 3
                    stub.recover()

                    proxy.mode = "refuse"
                    assert await chat.asks("my printer is offline", 30) < 3

                    # Silence on open connections is noticed by deadlines alone: 6 s for the first token.
                    proxy.mode = "mute"
                    assert await chat.asks("my screen is black", 40) < 14

                    proxy.mode = "pass"
                    proxy.cut()
                    await asyncio.sleep(1.2)
                    asked = len(stub.asked("chat"))
                    await chat.asks("are you there again", 30)
                    assert len(stub.asked("chat")) > asked
                assert "Traceback" not in log_of(folder)
