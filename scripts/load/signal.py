"""How a caller's offer reaches a server: anything that takes an SDP offer and returns the SDP answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout

Signal = Callable[[str], Awaitable[str]]
"""SDP offer -> SDP answer. Raises RefusedError or UnreachableError."""


class RefusedError(Exception):
    """The server answered that it will not take this call."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"refused with {status} {code}".rstrip())
        self.status = status
        self.code = code


class UnreachableError(Exception):
    """No answer, or none that can be understood."""


def realtime_calls(
    http: ClientSession, base_url: str, key: str, *, query: Mapping[str, str], timeout_s: float = 15
) -> Signal:
    """Calls by `POST {base_url}/realtime/calls`, as the OpenAI Realtime API has it."""

    async def signal(offer: str) -> str:
        try:
            async with http.post(
                f"{base_url}/realtime/calls",
                params=query,
                data=offer,
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/sdp"},
                timeout=ClientTimeout(timeout_s),
            ) as answer:
                text = await answer.text()
                if answer.status not in (200, 201):
                    raise RefusedError(answer.status, await error_code(answer.json))
                return text
        except (ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"{type(error).__name__} at {base_url}") from error

    return signal


async def error_code(body: Callable[[], Awaitable[object]]) -> str:
    """The code of an error in the protocol's form; empty where a server (or a proxy before it) has another form."""
    match await _quietly(body):
        case {"error": {"code": str(code)}}:
            return code
    return ""


async def _quietly(body: Callable[[], Awaitable[object]]) -> object:
    try:
        return await body()
    except (ClientError, ValueError):
        return None
