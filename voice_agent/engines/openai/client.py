"""The HTTP clients behind the adapters: one per base URL, kept alive between calls, shared by engines and calls."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from voice_agent.engines.errors import ConfigurationError
from voice_agent.settings import EngineSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI, DefaultAioHttpClient

OPENAI_URL = "https://api.openai.com/v1"
_NO_KEY = "none"


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


class ClientPool:
    """Makes clients for (base URL, key) pairs; `aclose` closes every connection."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._http: dict[str, DefaultAioHttpClient] = {}
        self._clients: dict[tuple[str, str], AsyncOpenAI] = {}

    def get(self, base_url: str, api_key: SecretStr, setting: str) -> AsyncOpenAI:
        """A client for `base_url` ("": OpenAI). An empty key is right for servers that want none.

        Raises ConfigurationError, naming `setting`, for a URL that is not http(s) with a host.
        """
        url = base_url or OPENAI_URL
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"{setting}_BASE_URL: not an http(s) URL with a host, such as {OPENAI_URL}")
        secret = api_key.get_secret_value()
        if (url, secret) not in self._clients:
            self._clients[url, secret] = self._make(url, secret)
        return self._clients[url, secret]

    def _make(self, url: str, key: str) -> AsyncOpenAI:
        import httpx2  # noqa: PLC0415 - comes with openai
        import openai  # noqa: PLC0415 - slow to import

        for name in ("openai", "httpx2", "httpcore2", "websockets"):
            # At their debug and info levels these write URLs and request bodies.
            logging.getLogger(name).setLevel(logging.WARNING)
        settings = self._settings
        if url not in self._http:
            self._http[url] = openai.DefaultAioHttpClient(
                timeout=httpx2.Timeout(
                    connect=settings.provider_connect_timeout_s,
                    read=settings.provider_read_timeout_s,
                    write=settings.provider_send_timeout_s,
                    pool=settings.provider_connect_timeout_s,
                ),
                limits=httpx2.Limits(
                    max_connections=settings.provider_connections,
                    max_keepalive_connections=settings.provider_connections,
                    keepalive_expiry=settings.provider_keepalive_s,
                ),
                # A redirect would carry a caller's words to a host that no setting names.
                follow_redirects=False,
            )
        return openai.AsyncOpenAI(api_key=key or _NO_KEY, base_url=url, max_retries=0, http_client=self._http[url])

    async def aclose(self) -> None:
        for http in self._http.values():
            await http.aclose()
        self._http.clear()
        self._clients.clear()
