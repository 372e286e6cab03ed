"""How a language model says that the caller has not finished: it writes one mark instead of an answer.

It is asked only in a pause, about a reply that is held back anyway: the question costs a line of instructions, and an
answer does not begin later for it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from voice_agent.engines.ports import ReplyEvent, Switched, TextDelta, ToolCall

_MARK = "…"
_DOTS = "..."
"""The same, as some models write it."""
RULE = f"""
The caller has just paused. If they stopped inside a sentence, a number, a list or a thought, or if you are not fairly \
sure that they have finished, write only {_MARK} and nothing else: they will go on. If you are fairly sure, answer.
"""


def waits(beginning: str) -> bool | None:
    """Whether a reply that begins like this is no answer; None while that cannot be told."""
    text = beginning.lstrip()
    if text.startswith((_MARK, _DOTS)):
        return True
    return None if _DOTS.startswith(text) else False


async def says_finished(events: AsyncGenerator[ReplyEvent, None], beginning: list[ReplyEvent]) -> bool | None:
    """What a reply says of the turn that it would answer; `beginning` gets the events that tell. A fallback that took
    over says nothing: it may not know the rule. Neither does an empty reply. Raises EngineError."""
    text = ""
    async for event in events:
        beginning.append(event)
        match event:
            case TextDelta(more):
                text += more
                wait = waits(text)
                if wait is not None:
                    return not wait
            case ToolCall():
                return True
            case Switched():
                return None
    return None
