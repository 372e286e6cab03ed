"""What a caller gives an agent before the call. It is data about the caller's wishes, never an instruction."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Briefing(BaseModel):
    """All optional. Lengths are limited where it is read from the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str = ""
    """The job that is practised for, in the caller's words."""
    job_description: str = ""
    resume: str = ""
    mode: Literal["practice", "realistic"] = "practice"
    """Interview: feedback after each answer, or only at the end."""
    language: str = ""
    """Language: the id of a language of the content packs; empty: that of the level, else the agent's own."""
    level: str = ""
    """Language: the id of a level of the content packs; empty: the agent finds out."""
    minutes: int | None = None
    """How long the caller wants to practise."""
