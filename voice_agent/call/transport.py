"""What a call asks of whatever carries it (WebRTC, WebSocket, a terminal), and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from voice_agent.engines.ports import AudioChunk


class SpeechOutput(Protocol):
    """Where synthesized speech goes. One reply at a time: `begin`, `write`…, `end`; or `clear` at any moment.

    All methods are called on the event loop and none blocks, except `room`. The callbacks come from the loop, never
    from within a method: what they set off may end the very reply that is being written.
    """

    def begin(self, item_id: str) -> None:
        """A new reply starts. The position restarts at 0."""

    def write(self, chunk: AudioChunk) -> int:
        """Queues speech of the current reply and returns its length in ms."""
        ...

    def end(self) -> None:
        """No more speech of this reply: `on_drained` follows when the last of it has left."""

    async def room(self) -> None:
        """Returns when there is room for more; the bound is in the settings."""

    def pause(self) -> None:
        """Holds the playout at once, where the transport can (an unpaced one cannot)."""

    def resume(self) -> None: ...

    def clear(self) -> None:
        """Forgets everything queued. `on_drained` is not called for it."""

    @property
    def position_ms(self) -> int:
        """How much of the current reply has left for the caller's ear, in ms."""
        ...

    on_started: Callable[[], None]
    """Set by the session: the first sound of the current reply leaves."""
    on_drained: Callable[[], None]
    """Set by the session: after `end`, the last sound has left."""


class Transport(Protocol):
    """One connected client."""

    speech: SpeechOutput | None
    """None where the client takes text only."""

    def send_event(self, event: Mapping[str, object]) -> None:
        """Queues one server event for the client. Never blocks; a client that cannot keep up is closed."""

    async def close(self) -> None:
        """Closes the connection within a deadline. Idempotent."""
