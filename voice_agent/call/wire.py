"""Where the events of a call go: to its client, and to those who listen on a side channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping

SendEvent = Callable[[Mapping[str, object]], None]


class Wire:
    """`send` reaches the client."""

    def __init__(self, send: SendEvent) -> None:
        self._send = send
        self._side_channels: list[SendEvent] = []

    def emit(self, event: Mapping[str, object]) -> None:
        self._send(event)
        for send in tuple(self._side_channels):
            send(event)

    def attach(self, send: SendEvent) -> Callable[[], None]:
        """A side channel that sees every event from now on. Returns how to detach it."""
        self._side_channels.append(send)

        def detach() -> None:
            if send in self._side_channels:
                self._side_channels.remove(send)

        return detach
