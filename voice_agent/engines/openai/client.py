"""HTTP and WebSockets to the provider: connections kept alive between calls and shared by engines and calls.

The `openai` package says who we are (key, organisation, project, its own environment variables); requests go over
aiohttp without it. Its layers and httpx took two to four times as long (docs/performance.md).
"""

from __future__ import annotations

import ipaddress
import json
import urllib.request
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr
from yarl import URL

from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.openai.errors import StatusError, malformed
from voice_agent.engines.openai.event_stream import json_events
from voice_agent.settings import EngineSettings

OPENAI_URL = "https://api.openai.com/v1"
_NO_KEY = "none"
_USER_AGENT = "voice-agent"
_ABOUT_THE_LIBRARY = ("X-Stainless-", "Accept", "Content-Type", "User-Agent")
"""Headers of the library that would be untrue of our requests."""


def host_of(base_url: str) -> str:
    """The host of a base URL ("" is OpenAI's), without port, path or credentials: fit to be shown."""
    return urlsplit(base_url or OPENAI_URL).hostname or ""


def is_remote(base_url: str) -> bool:
    """Whether what is sent there leaves this machine."""
    host = host_of(base_url)
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True  # a name: it may be anywhere


class Connections:
    """Sockets to all providers. Made inside of a running event loop."""

    def __init__(self, settings: EngineSettings) -> None:
        import httpx2  # noqa: PLC0415 - comes with openai

        self.message_bytes = settings.provider_message_bytes
        self._ping_s = settings.provider_read_timeout_s
        self._closing = aiohttp.ClientWSTimeout(ws_close=settings.provider_connect_timeout_s)
        # Finds the system's certificates also where OpenSSL was built to look elsewhere, and knows SSL_CERT_FILE.
        certificates = httpx2.create_ssl_context()
        timeout = aiohttp.ClientTimeout(
            total=None,
            connect=settings.provider_connect_timeout_s,
            sock_connect=settings.provider_connect_timeout_s,
            sock_read=settings.provider_read_timeout_s,
        )
        self._requests = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                limit_per_host=settings.provider_connections,
                keepalive_timeout=settings.provider_keepalive_s,
                ssl=certificates,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
        )
        # Apart: a WebSocket holds its connection for minutes and must not take the place of a request.
        self._sockets = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=certificates),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            middlewares=(_once,),
        )

    async def post(
        self, url: URL, body: bytes | aiohttp.FormData, headers: Mapping[str, str], proxy: str | None
    ) -> aiohttp.ClientResponse:
        # A redirect would carry a caller's words to a host that no setting names.
        return await self._requests.post(url, data=body, headers=headers, proxy=proxy, allow_redirects=False)

    async def connect(self, url: URL, headers: Mapping[str, str], proxy: str | None) -> aiohttp.ClientWebSocketResponse:
        # Without compression: base64 of sound hardly gets smaller, and deflating it cost more than hearing it did.
        return await self._sockets.ws_connect(
            url,
            headers=headers,
            proxy=proxy,
            max_msg_size=self.message_bytes,
            heartbeat=self._ping_s,
            timeout=self._closing,
        )

    async def aclose(self) -> None:
        await self._requests.close()
        await self._sockets.close()


