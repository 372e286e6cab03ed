"""The moderator that an operator chooses in order to have none."""

from __future__ import annotations

from voice_agent.engines.ports import Verdict


class OffModerator:
    """Passes everything."""

    name = "off"

    async def check(self, text: str) -> Verdict:
        return Verdict(flagged=False)

    async def aclose(self) -> None:
        return None
