"""Calls through a TURN relay alone: a real coturn with our configuration, the credentials that the server gives out."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import ClientSession
from aioice import stun
from aioice.ice import Connection
from aioice.turn import TurnTransport, create_turn_endpoint
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from scripts.live_server import LiveServer, serving
from signaling.relay import relay_access
from tests.integration.services import Relay, turn_server
from tests.live_caller import LiveCaller
from voice_agent.hardening import media_stack
from voice_agent.settings import ServerSettings

SECRET = "one-for-this-test"
SERVER_ADDRESS = "127.0.0.1"
OTHER_ADDRESS = "127.0.0.2"
"""As private as the server's own address, and not the server."""


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with turn_server(tmp_path_factory.mktemp("coturn"), SECRET, SERVER_ADDRESS) as started:
        yield started


@pytest.fixture(scope="module")
def server(relay: Relay) -> Iterator[LiveServer]:
    with serving(TURN_URLS=relay.url, TURN_SECRET=SECRET) as started:
        yield started


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[ClientSession]:
    async with ClientSession(headers={"Origin": server.url}) as session, asyncio.timeout(60):
        yield session


async def guest(server: LiveServer, http: ClientSession) -> dict[str, Any]:
    async with http.post(f"{server.url}/api/guest", json={"agent": "helpdesk", "consent": True}) as answer:
        told: dict[str, Any] = await answer.json()
        return told


class RelayedCaller(LiveCaller):
    """Sends nothing but through the relay."""

    def __init__(self, ice_server: dict[str, Any]) -> None:
        super().__init__()
        self.pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[RTCIceServer(**ice_server)], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
        )
        self.channel = self.pc.createDataChannel("oai-events")
        self.pc.addTrack(self.microphone)
        media_stack.receive_packets(self.pc.getTransceivers()[0].receiver, self._packet, clock_rate_hz=48_000)
        self.channel.on("message", self._message)
        self.channel.on("open", self._happened.set)

    async def dial(self, url: str, http: ClientSession, credential: str, query: str) -> None:
        with media_stack.media_address("127.0.0.1", "127.0.0.1"):
            await self.pc.setLocalDescription(await self.pc.createOffer())
        # What a network that lets no other packet out does; aioice would check from its own socket all the same.
        for protocol in [each for each in self.connection._protocols if each.local_candidate.type == "host"]:
            self.connection._protocols.remove(protocol)
            await protocol.close()
        await super().dial(url, http, credential, query)

    @property
    def connection(self) -> Connection:
        connection: Connection = self.pc.getTransceivers()[0].receiver.transport.transport._connection
        return connection


async def test_a_caller_who_can_reach_the_relay_alone_is_heard_and_hears(
    server: LiveServer, http: ClientSession
) -> None:
    told = await guest(server, http)
    media_stack.apply()
    caller = RelayedCaller(told["ice_servers"][0])
    try:
        started = caller.now()
        await caller.dial(server.url, http, told["value"], "model=helpdesk&greet=1")
        await caller.sound(started)
        assert {pair.local_candidate.type for pair in caller.connection._nominated.values()} == {"relay"}
        before = len(caller.events)
        caller.write("My printer is offline")
        await caller.event("response.done", since=before)
    finally:
        await caller.hang_up()


async def allocated(relay: Relay, ice_server: dict[str, Any]) -> TurnTransport:
    transport, _ = await create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=("127.0.0.1", relay.port),
        username=ice_server["username"],
        password=ice_server["credential"],
    )
    return transport


async def refusal(transport: TurnTransport, peer: tuple[str, int]) -> int:
    """The error code with which the relay refuses to reach a peer; 0 where it does not."""
    inner = transport._TurnTransport__inner_protocol  # type: ignore[attr-defined]  # Its own methods hide the answer.
    request = stun.Message(message_method=stun.Method.CHANNEL_BIND, message_class=stun.Class.REQUEST)
    request.attributes["CHANNEL-NUMBER"] = 0x4000
    request.attributes["XOR-PEER-ADDRESS"] = peer
    try:
        await inner.request_with_retry(request)
    except stun.TransactionFailed as failed:
        code: int = failed.response.attributes["ERROR-CODE"][0]
        return code
    return 0


async def test_the_relay_reaches_the_server_and_no_other_private_address(
    relay: Relay, server: LiveServer, http: ClientSession
) -> None:
    (ice_server,) = (await guest(server, http))["ice_servers"]
    transport = await allocated(relay, ice_server)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inner_service:
            inner_service.bind((OTHER_ADDRESS, 0))
            assert await refusal(transport, (OTHER_ADDRESS, inner_service.getsockname()[1])) == 403
        for address in ("10.0.0.1", "169.254.169.254", "192.168.1.1", "224.0.0.1"):
            assert await refusal(transport, (address, 80)) == 403
        assert await refusal(transport, (SERVER_ADDRESS, 40_000)) == 0
    finally:
        transport.close()


@pytest.mark.parametrize("spoiled", ["expired", "forged"])
async def test_the_relay_takes_no_credentials_that_are_expired_or_not_ours(relay: Relay, spoiled: str) -> None:
    secret = SECRET if spoiled == "expired" else "a guess"
    settings = ServerSettings.model_validate({"turn_urls": relay.url, "turn_secret": secret, "turn_ttl_s": 60})
    access: Any = relay_access(settings, time.time() - (120 if spoiled == "expired" else 0))
    with pytest.raises(stun.TransactionFailed) as failed:
        await allocated(relay, access["ice_servers"][0])
    assert failed.value.response.attributes["ERROR-CODE"][0] == 401


async def test_a_key_holders_page_is_given_the_relay_with_its_secret(server: LiveServer, http: ClientSession) -> None:
    headers = {"Authorization": f"Bearer {server.make_key()}"}
    async with http.post(f"{server.url}/v1/realtime/client_secrets", json={}, headers=headers) as answer:
        told = await answer.json()
    assert re.fullmatch(r"\d+:[\w-]+", told["ice_servers"][0]["username"])
    assert SECRET not in str(told)


def test_without_a_relay_nothing_is_said_of_one() -> None:
    assert relay_access(ServerSettings.model_validate({"turn_urls": "", "turn_secret": "x"}), 0) == {}
    assert relay_access(ServerSettings.model_validate({"turn_urls": "turn:a", "turn_secret": ""}), 0) == {}


def test_the_relay_alone_is_asked_for_where_the_operator_wants_it() -> None:
    settings = ServerSettings.model_validate(
        {"turn_urls": "turn:a, turns:b", "turn_secret": "x", "turn_relay_only": True, "turn_ttl_s": 600}
    )
    access: Any = relay_access(settings, 1000.5)
    assert access["ice_transport_policy"] == "relay"
    assert access["ice_servers"][0]["urls"] == ["turn:a", "turns:b"]
    assert access["ice_servers"][0]["username"].startswith("1600:")
