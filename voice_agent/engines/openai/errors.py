"""What went wrong at a provider, as an `EngineError`.

The exceptions of the `openai` package carry request and response bodies, in which a caller's words may be: nothing of
them but status, code and waiting time passes through here, and the original is not chained.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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
    return None if date is None else max(0.0, email.utils.mktime_tz(date) - now)


@contextmanager
def translated(*, started: bool = False, adaptable: tuple[str, ...] = ()) -> Iterator[None]:
    """Turns exceptions of the client library into EngineError. `started`: the answer had begun, so that a lost
    connection is code "cut", else "connection".

    Raises UnsupportedParameterError instead where the provider refuses a request naming one of `adaptable`.
    """
    try:
        yield
    except Exception as exc:
        for name in adaptable:
            if _refuses(exc, name):
                raise UnsupportedParameterError(name) from None
        error = _engine_error(exc, started)
        if error is None:
            raise
        raise error from None


def _refuses(exc: Exception, parameter: str) -> bool:
    import openai  # noqa: PLC0415 - slow to import; loaded by now

    if not isinstance(exc, openai.APIStatusError) or exc.status_code not in (400, 404, 415, 422):
        return False
    body = exc.body if isinstance(exc.body, Mapping) else {}
    return body.get("param") == parameter or parameter in str(body.get("message", exc.message))


def _engine_error(exc: Exception, started: bool) -> EngineError | None:
    import httpx2  # noqa: PLC0415 - comes with openai
    import openai  # noqa: PLC0415 - slow to import; loaded by now
    from websockets import exceptions as ws  # noqa: PLC0415 - comes with openai[realtime]

    error: EngineError | None = None
    match exc:
        case EngineError():
            error = exc
        case openai.APIStatusError():
            wait_s = retry_after_s(exc.response.headers, time.time())
            error = status_error(exc.status_code, error_code=exc.code or "", retry_after_s=wait_s)
        case ws.InvalidStatus():
            wait_s = retry_after_s(exc.response.headers, time.time())
            error = status_error(exc.response.status_code, retry_after_s=wait_s)
        case openai.APITimeoutError() | httpx2.TimeoutException() if _lost_connection(exc):
            error = _no_connection(started)
        case openai.APITimeoutError() | httpx2.TimeoutException() | TimeoutError():
            error = EngineError("the provider did not answer in time", code="timeout", retryable=True)
        case openai.APIResponseValidationError() | json.JSONDecodeError() | UnicodeDecodeError():
            error = malformed("not the promised format")
        case openai.APIConnectionError() | httpx2.TransportError() | ws.WebSocketException() | OSError():
            error = _no_connection(started)
        case openai.APIError():
            # An error event inside a stream that had begun with status 200.
            error = EngineError("the provider reported an error in its stream", code="stream_error", retryable=True)
        case openai.OpenAIError():
            error = EngineError("the client library refused the request", code="client", retryable=False)
    return error


def _no_connection(started: bool) -> EngineError:
    return cut_short() if started else EngineError("no connection", code="connection", retryable=True)


def _lost_connection(exc: BaseException) -> bool:
    """The client library's transport reports every lost connection as a timeout: only the cause tells them apart."""
    cause: BaseException | None = exc
    while cause is not None and not isinstance(cause, aiohttp.ClientConnectionError):
        cause = cause.__cause__
    return cause is not None and not isinstance(cause, TimeoutError)
