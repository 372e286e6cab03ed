"""Whose a call was that has just ended: for REPORT_WINDOW_S its secret is still good for its report, save and discard.

A client secret is used up by its call, and a guest has no other proof. Only the secret's digest is kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from signaling.directory import CallDirectory, LiveCall, Owner
from signaling.registry import Registry
from voice_agent.settings import ReportSettings


@dataclass(eq=False, slots=True)
class FinishedOwner:
    owner: Owner
    expiry: asyncio.TimerHandle
    discarded: bool = False


class FinishedOwners:
    """All on the event loop; at most REPORT_WINDOW_CALLS, the oldest go first."""

    def __init__(self, directory: CallDirectory, registry: Registry, settings: ReportSettings) -> None:
        self._directory = directory
        self._registry = registry
        self._settings = settings
        self._owners: dict[str, FinishedOwner] = {}
        directory.on_ended.append(self._ended)

    def close(self) -> None:
        for call_id in list(self._owners):
            self._forget(call_id)

    def owner_of(self, call_id: str) -> Owner | None:
        """Of a call that runs here, or ended here within the window."""
        live = self._directory.get(call_id)
        if live is not None:
            return live.owner
        finished = self._owners.get(call_id)
        return finished.owner if finished is not None else None

    def discarded(self, call_id: str) -> bool:
        finished = self._owners.get(call_id)
        return finished is not None and finished.discarded

    def discard(self, call_id: str) -> None:
        """Nothing of the call is to be had any more."""
        finished = self._owners.get(call_id)
        if finished is not None:
            finished.discarded = True

    async def elsewhere(self, call_id: str) -> str | None:
        """The address of the other process where the call ended; None where none is. Raises SecretsUnavailable."""
        if self.owner_of(call_id) is not None:
            return None
        return await self._registry.process_of(_entry(call_id))

    def _ended(self, call: LiveCall, _outcome: str) -> None:
        call_id = call.session.call_id
        self._forget(call_id)
        if self._settings.window_s == 0:
            return
        expiry = asyncio.get_running_loop().call_later(self._settings.window_s, self._forget, call_id)
        self._owners[call_id] = FinishedOwner(call.owner, expiry)
        self._registry.announce(_entry(call_id))
        while len(self._owners) > self._settings.window_calls:
            self._forget(next(iter(self._owners)))

    def _forget(self, call_id: str) -> None:
        finished = self._owners.pop(call_id, None)
        if finished is not None:
            finished.expiry.cancel()
            self._registry.withdraw(_entry(call_id))


def _entry(call_id: str) -> str:
    """Its name in the registry, apart from that of the running call."""
    return f"finished:{call_id}"
