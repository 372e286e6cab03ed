"""What calls leave behind: of a key's call its text and numbers, of a guest's none of the words, and nothing else.

No task, thread, socket or file descriptor, whatever way the call ended. Counted from outside on a server process, and
from inside (tasks) on the same application in this process.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import astuple
from typing import Any

import pytest
from aiohttp import ClientSession, FormData

from scripts.live_server import LiveServer, serving
from signaling.app import create_app, make_runner
from signaling.factories import CallFactories
from signaling.peer import Peer
from signaling.services import start_services
from signaling.ws_paced import PacedSocket
from signaling.ws_transport import WebSocketTransport
from tests.integration.conftest import eventually
from tests.live_caller import LiveCaller, calling, spoken
from tests.loopback import on_loopback
from tests.memory import no_collector
from tests.security.caller import offer_alone
from voice_agent.call.session import CallSession
from voice_agent.hardening import media_stack
from voice_agent.settings import ServerSettings, Settings, StorageSettings

PROBLEM = "Please help me with my printer at work."
CYCLES = 5
_REST_S = 0.3


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """With one connection to the database, for a pool grows now and then, which looks like a leak; and with a
    transcriber that may take longer than callers would be asked to wait."""
    unhurried = {"WORKER_NICENESS": "0", "TRANSCRIBER_TIMEOUT_S": "8", "TURN_FINAL_TIMEOUT_MS": "9000"}
    with serving(DATABASE_POOL="1", **unhurried) as live:
        yield live


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    return server.make_key()


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[ClientSession]:
    """Requests as our own page makes them."""
    async with ClientSession(headers={"Origin": server.url}) as session:
        yield session


async def leave(caller: LiveCaller) -> None:
    await caller.hang_up()


async def vanish(caller: LiveCaller) -> None:
    caller.vanish()


async def speak_and_leave(caller: LiveCaller) -> None:
    """In the middle of an utterance, with a transcription under way."""
    saying = asyncio.ensure_future(caller.microphone.say(spoken(PROBLEM)))
    # Over the agent, speech only counts once there are words, which a busy machine finds late: a pause shows it sooner.
    await caller.until(lambda: caller.of("input_audio_buffer.speech_started") or "paused" in caller.states())
    await caller.hang_up()
    saying.cancel()


ENDINGS: tuple[Callable[[LiveCaller], Awaitable[None]], ...] = (leave, vanish, speak_and_leave)


class TestWhatIsHeld:
    async def test_a_server_holds_no_more_after_calls_than_before(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async def cycle(end: Callable[[LiveCaller], Awaitable[None]]) -> None:
            async with calling(server.url, http, key) as caller:
                caller.write("Hello!")
                await caller.sound(0)
                await end(caller)

        async def settled() -> bool:
            return (await server.metrics(http))["voice_calls_active"] == 0

        async def held() -> tuple[int, ...]:
            return astuple(await server.holdings(http))

        await cycle(leave)
        await cycle(speak_and_leave)
        await eventually(settled, timeout_s=10)
        base = await at_rest(held)
        for _ in range(CYCLES):
            await cycle(leave)
            await cycle(speak_and_leave)
        await eventually(settled)

        async def back_to_base() -> bool:
            return all(now <= then for now, then in zip(await held(), base, strict=True))

        await eventually(back_to_base)

    async def test_no_task_thread_or_descriptor_outlives_a_call_however_it_ends(
        self, storage_settings: StorageSettings
    ) -> None:
        media_stack.apply()
        # The client encodes in the loop's pool of threads, which grows whenever none of them is back in time.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
        async with served_here(storage_settings) as url, ClientSession(headers={"Origin": url}) as http:

            async def cycle(end: Callable[[LiveCaller], Awaitable[None]]) -> None:
                secret = await guest_secret(http, url)
                async with calling(url, http, secret, query="model=helpdesk&greet=1") as caller:
                    await caller.sound(0)
                    await end(caller)

            async def held() -> tuple[int, int, int]:
                async with http.get(f"{url}/metrics") as answer:
                    await answer.read()
                return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))

            async def free() -> bool:
                async with http.get(f"{url}/metrics") as answer:
                    return "voice_calls_active 0.0" in await answer.text()

            async def cycles() -> None:
                for end in ENDINGS:
                    await cycle(end)
                await eventually(free)

            async def back_to_base() -> bool:
                return all(now <= then for now, then in zip(await held(), base, strict=True))

            await cycles()
            base = await at_rest(held)
            await cycles()

            await eventually(back_to_base)

    @pytest.mark.parametrize("end", ENDINGS)
    async def test_a_call_is_freed_without_a_collector_however_it_ends(
        self, storage_settings: StorageSettings, end: Callable[[LiveCaller], Awaitable[None]]
    ) -> None:
        """Collections stall every call; and what piles up between them, the process keeps for good."""
        media_stack.apply()
        async with served_here(storage_settings) as url, ClientSession(headers={"Origin": url}) as http:
            secret = await guest_secret(http, url)
            with no_collector():
                others = {id(each) for each in of_calls()}
                async with calling(url, http, secret, query="model=helpdesk&greet=1") as caller:
                    await caller.sound(0)
                    parts = [weakref.ref(each) for each in of_calls() if id(each) not in others]
                    assert {type(part()) for part in parts} == {CallSession, Peer}
                    await end(caller)

                async def freed() -> bool:
                    return all(part() is None for part in parts)

                await eventually(freed)

    async def test_a_conversation_over_a_websocket_is_freed_without_a_collector(
        self, storage_settings: StorageSettings
    ) -> None:
        async with served_here(storage_settings) as url, ClientSession(headers={"Origin": url}) as http:
            authorization = {"Authorization": f"Bearer {await guest_secret(http, url)}"}
            with no_collector():
                others = {id(each) for each in of_calls()}
                async with http.ws_connect(f"{url}/v1/realtime?greet=1", headers=authorization) as socket:
                    while (await socket.receive_json())["type"] != "response.done":
                        pass
                    parts = [weakref.ref(each) for each in of_calls() if id(each) not in others]
                    assert {type(part()) for part in parts} == {CallSession, WebSocketTransport, PacedSocket}

                async def freed() -> bool:
                    return all(part() is None for part in parts)

                await eventually(freed)


async def guest_secret(http: ClientSession, url: str) -> str:
    async with http.post(f"{url}/api/guest", json={"agent": "helpdesk", "consent": True}) as answer:
        secret: str = (await answer.json())["value"]
        return secret


def of_calls() -> list[object]:
    """Sessions and what carries them, as far as they are still in memory."""
    kinds = (CallSession, Peer, WebSocketTransport, PacedSocket)
    return [each for each in gc.get_objects() if type(each) in kinds]  # proxies would pass for instances


async def at_rest(held: Callable[[], Awaitable[tuple[int, ...]]]) -> tuple[int, ...]:
    """What is held once it no longer changes."""
    before = await held()
    async with asyncio.timeout(10):
        while True:
            await asyncio.sleep(_REST_S)
            after = await held()
            if after == before:
                return after
            before = after


@asynccontextmanager
async def served_here(storage: StorageSettings) -> AsyncIterator[str]:
    """The whole application in this process, on a loopback port."""
    settings = Settings(
        server=ServerSettings(port=0, guest_limit=1000, no_media_timeout_s=1, max_cpu_percent=0), storage=storage
    )
    async with start_services(settings) as services:
        app = create_app(services, CallFactories(make_session=CallSession, answer_offer=Peer.answer))
        async with on_loopback(make_runner(app, settings.server)) as url:
            yield url


class TestWhatIsStored:
    async def test_of_a_guest_no_word(self, server: LiveServer, http: ClientSession) -> None:
        secret = await server.guest_secret(http)
        async with calling(server.url, http, secret, query="model=helpdesk&greet=1") as caller:
            await caller.sound(0)
            since = len(caller.events)
            ended = await caller.microphone.say(spoken(PROBLEM))
            await caller.event("conversation.item.input_audio_transcription.completed", since)
            await caller.sound(ended)
            caller.write("zanzibar")
            await caller.event("response.done", len(caller.events))
        call = await stored_call(server, caller.call_id)
        assert (call["key_id"], call["transport"], call["end_reason"]) == (None, "webrtc", "client_gone")
        assert await server.rows("SELECT * FROM turns WHERE call_id = $1", caller.call_id) == []
        metrics = await server.rows("SELECT * FROM turn_metrics WHERE call_id = $1", caller.call_id)
        assert any(row["e2e_ms"] for row in metrics)
        stored, log = (await server.all_text()).lower(), server.log().lower()
        for word in ("printer", "zanzibar", "no audio is kept"):
            assert word not in stored
            assert word not in log

    async def test_of_a_keys_call_the_words_what_was_heard_and_how_fast_it_was(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with calling(server.url, http, key) as caller:
            ended = await caller.microphone.say(spoken(PROBLEM))
            await caller.sound(ended)
            await caller.until(lambda: any(len(event["text"].split()) > 2 for event in caller.of("agent.caption")))
            await caller.microphone.say(spoken("Stop, I have to go."))
            await caller.event("conversation.item.truncated")
            since = len(caller.events)
            caller.write("Goodbye.")
            await caller.event("output_audio_buffer.started", since)
        call = await stored_call(server, caller.call_id)
        assert call["key_id"] is not None
        assert call["ended_at"] > call["started_at"]
        turns = await server.rows(
            "SELECT * FROM turns JOIN turn_metrics USING (call_id, seq) WHERE call_id = $1 ORDER BY seq", caller.call_id
        )
        said, answered = turns[0], next(turn for turn in turns if turn["role"] == "assistant")
        assert (said["role"], said["channel"]) == ("user", "voice")
        assert "printer" in said["text"]
        assert said["heard"] == said["text"]
        assert said["words"] not in ("[]", [])
        assert said["eou_ms"] > 0
        assert said["stt_ms"] >= 0
        assert answered["channel"] == "voice"
        assert answered["interrupted"]
        assert answered["heard"]
        assert answered["text"].startswith(answered["heard"])
        assert len(answered["heard"]) < len(answered["text"])
        assert answered["e2e_ms"] > 0
        assert answered["engine"] == "scripted"
        assert answered["start_ms"] > said["end_ms"]
        assert [turn["text"] for turn in turns if turn["channel"] == "text"] == ["Goodbye."]


async def stored_call(server: LiveServer, call_id: str) -> dict[str, Any]:
    """The call's row, once its end is stored."""
    found: list[dict[str, Any]] = []

    async def ended() -> bool:
        found[:] = await server.rows("SELECT * FROM calls WHERE id = $1 AND end_reason IS NOT NULL", call_id)
        return bool(found)

    await eventually(ended)
    return found[0]


