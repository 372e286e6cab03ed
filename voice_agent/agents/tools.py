"""Makes a server-side tool from a pydantic model of its arguments and an async function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from voice_agent.agents.base import Tool, ToolContext, ToolError
from voice_agent.engines.ports import ToolSpec


class Arguments(BaseModel):
    """Base of a tool's arguments. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


A = TypeVar("A", bound=Arguments)
Run = Callable[[A, ToolContext], Awaitable[Mapping[str, object]]]


def make_tool(
    name: str, description: str, arguments: type[A], run: Run[A], *, timeout_s: float, writes: bool = False
) -> Tool:
    """The tool's handler validates the arguments and keeps the deadline; both failures are a ToolError."""

    async def handler(raw: Mapping[str, object], context: ToolContext) -> Mapping[str, object]:
        try:
            parsed = arguments.model_validate(dict(raw))
        except ValidationError as error:
            raise ToolError(_explain(error)) from None
        try:
            async with asyncio.timeout(timeout_s):
                return await run(parsed, context)
        except TimeoutError:
            raise ToolError(f"{name} took too long. It may be tried once more.") from None

    return Tool(ToolSpec(name, description, _schema(arguments)), handler, writes)


def _explain(error: ValidationError) -> str:
    """Names the arguments and what they should be, without their values: those are the caller's words."""
    problems = (f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}" for item in error.errors())
    return "Invalid arguments. " + "; ".join(problems)


def _schema(arguments: type[Arguments]) -> dict[str, object]:
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    for prop in schema.get("properties", {}).values():
        prop.pop("title", None)
    schema.setdefault("properties", {})
    return schema
