"""Calls over HTTP: both forms of an offer, admission, ownership, client secrets, guests, models, health."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import FormData

from tests.integration.signaling_fixtures import KEY, OFFER, OTHER_KEY, EchoPeer, Serve, Server, serve
from tests.integration.signaling_support import latest

__all__ = ["serve"]

SDP = {**KEY, "Content-Type": "application/sdp"}


async def code_of(response: Any) -> str:
    return str((await response.json())["error"]["code"])


async def wait_for_calls(server: Server, count: int) -> None:
    async with asyncio.timeout(5):
        while server.directory.taken != count:  # noqa: ASYNC110 - the directory has no reason to tell of each call
            await asyncio.sleep(0.01)


class TestOffers:
    @pytest.mark.parametrize("path", ["/v1/realtime/calls", "/v1/realtime"])
    async def test_a_raw_offer_is_answered_with_201_and_the_place_of_the_call(self, serve: Serve, path: str) -> None:
        server = await serve()
        response = await server.client.post(f"{path}?model=helpdesk", data=OFFER, headers=SDP)
        assert response.status == 201
        assert response.content_type == "application/sdp"
        assert (await response.text()).startswith("v=0")
        call_id = response.headers["Location"].removeprefix("/v1/realtime/calls/")
        assert call_id.startswith("rtc_")
        assert server.directory.get(call_id) is not None
        assert latest().rest["agent"].name == "helpdesk"
        assert latest().rest["key_id"] == "key_1"
        assert latest().rest["greet"] is False

    async def test_form_fields_without_content_types_as_a_browser_sends_them(self, serve: Serve) -> None:
        server = await serve()
        form = FormData(default_to_multipart=True)
        form.add_field("sdp", OFFER)
        form.add_field("session", json.dumps({"type": "realtime", "model": "helpdesk"}))
        response = await server.client.post("/v1/realtime/calls", data=form, headers=KEY)
        assert response.status == 201
        assert latest().rest["agent"].name == "helpdesk"
        assert latest().session == {"type": "realtime", "model": "helpdesk"}

    async def test_form_fields_with_content_types_as_the_python_library_sends_them(self, serve: Serve) -> None:
        server = await serve()
        form = FormData()
        form.add_field("sdp", OFFER.encode(), content_type="application/sdp", filename="")
        form.add_field("session", b'{"type": "realtime"}', content_type="application/json", filename="")
        response = await server.client.post("/v1/realtime/calls", data=form, headers=KEY)
        assert response.status == 201
        assert latest().session == {"type": "realtime"}

    async def test_a_form_without_an_offer_or_with_strange_parts_is_400(self, serve: Serve) -> None:
        server = await serve()
        for name in ("session", "file"):
            form = FormData(default_to_multipart=True)
            form.add_field(name, "{}")
            response = await server.client.post("/v1/realtime/calls", data=form, headers=KEY)
            assert response.status == 400

    async def test_a_part_above_its_own_limit_is_413(self, serve: Serve) -> None:
        server = await serve(max_offer_bytes=100)
        form = FormData(default_to_multipart=True)
        form.add_field("sdp", OFFER + "x" * 100)
        response = await server.client.post("/v1/realtime/calls", data=form, headers=KEY)
        assert response.status == 413

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"no boundary here",
            b"--x\r\nContent-Disposition: form-data; name=sdp\r\n\r\nv=0",
            b"--x\r\n\r\nv=0\r\n--x--\r\n",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nv=0\r\n--y--\r\n--x--\r\n",
        ],
    )
    async def test_a_broken_form_is_400(self, serve: Serve, body: bytes) -> None:
        server = await serve()
        headers = {**KEY, "Content-Type": "multipart/form-data; boundary=x"}
        response = await server.client.post("/v1/realtime/calls", data=body, headers=headers)
        assert response.status == 400

    async def test_another_content_type_is_415(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/calls", json={"sdp": OFFER}, headers=KEY)
        assert response.status == 415

    async def test_an_offer_that_cannot_be_answered_is_400_and_leaves_nothing_behind(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/calls", data="garbage", headers=SDP)
        assert response.status == 400
        assert await code_of(response) == "invalid_offer"
        assert server.directory.taken == 0

    async def test_no_socket_for_a_call_is_503(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/calls", data=OFFER + "s=busy", headers=SDP)
        assert response.status == 503
        assert "Retry-After" in response.headers
        assert server.directory.taken == 0

    async def test_a_session_that_cannot_be_had_is_400_and_its_peer_is_closed(self, serve: Serve) -> None:
        server = await serve()
        form = FormData(default_to_multipart=True)
        form.add_field("sdp", OFFER)
        form.add_field("session", json.dumps({"instructions": "refuse me"}))
        response = await server.client.post("/v1/realtime/calls", data=form, headers=KEY)
        assert response.status == 400
        assert (await response.json())["error"]["param"] == "session.instructions"
        assert EchoPeer.made[-1].closed.is_set()
        assert server.directory.taken == 0

    async def test_an_unknown_agent_is_404(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/calls?model=poet", data=OFFER, headers=SDP)
        assert response.status == 404
        assert await code_of(response) == "model_not_found"

    @pytest.mark.parametrize("model", ["", "?model=gpt-realtime", "?model=gpt-realtime-mini"])
    async def test_no_model_or_a_stock_one_means_the_default_agent(self, serve: Serve, model: str) -> None:
        server = await serve(default_agent="helpdesk")
        response = await server.client.post(f"/v1/realtime/calls{model}", data=OFFER, headers=SDP)
        assert response.status == 201
        assert latest().rest["agent"].name == "helpdesk"

    async def test_our_page_may_ask_for_a_greeting(self, serve: Serve) -> None:
        server = await serve()
        await server.client.post("/v1/realtime/calls?greet=1", data=OFFER, headers=SDP)
        assert latest().rest["greet"] is True


class TestLifeOfACall:
    async def test_one_call_more_than_allowed_is_503_and_there_is_room_again_after_one_ends(self, serve: Serve) -> None:
        server = await serve(max_calls=2)
        answers = await asyncio.gather(
            *(server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP) for _ in range(5))
        )
        assert sorted(answer.status for answer in answers) == [201, 201, 503, 503, 503]
        refused = next(answer for answer in answers if answer.status == 503)
        assert int(refused.headers["Retry-After"]) > 0
        assert await code_of(refused) == "at_capacity"
        latest().end("hangup")
        await wait_for_calls(server, 1)
        assert (await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)).status == 201

    async def test_a_client_that_is_gone_ends_its_call(self, serve: Serve) -> None:
        server = await serve()
        await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)
        EchoPeer.made[-1].on_closed("no_media")
        await wait_for_calls(server, 0)
        assert EchoPeer.made[-1].closed.is_set()

    async def test_a_call_that_fails_inside_frees_its_seat(self, serve: Serve) -> None:
        server = await serve()
        await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)
        latest().client_event('{"type": "test.fail"}')
        await wait_for_calls(server, 0)
        assert EchoPeer.made[-1].closed.is_set()

    async def test_calls_are_refused_while_they_cannot_be_stored(self, serve: Serve) -> None:
        server = await serve()
        server.storing[0] = False
        response = await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)
        assert response.status == 503
        assert await code_of(response) == "storage_behind"

    async def test_only_its_owner_may_hang_up(self, serve: Serve) -> None:
        server = await serve()
        answer = await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)
        place = answer.headers["Location"]
        stranger = await server.client.post(f"{place}/hangup", headers=OTHER_KEY)
        assert stranger.status == 404
        assert server.directory.taken == 1
        assert (await server.client.post(f"{place}/hangup", headers=KEY)).status == 200
        await wait_for_calls(server, 0)
        assert (await server.client.post(f"{place}/hangup", headers=KEY)).status == 404

    async def test_the_guest_of_a_call_hangs_up_with_the_secret_that_began_it(self, serve: Serve) -> None:
        server = await serve()
        headers = {"Origin": server.origin}
        grant = await server.client.post("/api/guest", json={"agent": "helpdesk", "consent": True}, headers=headers)
        other = await server.client.post("/api/guest", json={"agent": "helpdesk", "consent": True}, headers=headers)
        bearer = {"Authorization": f"Bearer {(await grant.json())['value']}", **headers}
        strange = {"Authorization": f"Bearer {(await other.json())['value']}", **headers}
        answer = await server.client.post(
            "/v1/realtime/calls", data=OFFER, headers={**bearer, "Content-Type": "application/sdp"}
        )
        assert answer.status == 201
        assert latest().rest["key_id"] is None
        assert (await server.client.post(f"{answer.headers['Location']}/hangup", headers=strange)).status == 404
        assert (await server.client.post(f"{answer.headers['Location']}/hangup", headers=bearer)).status == 200
        await wait_for_calls(server, 0)


class TestClientSecrets:
    async def test_a_key_makes_a_secret_for_an_agent_and_a_session(self, serve: Serve) -> None:
        server = await serve()
        body = {
            "expires_after": {"anchor": "created_at", "seconds": 60},
            "session": {"type": "realtime", "model": "helpdesk", "audio": {"output": {"speed": 1.25}}},
        }
        response = await server.client.post("/v1/realtime/client_secrets", json=body, headers=KEY)
        assert response.status == 200
        secret = await response.json()
        assert secret["value"].startswith("ek_")
        assert secret["session"]["object"] == "realtime.session"
        assert secret["session"]["model"] == "helpdesk"
        assert secret["session"]["audio"]["output"]["speed"] == 1.25

        bearer = {"Authorization": f"Bearer {secret['value']}", "Content-Type": "application/sdp"}
        call = await server.client.post("/v1/realtime/calls?model=gpt-realtime", data=OFFER, headers=bearer)
        assert call.status == 201
        assert latest().rest["agent"].name == "helpdesk"
        assert latest().rest["key_id"] == "key_1"
        assert latest().session == body["session"]
        again = await server.client.post("/v1/realtime/calls", data=OFFER, headers=bearer)
        assert again.status == 401

    async def test_what_the_client_asks_for_goes_on_top_of_the_secrets_session(self, serve: Serve) -> None:
        server = await serve()
        session = {"type": "realtime", "audio": {"output": {"speed": 1.25, "voice": "alba"}}}
        made = await server.client.post("/v1/realtime/client_secrets", json={"session": session}, headers=KEY)
        form = FormData(default_to_multipart=True)
        form.add_field("sdp", OFFER)
        form.add_field("session", json.dumps({"type": "realtime", "audio": {"output": {"speed": 0.75}}}))
        bearer = {"Authorization": f"Bearer {(await made.json())['value']}"}
        assert (await server.client.post("/v1/realtime/calls", data=form, headers=bearer)).status == 201
        assert latest().session == {"type": "realtime", "audio": {"output": {"speed": 0.75, "voice": "alba"}}}

    async def test_an_empty_body_makes_a_secret_for_any_agent(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/client_secrets", headers=KEY)
        assert response.status == 200
        bearer = {"Authorization": f"Bearer {(await response.json())['value']}", "Content-Type": "application/sdp"}
        call = await server.client.post("/v1/realtime/calls?model=helpdesk", data=OFFER, headers=bearer)
        assert call.status == 201

    async def test_a_secret_for_one_agent_does_not_open_another(self, serve: Serve) -> None:
        server = await serve()
        body = {"session": {"type": "realtime", "model": "helpdesk"}}
        made = await server.client.post("/v1/realtime/client_secrets", json=body, headers=KEY)
        bearer = {"Authorization": f"Bearer {(await made.json())['value']}", "Content-Type": "application/sdp"}
        call = await server.client.post("/v1/realtime/calls?model=interviewer", data=OFFER, headers=bearer)
        assert call.status == 401
        assert await code_of(call) == "wrong_model"

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"expires_after": 5}, "expires_after"),
            ({"expires_after": {"seconds": 9}}, "expires_after.seconds"),
            ({"expires_after": {"seconds": 7201}}, "expires_after.seconds"),
            ({"expires_after": {"seconds": True}}, "expires_after.seconds"),
            ({"expires_after": {"anchor": "now"}}, "expires_after.anchor"),
            ({"session": []}, "session"),
            ({"session": {"type": "realtime", "model": 5}}, "session.model"),
            ({"session": {"type": "realtime", "audio": {"output": {"speed": 9}}}}, "session.audio.output.speed"),
        ],
    )
    async def test_a_wrong_wish_is_400_and_names_the_field(
        self, serve: Serve, body: dict[str, object], param: str
    ) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/client_secrets", json=body, headers=KEY)
        assert response.status == 400
        assert (await response.json())["error"]["param"] == param


class TestGuests:
    async def test_our_page_gets_a_secret(self, serve: Serve) -> None:
        server = await serve()
        headers = {"Origin": server.origin, "Sec-Fetch-Site": "same-origin"}
        response = await server.client.post("/api/guest", json={"consent": True}, headers=headers)
        assert response.status == 200
        body = await response.json()
        assert body["value"].startswith("ek_")
        assert body["agent"] == "interviewer"
        assert response.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "OWN", "Sec-Fetch-Site": "cross-site"},
            {"Origin": "OWN", "Sec-Fetch-Site": "same-site"},
            {"Origin": "OWN", "Host": "evil.example"},
            {"Origin": "http://evil.example:80", "Host": "evil.example:80"},
        ],
    )
    async def test_nobody_elses_page_does(self, serve: Serve, headers: dict[str, str]) -> None:
        server = await serve(allowed_origins="*")
        sent = {name: value.replace("OWN", server.origin) for name, value in headers.items()}
        response = await server.client.post("/api/guest", json={"consent": True}, headers=sent)
        assert response.status == 403

    async def test_the_secret_is_of_no_use_to_another_page(self, serve: Serve) -> None:
        server = await serve(allowed_origins="*")
        made = await server.client.post("/api/guest", json={"consent": True}, headers={"Origin": server.origin})
        bearer = {"Authorization": f"Bearer {(await made.json())['value']}", "Content-Type": "application/sdp"}
        call = await server.client.post(
            "/v1/realtime/calls", data=OFFER, headers={**bearer, "Origin": "https://evil.example"}
        )
        assert call.status == 401
        assert await code_of(call) == "wrong_origin"

    async def test_guests_can_be_switched_off(self, serve: Serve) -> None:
        server = await serve(guests=False)
        response = await server.client.post("/api/guest", json={"consent": True}, headers={"Origin": server.origin})
        assert response.status == 403
        assert await code_of(response) == "guests_disabled"

    @pytest.mark.parametrize("consent", [None, False, "true", 1])
    async def test_without_consent_there_is_no_call(self, serve: Serve, consent: object) -> None:
        server = await serve()
        response = await server.client.post("/api/guest", json={"consent": consent}, headers={"Origin": server.origin})
        assert response.status == 400
        assert await code_of(response) == "consent_required"

    async def test_one_address_gets_only_so_many(self, serve: Serve) -> None:
        server = await serve(guest_limit=2)
        headers = {"Origin": server.origin}
        statuses = [
            (await server.client.post("/api/guest", json={"consent": True}, headers=headers)).status for _ in range(3)
        ]
        assert statuses == [200, 200, 429]

    async def test_behind_a_trusted_proxy_the_address_is_the_one_the_proxy_saw(self, serve: Serve) -> None:
        server = await serve(guest_limit=1, trust_proxy=True)
        statuses = []
        for address in ("10.0.0.1", "10.0.0.2", "6.6.6.6, 10.0.0.2"):
            headers = {"Origin": server.origin, "X-Forwarded-For": address}
            response = await server.client.post("/api/guest", json={"consent": True}, headers=headers)
            statuses.append(response.status)
        assert statuses == [200, 200, 429]


class TestModelsAndConfiguration:
    async def test_the_agents_are_listed_as_models(self, serve: Serve) -> None:
        client = (await serve()).client
        body = await (await client.get("/v1/models", headers=KEY)).json()
        assert body["object"] == "list"
        assert [model["id"] for model in body["data"]] == ["interviewer", "helpdesk"]
        assert all(model["object"] == "model" for model in body["data"])
        one = await (await client.get("/v1/models/helpdesk", headers=KEY)).json()
        assert one in body["data"]
        assert (await client.get("/v1/models/poet", headers=KEY)).status == 404

    async def test_the_page_learns_what_leaves_this_server(self, serve: Serve) -> None:
        body = await (await (await serve()).client.get("/api/config")).json()
        assert [agent["name"] for agent in body["agents"]] == ["interviewer", "helpdesk"]
        assert body["engines"][0]["target"] == "api.example.org"
        assert body["engines"][0]["remote"] is True
        assert body["guests"] is True

    async def test_the_page_learns_what_each_agent_may_be_told_before_a_call(self, serve: Serve) -> None:
        body = await (await (await serve()).client.get("/api/config")).json()
        assert body["agents"][0]["intake"] == {"fields": [], "minutes": None, "languages": []}
        assert body["limits"]["briefing_text_chars"] == 20_000
        assert body["save"] == "ask"


class TestHealth:
    async def test_a_live_server_says_so(self, serve: Serve) -> None:
        assert (await (await serve()).client.get("/livez")).status == 200

    async def test_it_is_ready_until_it_is_full_behind_or_draining(self, serve: Serve) -> None:
        server = await serve(max_calls=1)
        assert (await server.client.get("/readyz")).status == 200
        server.storing[0] = False
        assert (await (await server.client.get("/readyz")).json())["checks"]["storage"] is False
        server.storing[0] = True
        await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)
        full = await server.client.get("/readyz")
        assert full.status == 503
        assert (await full.json())["checks"]["capacity"] is False
        latest().end("hangup")
        await wait_for_calls(server, 0)
        server.directory.drain()
        draining = await server.client.get("/readyz")
        assert draining.status == 503
        assert (await draining.json())["checks"]["accepting"] is False

    async def test_metrics_count_calls_in_base_units(self, serve: Serve) -> None:
        server = await serve()
        await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)
        text = await (await server.client.get("/metrics")).text()
        assert "voice_calls_active 1.0" in text
        latest().end("idle")
        await wait_for_calls(server, 0)
        text = await (await server.client.get("/metrics")).text()
        assert "voice_calls_active 0.0" in text
        assert 'voice_calls_total{outcome="idle"}' in text
        assert "voice_eventloop_lag_seconds_bucket" in text

    async def test_metrics_are_not_for_what_a_proxy_passes_on(self, serve: Serve) -> None:
        headers = {"X-Forwarded-For": "203.0.113.7"}
        assert (await (await serve()).client.get("/metrics", headers=headers)).status == 403
        assert (await (await serve(metrics_public=True)).client.get("/metrics", headers=headers)).status == 200
