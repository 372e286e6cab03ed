"""Moderator over `POST /moderations`."""

from __future__ import annotations

from voice_agent.engines.openai.client import Client
from voice_agent.engines.openai.errors import malformed, translated
from voice_agent.engines.ports import Verdict


class OpenAIModerator:
    name = "openai"

    def __init__(self, client: Client, model: str) -> None:
        self._client = client
        self._model = model

    async def check(self, text: str) -> Verdict:
        """Asks for a verdict on `text`. Raises EngineError."""
        with translated():
            async with await self._client.post("/moderations", {"model": self._model, "input": text}) as response:
                answer = await self._client.value(response)
        try:
            result = answer["results"][0]
            flagged = result["flagged"]
            names = tuple(name for name, hit in result["categories"].items() if hit is True)
        except (AttributeError, TypeError, IndexError, KeyError):
            raise malformed("no moderation result") from None
        if not isinstance(flagged, bool):
            raise malformed("no moderation verdict")
        return Verdict(flagged=flagged, categories=names)

    async def aclose(self) -> None:
        """Nothing of its own: the client is shared."""
