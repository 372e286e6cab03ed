"""What an agent has noted of the caller and shows on the screen, so that they can correct it by typing.

A correction comes back as an ordinary message of the caller whose lines are `Correction, <label>: <value>`: any agent
can read it, with a language model or without, and any client can send it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voice_agent.engines.ports import Message

LABELS: Mapping[str, str] = {"name": "Name", "contact": "Phone or e-mail", "asset": "Asset tag", "problem": "Problem"}
"""What the fields are called on the screen and in corrections, by the names of the protocol."""

_CORRECTION = re.compile(r"^\s*correction[,:]?\s+([a-z][a-z -]{0,30}?)\s*:[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_BY_LABEL = {label.casefold(): name for name, label in LABELS.items()}


@dataclass(frozen=True, slots=True)
class FormField:
    """One thing noted. `confirmed`: the caller said yes to it, or typed it."""

    name: str
    label: str
    value: str
    confirmed: bool


Form = tuple[FormField, ...]
FormReader = Callable[[Sequence[Message]], Form]
"""The form after these messages."""


def form_of(values: Mapping[str, str], confirmed: frozenset[str]) -> Form:
    """The fields that have a value, in the order of the screen."""
    return tuple(
        FormField(name, label, values[name], name in confirmed) for name, label in LABELS.items() if values.get(name)
    )


def corrections_in(text: str) -> Mapping[str, str]:
    """The fields that a message corrects, by name; empty if it is no correction."""
    found = ((_BY_LABEL.get(match[1].casefold()), match[2].strip()) for match in _CORRECTION.finditer(text))
    return {name: value for name, value in found if name and value}
