"""Puts text of others (a resume, a job description, an article, a ticket) into a prompt as data.

Three things keep it data: the delimiters cannot be written from inside, nothing in it is invisible, and its length is
bounded. The rule that data is never an instruction stands in `voice_rules`; what a model that breaks the rule may do
is limited by the tools, which check on the server what they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from voice_agent.engines.ports import Message
from voice_agent.text.visible import visible

_CUT = " …"
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e"})


def as_data(name: str, value: object, *, max_chars: int | None = None) -> str:
    """`value` (text, number, list or mapping of these) as JSON between `<data name="…">` and `</data>`.

    `<` and `>` inside are written as JSON escapes, so the content can neither close its block nor open another.
    `max_chars`: each text longer than this is cut; None where lengths are limited elsewhere (content packs).
    """
    text = json.dumps(cleaned(value, max_chars=max_chars), ensure_ascii=False)
    return f'<data name="{name}">{text.translate(_ESCAPES)}</data>'


def without_tricks(message: Message) -> Message:
    """What a caller wrote, or a tool found, as a model may read it: with nothing in it that nobody sees."""
    if message.role == "user":
        text = visible(message.text)
    elif message.role == "tool":
        try:
            text = json.dumps(cleaned(json.loads(message.text)), ensure_ascii=False)
        except ValueError:
            text = visible(message.text)
    else:
        return message
    return message if text == message.text else replace(message, text=text)  # most have none, and all are looked at


def cleaned(value: object, *, max_chars: int | None = None) -> object:
    """The same with every text, keys included, made visible and cut to `max_chars`."""
    if isinstance(value, str):
        text = visible(value)
        return text if max_chars is None or len(text) <= max_chars else text[:max_chars] + _CUT
    if isinstance(value, Mapping):
        return {str(cleaned(str(key))): cleaned(item, max_chars=max_chars) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [cleaned(item, max_chars=max_chars) for item in value]
    return value
