"""The errors of the protocol layer: the client's, as the event that tells it, and the caller's own."""

from __future__ import annotations

from voice_agent.realtime.ids import new_id


class ProtocolError(Exception):
    """A client asked for something that cannot be done; the message tells it what to change.

    `code` is a stable word for programs, `param` the path of the field at fault ("session.audio.output.speed"),
    `event_id` the client's own id of the event that caused it, `type` the family of the error.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        param: str | None = None,
        event_id: str | None = None,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.event_id = event_id
        self.type = type

    def caused_by(self, event_id: str | None) -> ProtocolError:
        """Names the client's event as the cause, unless one is named already. Returns self."""
        if self.event_id is None:
            self.event_id = event_id
        return self

    def to_event(self) -> dict[str, object]:
        """The `error` server event. `error.event_id` is the client's event, where known."""
        error: dict[str, object] = {"type": self.type, "code": self.code, "message": self.message}
        if self.param is not None:
            error["param"] = self.param
        if self.event_id is not None:
            error["event_id"] = self.event_id
        return {"type": "error", "event_id": new_id("event"), "error": error}


class IllegalOrderError(RuntimeError):
    """A method was called in a state that does not allow it: a bug of the caller's. Nothing was sent."""
