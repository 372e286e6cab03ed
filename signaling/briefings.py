"""`session.agent`: what a caller gives the agent before the call, and what is to become of the call's text.

It is our extension of the protocol's session: read and taken out before the rest is checked, and never logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import ValidationError

from signaling.errors import ApiError
from voice_agent.agents.base import Agent
from voice_agent.briefing import Briefing
from voice_agent.records import SAVES, Save
from voice_agent.settings import Settings

FIELD = "agent"
_AT = "session.agent"
_TEXTS = frozenset({"resume", "job_description"})
_NO_BRIEFING = Briefing()


@dataclass(frozen=True, slots=True)
class CallerWishes:
    briefing: Briefing
    save: Save


def taken_out(
    session: Mapping[str, object] | None, settings: Settings
) -> tuple[dict[str, object] | None, CallerWishes]:
    """The session as the protocol knows it (None where nothing is left), and what was ours in it.

    Raises ApiError 400 with the field as `param`.
    """
    rest = dict(session or {})
    given = rest.pop(FIELD, None)
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ApiError(400, "invalid_type", "It must be an object.", param=_AT)
    fields = {name: value for name, value in given.items() if value is not None}
    save = fields.pop("save", settings.storage.storage_save)
    if save not in SAVES:
        raise ApiError(400, "invalid_value", f"It must be one of: {', '.join(SAVES)}.", param=f"{_AT}.save")
    return rest or None, CallerWishes(_briefing(fields, settings), cast("Save", save))


def briefed(agent: Agent, briefing: Briefing) -> Agent:
    """The agent for a caller who gave this."""
    return agent.brief(briefing) if agent.brief is not None and briefing != _NO_BRIEFING else agent


def _briefing(fields: Mapping[str, object], settings: Settings) -> Briefing:
    limits = settings.agents
    for name, value in fields.items():
        if isinstance(value, str):
            most = limits.briefing_text_chars if name in _TEXTS else limits.briefing_line_chars
            if len(value) > most:
                raise ApiError(
                    400, "invalid_value", f"It is too long: at most {most} characters.", param=f"{_AT}.{name}"
                )
    try:
        briefing = Briefing.model_validate(fields, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        at = ".".join([_AT, *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            names = ", ".join([*Briefing.model_fields, "save"])
            raise ApiError(400, "invalid_value", f"There is no such field. There are: {names}.", param=at) from None
        code = "invalid_value" if first["type"] == "literal_error" else "invalid_type"
        raise ApiError(400, code, f"{first['msg']}.", param=at) from None
    if briefing.minutes is not None and not 1 <= briefing.minutes <= limits.briefing_max_minutes:
        message = f"It must be a whole number from 1 to {limits.briefing_max_minutes}."
        raise ApiError(400, "invalid_value", message, param=f"{_AT}.minutes")
    return briefing
