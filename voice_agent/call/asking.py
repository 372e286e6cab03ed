"""Asks the language model for a reply in which it may wait for the rest of the caller's turn instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from voice_agent.agents.unfinished import RULE, says_finished
from voice_agent.engines.ports import EngineError, LanguageModel, ReplyEvent, ReplyRequest


async def reply_or_wait(
    model: LanguageModel, request: ReplyRequest, *, judged: Callable[[bool | None], None], released: asyncio.Event
) -> AsyncGenerator[ReplyEvent, None]:
    """As `model.reply`. `judged` is told with the first token whether the model takes the caller's turn for finished;
    None: it does not say. If it does not take it so and the turn is committed all the same, it is asked again and has
    to answer."""
    async with aclosing(model.reply(replace(request, instructions=request.instructions + RULE))) as events:
        beginning: list[ReplyEvent] = []
        try:
            finished = await says_finished(events, beginning)
        except EngineError:
            judged(None)
            raise
        judged(finished)
        if finished is not False:
            for event in beginning:
                yield event
            async for event in events:
                yield event
            return
    await released.wait()
    async with aclosing(model.reply(request)) as events:
        async for event in events:
            yield event
