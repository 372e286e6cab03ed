"""The tools that a client offers, of a session or of one response, and which of them is to be called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from voice_agent.engines.ports import ToolSpec
from voice_agent.realtime.validation import invalid, join, missing, one_of, unsupported

_MAX_TOOLS = 128
"""As in the chat completions API, to which they go."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOOL_CHOICES = ("auto", "none", "required")

Partial = Mapping[str, object]


def tools_from_wire(
    partial: Partial, tools: tuple[ToolSpec, ...], choice: str, *, at: str
) -> tuple[tuple[ToolSpec, ...], str]:
    """The tools and the choice ("auto", "none", "required", or the name of the one to call) after `partial`, which
    stands at `at` and may change either. Raises ProtocolError."""
    if partial.get("tools") is not None:
        tools = _tools(partial["tools"], at=f"{at}.tools")
    names = {tool.name for tool in tools}
    if partial.get("tool_choice") is not None:
        choice = _tool_choice(partial["tool_choice"], at=f"{at}.tool_choice")
        if choice not in _TOOL_CHOICES and choice not in names:
            raise invalid(f"{at}.tool_choice.name", "no tool has this name")
    elif choice not in _TOOL_CHOICES and choice not in names:
        # New tools may lack the one that was forced: then the model chooses again.
        choice = "auto"
    return tools, choice


def tool_to_wire(tool: ToolSpec) -> dict[str, object]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }


def tool_choice_to_wire(choice: str) -> object:
    return choice if choice in _TOOL_CHOICES else {"type": "function", "name": choice}


def _tools(raw: object, *, at: str) -> tuple[ToolSpec, ...]:
    """Function tools with distinct, usable names. Raises ProtocolError."""
    tools = cast("Sequence[Partial]", raw)
    if len(tools) > _MAX_TOOLS:
        raise invalid(at, f"at most {_MAX_TOOLS} tools are possible")
    specs = tuple(_tool(tool, join(at, index)) for index, tool in enumerate(tools))
    if len({spec.name for spec in specs}) != len(specs):
        raise invalid(at, "two tools have the same name")
    return specs


def _tool(raw: Partial, at: str) -> ToolSpec:
    kind = raw.get("type")
    if kind == "mcp":
        raise unsupported(join(at, "type"), "MCP tools")
    if kind is None:
        raise missing(join(at, "type"))
    if kind != "function":
        raise one_of(join(at, "type"), ("function",))
    name = raw.get("name")
    if name is None:
        raise missing(join(at, "name"))
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name) or name in _TOOL_CHOICES:
        reason = "a name has 1 to 64 letters, digits, '_' or '-', and is not 'auto', 'none' or 'required'"
        raise invalid(join(at, "name"), reason)
    parameters = raw.get("parameters")
    if parameters is None:
        parameters = {"type": "object", "properties": {}}
    if not isinstance(parameters, Mapping):
        raise invalid(join(at, "parameters"), "expected a JSON schema object")
    return ToolSpec(name=name, description=cast("str | None", raw.get("description")) or "", parameters=parameters)


def _tool_choice(raw: object, *, at: str) -> str:
    """ "auto", "none", "required", or the name of the one tool to call. Raises ProtocolError."""
    if isinstance(raw, str):
        if raw not in _TOOL_CHOICES:
            raise one_of(at, _TOOL_CHOICES)
        return raw
    choice = cast("Partial", raw)
    if choice.get("type") == "mcp":
        raise unsupported(join(at, "type"), "MCP tools")
    name = choice.get("name")
    if not isinstance(name, str):
        raise missing(join(at, "name"))
    return name
