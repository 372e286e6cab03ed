"""What callers say, write and send is nowhere in logs and metrics; a flood of requests is not a flood of lines."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from scripts.live_server import LiveServer, serving
from signaling.logs import FloodFilter, SafeFormatter
from tests.integration.conftest import eventually
from tests.live_caller import calling, spoken

NAME = "Zebulon Quackenbush"
EMAIL = "zebulon.quackenbush@canary.example"
PHRASE = "seventeen purple elephants"
CANARY = re.compile(r"zebulon|quackenbush|canary|seventeen|purple|elephant|emVidWxvb|5a6562756c6f6e", re.IGNORECASE)
"""Also in base64 and hex."""
ADDRESS = "203.0.113.99"
FLOOD = 100


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with serving(LOG_LEVEL="debug", TRUST_PROXY="true", CONNECT_TIMEOUT_S="2") as running:
        yield running


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    return server.make_key()


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[ClientSession]:
    headers = {"Origin": server.url, "X-Forwarded-For": ADDRESS, "X-Note": NAME, "User-Agent": NAME}
    async with ClientSession(headers=headers) as session:
        yield session


async def written(server: LiveServer) -> str:
    """Everything logs and metrics say. Metrics are asked for without the proxy's header, as this machine does."""
    async with ClientSession() as plain, plain.get(f"{server.url}/metrics") as answer:
        assert answer.status == 200
        return server.log() + await answer.text()


async def test_a_call_leaves_its_words_where_they_belong_and_nowhere_else(
    server: LiveServer, http: ClientSession, key: str
) -> None:
    async with calling(server.url, http, key) as caller:
        transcribed = {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        caller.send(type="session.update", session=transcribed)
        await caller.event("session.updated")
        await caller.microphone.say(spoken(f"My printer prints {PHRASE}."))
        heard = (await caller.event("conversation.item.input_audio_transcription.completed"))["transcript"]
        await caller.event("response.done")
        since = len(caller.events)
        caller.write(f"My name is {NAME}, my address is {EMAIL}, and I have {PHRASE}.")
        await caller.event("response.done", since)
        caller.send(type=f"session.{NAME}", note=EMAIL)
        caller.send(
            type="session.update", session={"type": "realtime", "instructions": f"Call me {NAME}.", "x": PHRASE}
        )
        caller.channel.send(f"not JSON, says {NAME}")
        await caller.until(lambda: len(caller.of("error")) >= 2)

    async def stored() -> bool:
        return NAME in await server.all_text()

    # The positive control: what was written was really there to be leaked.
    await eventually(stored)
    everything = await written(server)
    assert CANARY.findall(everything) == []
    assert len(heard) > 10
    assert heard not in everything
    assert ADDRESS not in everything


async def test_what_is_refused_is_not_quoted(server: LiveServer, http: ClientSession, key: str) -> None:
    authorized = {"Authorization": f"Bearer {key}"}
    url = server.url
    for method, path, headers, body in [
        ("GET", f"/{NAME}?{EMAIL}={PHRASE}", {}, b""),
        ("GET", f"/v1/models/{EMAIL}", authorized, b""),
        ("GET", "/v1/models", {"Authorization": f"Bearer sk-{NAME}"}, b""),
        ("POST", "/v1/realtime/calls", {**authorized, "Content-Type": "application/sdp"}, f"v=0\r\ns={NAME}".encode()),
        ("POST", "/v1/realtime/calls", {**authorized, "Content-Type": "application/sdp"}, NAME.encode("utf-16")),
        ("POST", "/v1/realtime/calls", {**authorized, "Content-Type": f"text/{NAME[:7]}"}, b"x"),
        (
            "POST",
            "/v1/realtime/client_secrets",
            {**authorized, "Content-Type": "application/json"},
            ('{"' + NAME + '": {"' + PHRASE).encode(),
        ),
        ("POST", "/api/guest", {"Content-Type": "application/json"}, f'{{"agent": "{NAME}", "consent": 1}}'.encode()),
        ("POST", "/api/guest", {"Content-Type": "application/json", "Origin": f"https://{EMAIL}"}, b"{}"),
    ]:
        async with http.request(method, f"{url}{path}", headers=headers, data=body) as answer:
            assert 400 <= answer.status < 500
    with pytest.raises(WSServerHandshakeError):
        await http.ws_connect(f"{url}/v1/realtime?model={NAME}", protocols=[f"openai-insecure-api-key.{NAME[:7]}"])
    await _raw(server, f"{NAME} HTTP {PHRASE}\r\n{EMAIL}\r\n\r\n".encode())
    everything = await written(server)
    assert CANARY.findall(everything) == []
    assert ADDRESS not in everything


async def test_attacks_give_few_lines_a_minute_for_each_cause(
    server: LiveServer, http: ClientSession, key: str
) -> None:
    authorized = {"Authorization": f"Bearer {key}", "Content-Type": "application/sdp"}
    before = len(server.log())

    async def attack(number: int) -> None:
        url = server.url
        await _raw(server, b"\x16\x03\x01\x02%d\r\n\r\n" % number)
        for request in (
            http.get(f"{url}/nothing/{number}"),
            http.get(f"{url}/v1/models", headers={"Authorization": f"Bearer sk-{number}"}),
            http.post(f"{url}/v1/realtime/calls", data="junk", headers=authorized),
            http.post(f"{url}/v1/realtime/calls", data="x" * 100_000, headers=authorized),
            http.post(f"{url}/v1/realtime/calls", data="x", headers={**authorized, "Origin": "https://evil.example"}),
        ):
            async with request as answer:
                assert 400 <= answer.status < 500
        async with http.ws_connect(f"{url}/v1/realtime", headers=authorized) as socket:
            await socket.send_str("{")
            await socket.send_bytes(b"\x00" * 100)

    for start in range(0, FLOOD, 20):
        await asyncio.gather(*(attack(number) for number in range(start, start + 20)))
    lines = server.log()[before:].splitlines()
    causes = Counter(re.sub(r"^time=\S+ ", "", line).split(" left_out=")[0] for line in lines)
    assert all(count <= 5 for count in causes.values()), causes
    assert len(lines) < FLOOD


async def _raw(server: LiveServer, data: bytes) -> None:
    where = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(data)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            await reader.read()
    writer.close()


class TestFloodFilter:
    def lines(self, *records: tuple[float, str, tuple[object, ...]]) -> list[str]:
        now = 0.0
        flood = FloodFilter(2, clock=lambda: now)
        formatter = SafeFormatter("logfmt")
        written = []
        for now, message, values in records:  # noqa: B007 - the clock reads it
            record = logging.LogRecord("signaling.x", logging.WARNING, "", 1, message, values, None)
            if flood.filter(record):
                written.append(formatter.format(record).split(" message=")[1])
        return written

    def test_a_cause_gets_its_lines_and_the_next_says_how_many_were_left_out(self) -> None:
        assert self.lines(*[(0.0, "Refused", ())] * 5, (61.0, "Refused", ())) == [
            "Refused",
            "Refused",
            "Refused left_out=3",
        ]

    def test_another_code_is_another_cause_and_another_number_is_not(self) -> None:
        ended = [(0.0, "A peer ended: %s", (reason,)) for reason in ("no_media", "undecodable") for _ in range(3)]
        assert len(self.lines(*ended)) == 4
        assert len(self.lines(*[(0.0, "%d rows", (number,)) for number in range(9)])) == 2

    def test_what_a_client_chose_makes_no_cause(self) -> None:
        assert len(self.lines(*[(0.0, "Odd: %s", (f"Name {number}!",)) for number in range(9)])) == 2
