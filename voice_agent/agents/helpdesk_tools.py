"""The helpdesk's tools: searching the articles, creating a ticket, handing over to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from voice_agent.agents.base import Tool, ToolContext
from voice_agent.agents.pack_schema import Article, Priority, Weight
from voice_agent.agents.retrieval import PhraseIndex
from voice_agent.agents.tools import Arguments, make_tool
from voice_agent.records import NewTicket
from voice_agent.settings import AgentSettings

SEARCH = "search_articles"
CREATE = "create_ticket"
HAND_OVER = "hand_to_human"

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


class TicketArguments(Arguments):
    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)] = Field(
        description="One line, as read back to and confirmed by the caller."
    )
    description: Long = Field("", description="What happens, since when, exact error words.")
    category: Short = Field("other", description="The article's category, or other.")
    impact: Weight = Field(description="high: many people; medium: a group; low: one person.")
    urgency: Weight = Field(description="high: work is stopped; medium: hindered; low: can wait.")
    contact: Short = Field("", description="Name and how to reach the caller, as confirmed.")
    steps_tried: Steps = Field((), description="What was tried already.")
    article_id: Short = Field("", description="The id of the article used, if any.")


class HandOverArguments(Arguments):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)] = Field(
        description="Why a person is needed."
    )
    summary: Long = Field("", description="The problem so far.")
    urgency: Literal["high", "medium", "low"] = Field("medium", description="How soon a person is needed.")
    contact: Short = Field("", description="Name and how to reach the caller, as confirmed.")
    steps_tried: Steps = Field((), description="What was tried already.")


def article_data(article: Article) -> dict[str, object]:
    """An article as data for a model: what to ask, what to try, what never to do, when to escalate."""
    return {
        "id": article.id,
        "title": article.title,
        "category": article.category,
        "default_impact": article.default_impact,
        "default_urgency": article.default_urgency,
        "ask": [
            {
                "say": ask.spoken,
                "answers": {str(answer): target for answer, target in ask.answers.items()},
                "id": ask.id,
            }
            for ask in article.ask
        ],
        "steps": [
            {"id": step.id, "say": step.spoken, "os": list(step.os), "expect": step.expect, "on_fail": step.on_fail}
            for step in article.steps
        ],
        "verify": article.verify,
        "escalate_if": [rule.model_dump() for rule in article.escalate_if],
        "never": list(article.never),
    }


def helpdesk_tools(articles: Mapping[str, Article], index: PhraseIndex, settings: AgentSettings) -> tuple[Tool, ...]:
    prefix = settings.ticket_prefix

    async def search(arguments: SearchArguments, _context: ToolContext) -> Mapping[str, object]:
        found = [match for match in index.search(arguments.query, limit=2) if match.score >= settings.match_threshold]
        return {"articles": [article_data(articles[match.id]) for match in found]}

    async def create(arguments: TicketArguments, context: ToolContext) -> Mapping[str, object]:
        ticket = NewTicket(
            summary=arguments.summary,
            description=arguments.description,
            category=arguments.category,
            priority=priority_of(arguments.impact, arguments.urgency),
            contact=arguments.contact,
            article_id=arguments.article_id if arguments.article_id in articles else "",
            steps_tried=arguments.steps_tried,
        )
        number = await context.tickets.create_ticket(context.call_id, ticket)
        return {"number": f"{prefix}{number}", "priority": ticket.priority}

    async def hand_over(arguments: HandOverArguments, context: ToolContext) -> Mapping[str, object]:
        ticket = NewTicket(
            summary=f"Call back: {arguments.reason}"[:200],
            description=arguments.summary,
            category="handover",
            priority=priority_of("medium", arguments.urgency),
            contact=arguments.contact,
            steps_tried=arguments.steps_tried,
        )
        number = await context.tickets.create_ticket(context.call_id, ticket)
        return {"number": f"{prefix}{number}", "priority": ticket.priority}

    timeout_s = settings.tool_timeout_s
    return (
        make_tool(
            SEARCH,
            "Finds the helpdesk articles for a problem. Call it before you suggest anything. No result: ask once "
            "more in other words, then offer a ticket.",
            SearchArguments,
            search,
            timeout_s=timeout_s,
        ),
        make_tool(
            CREATE,
            "Creates a ticket and returns its number and priority. Call it only after the caller said yes to the "
            "summary you read back; for a security incident call it at once, with impact and urgency high.",
            TicketArguments,
            create,
            timeout_s=timeout_s,
            writes=True,
        ),
        make_tool(
            HAND_OVER,
            "Asks a person to call back, when the caller wants a human, is angry, or you cannot help.",
            HandOverArguments,
            hand_over,
            timeout_s=timeout_s,
            writes=True,
        ),
    )
