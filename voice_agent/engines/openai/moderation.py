"""Moderator over `POST /moderations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from voice_agent.engines.openai.errors import malformed, translated
from voice_agent.engines.ports import Verdict

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class OpenAIModerator:
    name = "openai"

    def __init__(self, client: AsyncOpenAI, model: str) -> None:
        self._client = client
        self._model = model

    async def check(self, text: str) -> Verdict:
        """Asks for a verdict on `text`. Raises EngineError."""
        with translated():
            # Not by `moderations.create`: going through its types, the library took half as long again.
            answer = await self._client.post(
                "/moderations", body={"model": self._model, "input": text}, cast_to=cast(type[Any], object)
            )
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
