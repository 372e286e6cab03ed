"""What the helpdesk's tools are called and what they take, and the priority and words of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from voice_agent.agents.dialogue.slots import typed
from voice_agent.agents.dialogue.wording import number_in
from voice_agent.agents.pack_schema import Priority, Slot, Weight
from voice_agent.agents.tools import Arguments

SEARCH = "search_articles"
DRAFT = "draft_ticket"
CREATE = "create_ticket"
INCIDENT = "report_incident"
HAND_OVER = "hand_to_human"
RATE = "rate_call"

SECURITY = "security"
"""The category of articles about incidents."""

Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Long = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Steps = Annotated[tuple[Long, ...], Field(max_length=12)]

_RANK: Mapping[Weight, int] = {"low": 0, "medium": 1, "high": 2}
_BY_SUM: tuple[Priority, ...] = ("P4", "P4", "P3", "P2", "P1")
_WEIGHTS: Mapping[Priority, tuple[Weight, Weight]] = {
    "P1": ("high", "high"),
    "P2": ("medium", "high"),
    "P3": ("low", "high"),
    "P4": ("low", "low"),
}


def priority_of(impact: Weight, urgency: Weight) -> Priority:
    """Impact x urgency, as a symmetric matrix: both high is P1, both low P4."""
    return _BY_SUM[_RANK[impact] + _RANK[urgency]]


def weights_of(priority: Priority) -> tuple[Weight, Weight]:
    """An impact and urgency that give this priority."""
    return _WEIGHTS[priority]


class SearchArguments(Arguments):
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=300)] = Field(
        description="The caller's problem in a few words."
    )


class DraftArguments(Arguments):
    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)] = Field(
        description="The problem in one line."
    )
    description: Long = Field("", description="What happens, since when, exact error words.")
    category: Short = Field("other", description="The article's category, or other.")
    impact: Weight = Field(description="high: everyone; medium: a group; low: one person.")
    urgency: Weight = Field(description="high: work is stopped; medium: hindered; low: can wait.")
    name: Short = Field("", description="The caller's name.")
    contact: Short = Field("", description="A phone number or e-mail address.")
    asset: Short = Field("", description="The asset tag of the device.")
    steps_tried: Steps = Field((), description="What was tried already, and how it went.")
    article_id: Short = Field("", description="The id of the article used, if any.")


class CreateArguments(Arguments):
    """None: what was read back is created, and nothing else."""


class IncidentArguments(Arguments):
    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)] = Field(
        description="What happened, in one line."
    )
    description: Long = Field("", description="What was clicked, opened or given away, and when.")
    article_id: Short = Field("", description="The id of the article used, if any.")


class HandOverArguments(Arguments):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)] = Field(
        description="Why a person is needed."
    )
    summary: Long = Field("", description="The problem so far.")
    urgency: Weight = Field("medium", description="How soon a person is needed.")
    name: Short = Field("", description="The caller's name.")
    contact: Short = Field("", description="A phone number or e-mail address.")
    asset: Short = Field("", description="The asset tag of the device.")
    steps_tried: Steps = Field((), description="What was tried already, and how it went.")
    article_id: Short = Field("", description="The id of the article used, if any.")


class RateArguments(Arguments):
    fixed: bool | None = Field(None, description="Whether the caller says that it is fixed; null if they did not say.")
    rating: Annotated[int, Field(ge=1, le=5)] | None = Field(None, description="1 (poor) to 5; null if not given.")
    steps_tried: Steps = Field((), description="The steps that were tried, in order.")
    article_id: Short = Field("", description="The id of the article used, if any.")


def read_back(draft: DraftArguments) -> str:
    """The summary for the ear, which ends with the question."""
    tried = len(draft.steps_tried)
    steps = f", {number_in(tried)} step{'s' * (tried != 1)} tried" if tried else ""
    priority = priority_of(draft.impact, draft.urgency)
    reach = f" We reach you at {_spoken('contact', draft.contact)}." if draft.contact else ""
    device = f" The device is {_spoken('asset', draft.asset)}." if draft.asset else ""
    named = f" for {draft.name}" if draft.name else ""
    return (
        f"The ticket{named} says: {draft.summary.rstrip(' .,;!?')}, priority {priority[1]}{steps}.{reach}{device} "
        "Shall I create it?"
    )


def _spoken(slot: Slot, value: str) -> str:
    heard = typed(slot, value)
    return heard.spoken if heard else value
