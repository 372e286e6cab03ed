"""Writes `.env.example` from `voice_agent/settings.py`: `python -m scripts.env_example`. A test holds them together."""

from __future__ import annotations

import textwrap
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from voice_agent import settings

TARGET = Path(__file__).parent.parent / ".env.example"
HEADER = """\
# Every setting and its default. Copy what you change into `.env`, or set it in the environment.
# Made from voice_agent/settings.py by `python -m scripts.env_example`: change it there.
"""


def groups() -> list[type[BaseSettings]]:
    """The groups of settings in the order of the module."""
    return [
        value
        for value in vars(settings).values()
        if isinstance(value, type) and value.__module__ == settings.__name__
        if issubclass(value, BaseSettings)
    ]


def _value(default: object) -> str:
    if default is PydanticUndefined or default is None:
        return ""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    return str(default)


def render() -> str:
    lines = [HEADER]
    for group in groups():
        lines += ["", f"# {'-' * 100}"]
        lines += [f"# {line}" for line in textwrap.wrap(" ".join((group.__doc__ or "").split()), 110)]
        lines.append("")
        prefix = group.model_config.get("env_prefix", "")
        for name, field in group.model_fields.items():
            lines += [f"# {line}" for line in textwrap.wrap(field.description or "", 110)]
            lines.append(f"#{(prefix + name).upper()}={_value(field.default)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
