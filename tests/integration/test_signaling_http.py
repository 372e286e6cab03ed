"""What every HTTP answer has in common: error shapes, security headers, origins, limits on bodies and time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.integration.signaling_fixtures import KEY, OFFER, Serve, serve
from voice_agent.storage.errors import DatabaseUnavailable

__all__ = ["serve"]

SDP = {**KEY, "Content-Type": "application/sdp"}


async def error_of(response: ClientResponse) -> dict[str, Any]:
    body = await response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "code", "param"}
    assert body["error"]["message"]
    error: dict[str, Any] = body["error"]
    return error


class TestErrorShape:
    async def test_an_unknown_address_is_404(self, serve: Serve) -> None:
        response = await (await serve()).client.get("/v1/nothing")
        assert response.status == 404
        assert (await error_of(response))["code"] == "not_found"

    async def test_a_wrong_method_is_405_and_names_the_right_one(self, serve: Serve) -> None:
        response = await (await serve()).client.delete("/v1/realtime/client_secrets", headers=KEY)
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
        assert (await error_of(response))["code"] == "method_not_allowed"

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/realtime/calls"),
            ("POST", "/v1/realtime"),
            ("POST", "/v1/realtime/client_secrets"),
            ("POST", "/v1/realtime/calls/rtc_1/hangup"),
            ("GET", "/v1/models"),
            ("GET", "/v1/models/helpdesk"),
        ],
    )
    @pytest.mark.parametrize(
        "authorization",
        [None, "", "Bearer", "Basic sk-good", "Bearer sk-wrong", "Bearer ek_wrong", "Bearer " + "sk-" * 400],
    )
    async def test_a_wrong_key_is_401_everywhere(
        self, serve: Serve, method: str, path: str, authorization: str | None
    ) -> None:
        server = await serve()
        headers = {"Content-Type": "application/sdp"} | (
            {} if authorization is None else {"Authorization": authorization}
        )
        response = await server.client.request(method, path, headers=headers, data=OFFER if method == "POST" else None)
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert (await error_of(response))["type"] == "authentication_error"

    async def test_a_fault_inside_tells_the_client_nothing_about_it(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = await serve()

        async def fail(_key: str) -> None:
            raise RuntimeError("the inner secret")

        monkeypatch.setattr(server.services.keys, "verify", fail)
        response = await server.client.get("/v1/models", headers=KEY)
        assert response.status == 500
        assert "inner secret" not in await response.text()
        assert (await error_of(response))["type"] == "server_error"

    async def test_a_request_while_the_storage_is_away_is_503(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = await serve()

        async def fail(_key: str) -> None:
            raise DatabaseUnavailable

        monkeypatch.setattr(server.services.keys, "verify", fail)
        response = await server.client.get("/v1/models", headers=KEY)
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert (await error_of(response))["code"] == "storage_unavailable"


class TestBodies:
    async def test_a_body_of_announced_size_above_the_limit_is_413(self, serve: Serve) -> None:
        server = await serve(max_offer_bytes=100)
        response = await server.client.post("/v1/realtime/calls", data=OFFER + "x" * 100, headers=SDP)
        assert response.status == 413
        assert (await error_of(response))["code"] == "too_large"

    async def test_a_chunked_body_above_the_limit_is_413(self, serve: Serve) -> None:
        server = await serve(max_offer_bytes=100)

        async def chunks() -> Any:
            for _ in range(20):
                yield b"x" * 10

        response = await server.client.post("/v1/realtime/calls", data=chunks(), headers=SDP)
        assert response.status == 413
        await error_of(response)

    async def test_a_body_that_comes_too_slowly_is_408(self, serve: Serve) -> None:
        server = await serve(body_timeout_s=0.1)

        async def chunks() -> Any:
            yield b"v=0"
            await asyncio.sleep(5)

        response = await server.client.post("/v1/realtime/calls", data=chunks(), headers=SDP)
        assert response.status == 408
        assert (await error_of(response))["code"] == "request_timeout"

    async def test_headers_that_come_too_slowly_close_the_connection(self, serve: Serve) -> None:
        server = await serve(header_timeout_s=0.2)
        reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
        writer.write(b"POST /v1/realtime/calls HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()

    async def test_a_compressed_body_is_refused(self, serve: Serve) -> None:
        server = await serve()
        headers = {**SDP, "Content-Encoding": "gzip"}
        response = await server.client.post("/v1/realtime/calls", data=b"\x1f\x8b", headers=headers)
        assert response.status == 415
        await error_of(response)

    @pytest.mark.parametrize("body", ["{", "[]", "null", '"x"', "[" * 100_000, '{"a": NaN}', b"\xff\xfe"])
    async def test_what_is_not_a_json_object_is_400(self, serve: Serve, body: str | bytes) -> None:
        server = await serve()
        headers = {**KEY, "Content-Type": "application/json"}
        response = await server.client.post("/v1/realtime/client_secrets", data=body, headers=headers)
        assert response.status == 400
        await error_of(response)

    async def test_json_with_the_content_type_of_a_form_is_415(self, serve: Serve) -> None:
        server = await serve()
        headers = {**KEY, "Content-Type": "text/plain"}
        response = await server.client.post("/v1/realtime/client_secrets", data="{}", headers=headers)
        assert response.status == 415


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/", "/livez", "/v1/nothing", "/api/config"])
    async def test_every_answer_has_them(self, serve: Serve, path: str) -> None:
        headers = (await (await serve()).client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "microphone=(self)" in headers["Permissions-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "Server" not in headers

    async def test_only_the_page_may_load_scripts(self, serve: Serve) -> None:
        client = (await serve()).client
        assert "script-src 'self'" in (await client.get("/")).headers["Content-Security-Policy"]
        assert "script-src" not in (await client.get("/api/config")).headers["Content-Security-Policy"]

    async def test_a_public_https_origin_asks_browsers_to_stay_with_https(self, serve: Serve) -> None:
        with_tls = await serve(public_origin="https://voice.example.org")
        without = await serve()
        assert "Strict-Transport-Security" in (await with_tls.client.get("/livez")).headers
        assert "Strict-Transport-Security" not in (await without.client.get("/livez")).headers


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-openai-agents-sdk,openai-beta,x-stainless-os,x-bad",
}
FOREIGN = "https://app.example.com"


class TestOrigins:
    async def test_by_default_a_foreign_page_gets_no_preflight(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.options("/v1/realtime/calls", headers={"Origin": FOREIGN, **PREFLIGHT})
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers
        assert (await error_of(response))["code"] == "origin_not_allowed"

    @pytest.mark.parametrize("listed", [FOREIGN, f"https://other.example, {FOREIGN}/", "*"])
    async def test_a_listed_page_gets_its_preflight(self, serve: Serve, listed: str) -> None:
        server = await serve(allowed_origins=listed)
        response = await server.client.options("/v1/realtime/calls", headers={"Origin": FOREIGN, **PREFLIGHT})
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == ("*" if listed == "*" else FOREIGN)
        granted = response.headers["Access-Control-Allow-Headers"].split(", ")
        assert set(granted) == {"authorization", "content-type", "x-openai-agents-sdk", "openai-beta", "x-stainless-os"}
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Credentials" not in response.headers

    @pytest.mark.parametrize(
        "origin", ["https://app.example.com.evil.org", "http://app.example.com", "https://app.example.com:444", "null"]
    )
    async def test_an_origin_that_only_resembles_a_listed_one_is_refused(self, serve: Serve, origin: str) -> None:
        server = await serve(allowed_origins=FOREIGN)
        response = await server.client.options("/v1/realtime/calls", headers={"Origin": origin, **PREFLIGHT})
        assert response.status == 403

    async def test_a_listed_page_can_read_the_answer_its_location_and_its_errors(self, serve: Serve) -> None:
        server = await serve(allowed_origins=FOREIGN)
        good = await server.client.post("/v1/realtime/calls", data=OFFER, headers={**SDP, "Origin": FOREIGN})
        bad = await server.client.get("/v1/models", headers={"Origin": FOREIGN})
        assert (good.status, bad.status) == (201, 401)
        for response in (good, bad):
            assert response.headers["Access-Control-Allow-Origin"] == FOREIGN
            assert "Location" in response.headers["Access-Control-Expose-Headers"]
            assert response.headers["Vary"] == "Origin"

    async def test_a_post_from_a_foreign_page_is_refused_even_with_a_key(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/calls", data=OFFER, headers={**SDP, "Origin": FOREIGN})
        assert response.status == 403

    async def test_our_own_page_may_post(self, serve: Serve) -> None:
        server = await serve()
        response = await server.client.post("/v1/realtime/calls", data=OFFER, headers={**SDP, "Origin": server.origin})
        assert response.status == 201

    async def test_the_page_and_its_configuration_are_not_shared_across_origins(self, serve: Serve) -> None:
        server = await serve(allowed_origins="*")
        response = await server.client.get("/api/config", headers={"Origin": FOREIGN})
        assert "Access-Control-Allow-Origin" not in response.headers


class TestStaticFiles:
    async def test_the_page_is_served_with_its_type_and_revalidated_by_its_tag(self, serve: Serve) -> None:
        client = (await serve()).client
        first = await client.get("/")
        assert first.status == 200
        assert first.content_type == "text/html"
        assert first.headers["Cache-Control"] == "no-cache"
        again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
        assert again.status == 304
        assert await again.read() == b""
        changed = await client.get("/", headers={"If-None-Match": '"another"'})
        assert changed.status == 200

    async def test_nothing_outside_the_folder_can_be_named(self, serve: Serve, tmp_path: Any) -> None:
        folder = tmp_path / "site"
        folder.mkdir()
        (tmp_path / "outside.txt").write_text("private")
        (folder / "index.html").write_text("page")
        (folder / "app.js").write_text("export {}")
        (folder / ".hidden.txt").write_text("private")
        (folder / "notes.yaml").write_text("private")
        (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
        server = await serve(web_dir=str(folder))
        assert (await server.client.get("/app.js")).content_type == "text/javascript"
        for path in (
            "/../outside.txt",
            "/%2e%2e/outside.txt",
            "/..%2foutside.txt",
            "/.hidden.txt",
            "/notes.yaml",
            "/link.txt",
        ):
            reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            async with asyncio.timeout(5):
                answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 404"), path
            assert b"private" not in answer

    async def test_writing_to_a_file_is_405(self, serve: Serve) -> None:
        assert (await (await serve()).client.post("/", data="x")).status == 405
