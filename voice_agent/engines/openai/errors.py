"""What went wrong at a provider, as an `EngineError`.

What the client library raises, and what a provider answers, may carry a caller's words: nothing of it but status, code
and waiting time passes through here, and the original is not chained.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp

from voice_agent.engines.ports import EngineError

_TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
_SPENT_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class UnsupportedParameterError(Exception):
    """The provider refused a request because of one named parameter; the adapter may ask without it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def malformed(what: str) -> EngineError:
    """An answer that is not what the API promises. `what` is a static phrase."""
    return EngineError(f"malformed answer: {what}", code="malformed", retryable=True)


def cut_short() -> EngineError:
    return EngineError("the answer ended early", code="cut", retryable=True)


def status_error(status: int, *, error_code: str = "", retry_after_s: float | None = None) -> EngineError:
    """An HTTP status as EngineError: `code` is the status, or "quota" for a 429 that waiting does not cure."""
    if status == 429 and error_code in _SPENT_QUOTA:
        return EngineError("the provider's quota is spent", code="quota", retryable=False)
    return EngineError(
        f"the provider answered {status}",
        code=str(status),
        retryable=status in _TRANSIENT_STATUS or status >= 500,
        retry_after_s=retry_after_s,
    )


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (seconds or HTTP date; `now` is Unix time), else None."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit_s)
        except (KeyError, ValueError):
            continue  # absent, or a date
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return None if date is None else max(0.0, email.utils.mktime_tz(date) - now)
    except (ValueError, OverflowError):
        return None  # no day that there is


class StatusError(Exception):
    """The provider answered with an error, or with a redirect. It may repeat a caller's words: never to be chained."""

    def __init__(self, status: int, error: Mapping[str, Any] | None = None, wait_s: float | None = None) -> None:
        """`error`: what the API calls the error object; `wait_s`: how long the provider asks to be left alone."""
        super().__init__(status)
        self.status = status
        self._error = error or {}
        self._wait_s = wait_s

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> StatusError:
        """`body`: the API's JSON, or anything."""
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = {}
        error = answer.get("error", answer) if isinstance(answer, dict) else {}
        fields = error if isinstance(error, dict) else {}
        return cls(status, {"message": body.decode(errors="replace"), **fields}, retry_after_s(headers, time.time()))

    def refuses(self, parameter: str) -> bool:
        """Whether it is because of a parameter of that name."""
        if self.status not in (400, 404, 415, 422):
            return False
        return self._error.get("param") == parameter or parameter in str(self._error.get("message"))

    def as_engine_error(self) -> EngineError:
        return status_error(self.status, error_code=str(self._error.get("code")), retry_after_s=self._wait_s)


@contextmanager
def translated(*, started: bool = False, adaptable: Sequence[str] = ()) -> Iterator[None]:
    """Turns whatever a request raises into EngineError, or into UnsupportedParameterError where one of the `adaptable`
    parameters is to blame. `started`: the answer had begun, so that a lost connection cut it short."""
    try:
        yield
    except Exception as exc:
        if isinstance(exc, StatusError):
            for name in adaptable:
                if exc.refuses(name):
                    raise UnsupportedParameterError(name) from None
        error = _engine_error(exc, started)
        if error is None:
            raise
        raise error from None


def _engine_error(exc: Exception, started: bool) -> EngineError | None:
    error: EngineError | None = None
    match exc:
        case EngineError():
            error = exc
        case StatusError():
            error = exc.as_engine_error()
        case aiohttp.WSServerHandshakeError() if exc.status != HTTPStatus.SWITCHING_PROTOCOLS:
            wait_s = retry_after_s(exc.headers or {}, time.time())
            error = status_error(exc.status, retry_after_s=wait_s)
        case TimeoutError():
            error = EngineError("the provider did not answer in time", code="timeout", retryable=True)
        case aiohttp.ClientHttpProxyError():
            error = _no_connection(started)
        case aiohttp.ClientResponseError():
            error = malformed("not the promised format")
        case aiohttp.ClientError() | OSError():
            error = _no_connection(started)
        case ValueError() | OverflowError() | RecursionError():
            # No JSON, no UTF-8, or numbers and depths that nobody means.
            error = malformed("not the promised format")
    return error


def _no_connection(started: bool) -> EngineError:
    return cut_short() if started else EngineError("no connection", code="connection", retryable=True)
