"""Settings are documented, and `.env.example` tells the truth about them."""

from __future__ import annotations

import pytest
from pydantic_settings import BaseSettings

from scripts.env_example import TARGET, groups, render
from voice_agent.settings import ServerSettings


@pytest.mark.parametrize("group", groups())
def test_every_setting_says_what_it_is_for(group: type[BaseSettings]) -> None:
    assert [name for name, field in group.model_fields.items() if not field.description] == []


def test_the_example_file_is_what_the_settings_say() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(), "run: python -m scripts.env_example"


def test_no_two_settings_read_the_same_variable() -> None:
    names = [
        (group.model_config.get("env_prefix", "") + name).upper() for group in groups() for name in group.model_fields
    ]
    assert len(names) == len(set(names))


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    assert ServerSettings(_env_file=None).port == 9000
