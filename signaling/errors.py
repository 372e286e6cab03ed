"""Errors as clients of the OpenAI API expect them: a status and `{"error": {message, type, code, param}}`.

`error_middleware` turns everything a handler can raise into that shape, aiohttp's own 404, 405 and 413 too. What went
wrong inside is logged, never told to the client.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from voice_agent.realtime.errors import ProtocolError
from voice_agent.storage.errors import DatabaseUnavailable, SecretsUnavailable

logger = logging.getLogger(__name__)

RETRY_AFTER_S = web.AppKey("retry_after_s", int)

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_OWN_ERRORS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The request is too large."),
}


class ApiError(Exception):
    """An answer that is not a success. `message` is for the person who reads it: what is wrong, what to do.

    `code` is a stable word for programs; `param` names the field or parameter at fault.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = dict(headers or {})


def error_response(error: ApiError) -> web.Response:
    kind = _TYPES.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
    body = {"error": {"message": error.message, "type": kind, "code": error.code, "param": error.param}}
    return web.Response(
        status=error.status, text=json.dumps(body), content_type="application/json", headers=error.headers
    )


def unauthorized(message: str, *, code: str = "invalid_api_key") -> ApiError:
    return ApiError(401, code, message, headers={"WWW-Authenticate": "Bearer"})


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return _finished(request, error)
    except ProtocolError as error:
        return _finished(request, ApiError(400, error.code, error.message, param=error.param))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code, message = _OWN_ERRORS.get(error.status, (f"http_{error.status}", error.reason))
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _finished(request, ApiError(error.status, code, message, headers=headers))
    except (DatabaseUnavailable, SecretsUnavailable):
        logger.warning("A request failed because the storage is away")
        retry = {"Retry-After": str(request.app[RETRY_AFTER_S])}
        message = "The server cannot look that up just now. Please try again in a moment."
        return _finished(request, ApiError(503, "storage_unavailable", message, headers=retry))
    except ConnectionResetError:
        raise  # The client is gone: there is nobody to answer, and aiohttp closes the connection.
    except Exception:
        logger.exception("A request failed for a reason inside the server")
        return _finished(request, ApiError(500, "internal_error", "Something went wrong here. Please try again."))


def _finished(request: web.Request, error: ApiError) -> web.Response:
    """The body may still be on its way: a connection that is not reused need not read it to the end."""
    response = error_response(error)
    if not request.content.at_eof():
        response.force_close()
    return response