class TestRefusedOffers:
    async def test_each_gets_a_clear_answer_and_the_server_is_unharmed(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        good = await offer_alone()
        video = "m=video 9 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\n"
        without_fingerprint = "".join(line for line in good.splitlines(True) if not line.startswith("a=fingerprint"))
        offers = {
            "offer_malformed": "hello, may I speak to somebody?",
            "too_large": good + "a=x:" + "y" * 20_000 + "\r\n",
            "offer_media": good[: good.index("m=audio")] + good[good.index("m=application") :],
            "offer_fingerprint": without_fingerprint,
        }
        await refused(server, http, key, "offer_malformed", "hello")
        before = await server.holdings(http)
        for code, offer in offers.items():
            await refused(server, http, key, code, offer)
        await refused(server, http, key, "offer_media", good + video)
        await refused(server, http, key, "offer_malformed", good[: len(good) // 2].rsplit("\r\n", 1)[0] + "\r\nm=\r\n")
        form = FormData()
        form.add_field("session", "{}", content_type="application/json")
        form.add_field("x", "y", filename="x")
        async with http.post(
            f"{server.url}/v1/realtime/calls", data=form, headers={"Authorization": f"Bearer {key}"}
        ) as answer:
            assert answer.status == 400
        after = await server.holdings(http)
        assert (after.calls, after.threads) == (0, before.threads)
        assert after.fds <= before.fds
        async with calling(server.url, http, key) as caller:
            caller.write("Hello!")
            await caller.sound(0)


async def refused(server: LiveServer, http: ClientSession, key: str, code: str, offer: str) -> None:
    """As the API of OpenAI words its refusals: for the developer a sentence, for the program a code."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/sdp"}
    async with http.post(f"{server.url}/v1/realtime/calls?model=helpdesk", data=offer, headers=headers) as answer:
        assert 400 <= answer.status < 500, await answer.text()
        error = (await answer.json())["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert error["type"] == "invalid_request_error"
    assert error["code"] == code
    assert error["message"].endswith(".")