class Client:
    """One server as one of its customers sees it. What is raised here is turned into EngineError by `translated`."""

    def __init__(self, connections: Connections, base_url: str, headers: Mapping[str, str]) -> None:
        url = URL(base_url, encoded=True)
        self._connections = connections
        self._url = url.with_user(None)
        self._proxy = _proxy_for(url)
        self._headers = dict(headers)
        if url.user is not None:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(url.user, url.password or "")
        self._json_headers = {**self._headers, "Content-Type": "application/json"}

    async def post(self, path: str, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        """Sends JSON. The caller closes the response; StatusError for one that is no success."""
        data = json.dumps(body).encode()
        return await self._answered(path, data, self._json_headers)

    async def upload(self, path: str, form: aiohttp.FormData) -> aiohttp.ClientResponse:
        """As `post`, for fields and a file."""
        return await self._answered(path, form, self._headers)

    async def value(self, response: aiohttp.ClientResponse) -> Any:
        """The JSON of a whole answer. Raises what `translated` knows."""
        limit = self._connections.message_bytes
        body = await _beginning(response, limit)
        if len(body) > limit:
            raise malformed("an answer without end")
        return json.loads(body)

    def events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[Any, None]:
        """The values of a streamed answer. Raises what `translated` knows."""
        return json_events(response, self._connections.message_bytes)

    async def connect(self, path: str, query: Mapping[str, str]) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket."""
        return await self._connections.connect(self._at(path).update_query(query), self._headers, self._proxy)

    async def _answered(
        self, path: str, body: bytes | aiohttp.FormData, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        response = await self._connections.post(self._at(path), body, headers, self._proxy)
        if response.status < 300:
            return response
        async with response:
            refusal = await _beginning(response, self._connections.message_bytes)
            raise StatusError.of(response.status, response.headers, refusal)

    def _at(self, path: str) -> URL:
        """`path` below the base URL, whose own query stays."""
        return self._url.with_path(self._url.raw_path.rstrip("/") + path, encoded=True, keep_query=True)


class ClientPool:
    """Makes clients for (base URL, key) pairs; `aclose` closes every connection."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._connections: Connections | None = None
        self._clients: dict[tuple[str, str], Client] = {}

    def get(self, base_url: str, api_key: SecretStr, setting: str) -> Client:
        """A client for `base_url` ("": OpenAI). An empty key is right for servers that want none.

        Raises ConfigurationError, naming `setting`, for a URL that is not http(s) with a host and for a key that no
        header can carry; also for a proxy that cannot be used.
        """
        url = base_url or OPENAI_URL
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"{setting}_BASE_URL: not an http(s) URL with a host, such as {OPENAI_URL}")
        secret = api_key.get_secret_value()
        if not secret.isprintable():
            raise ConfigurationError(f"{setting}_API_KEY or OPENAI_API_KEY: holds a line break or the like")
        if (url, secret) not in self._clients:
            self._clients[url, secret] = self._make(url, secret)
        return self._clients[url, secret]

    def _make(self, base_url: str, key: str) -> Client:
        if self._connections is None:
            self._connections = Connections(self._settings)
        return Client(self._connections, base_url, _identity(base_url, key))

    async def aclose(self) -> None:
        connections, self._connections = self._connections, None
        self._clients.clear()
        if connections is not None:
            await connections.aclose()


async def _beginning(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or what of it has come when more than `limit` bytes have."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > limit:
            break
    return bytes(body)


def _identity(base_url: str, key: str) -> dict[str, str]:
    """The headers that say who asks, as the library makes them of the key and of its environment variables
    (OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_CUSTOM_HEADERS)."""
    import httpx2  # noqa: PLC0415 - comes with openai
    import openai  # noqa: PLC0415 - slow to import

    # It sends nothing: the proxies of the environment are not its business.
    silent = httpx2.Client(trust_env=False)
    with openai.OpenAI(api_key=key or _NO_KEY, base_url=base_url, http_client=silent) as library:
        headers = {**library.auth_headers, **library.default_headers}
    about_us = {
        name: value
        for name, value in headers.items()
        if isinstance(value, str) and not name.startswith(_ABOUT_THE_LIBRARY)
    }
    return {**about_us, "User-Agent": _USER_AGENT}


def _proxy_for(url: URL) -> str | None:
    """The proxy that the environment names for it (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY). aiohttp would look it
    up for every request, in a thread. Raises ConfigurationError for one that it cannot use."""
    if urllib.request.proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        usable = URL(proxy).scheme in ("http", "https") and URL(proxy).host
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"the environment's proxy for {url.host}: not an http(s) URL with a host")
    return proxy


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """One request, one answer: aiohttp would carry a caller's words wherever a redirect leads, and would ask again
    where a connection is lost, unknown to retry and circuit breaker."""
    try:
        response = await handler(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as exc:
        raise ConnectionError from exc
    if 300 <= response.status < 400:
        response.close()
        raise StatusError(response.status)
    return response
