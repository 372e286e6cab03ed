"""The helpdesk's tools: searching the articles, drafting and creating a ticket, handing over, taking the rating.

What a tool may do is decided here, by the conversation itself, and not by the model that asks for it: a ticket needs
a draft that was read back and that the caller did not refuse; an incident needs a caller who spoke of one; a handover
needs a caller who wants it, or tools that fail; a call creates no more than a few. So a model that was talked into
something can do no harm with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from voice_agent.agents.base import Tool, ToolContext, ToolError
from voice_agent.agents.dialogue.grammar import Act, understand
from voice_agent.agents.dialogue.helpdesk_rules import SaysRule, says_rules, told
from voice_agent.agents.form import corrections_in
from voice_agent.agents.helpdesk_arguments import (
    CREATE,
    DRAFT,
    HAND_OVER,
    INCIDENT,
    RATE,
    SEARCH,
    SECURITY,
    CreateArguments,
    DraftArguments,
    HandOverArguments,
    IncidentArguments,
    RateArguments,
    SearchArguments,
    priority_of,
    read_back,
)
from voice_agent.agents.pack_schema import Article
from voice_agent.agents.retrieval import PhraseIndex
from voice_agent.agents.tool_history import ToolUse, tool_uses
from voice_agent.agents.tools import make_tool
from voice_agent.agents.untrusted import cleaned
from voice_agent.engines.ports import Message
from voice_agent.records import NewTicket
from voice_agent.settings import AgentSettings

_OFFERS_PERSON = re.compile(
    r"\b(?:person|human|people|someone|somebody|colleague|technician|agent)\b|\bcalls? (?:you )?back\b", re.IGNORECASE
)
_TOO_MANY_FAILURES = 2
"""Turns of the caller in which a tool failed."""


def article_data(article: Article) -> object:
    """An article as data for a model: what to ask, what to try, what never to do, when to escalate."""
    data = article.model_dump(
        include={
            "id",
            "title",
            "category",
            "default_impact",
            "default_urgency",
            "verify",
            "escalate_if",
            "never",
            "slots",
        }
    )
    asks = [{"id": ask.id, "say": ask.spoken, "answers": ask.answers} for ask in article.ask]
    steps = [
        {"id": step.id, "say": step.spoken, "os": step.os, "expect": step.expect, "on_fail": step.on_fail}
        for step in article.steps
    ]
    return cleaned({**data, "find_out": article.background, "ask": asks, "steps": steps})


def helpdesk_tools(articles: Mapping[str, Article], index: PhraseIndex, settings: AgentSettings) -> tuple[Tool, ...]:
    """Each returns plain data; a refusal is a ToolError that says what has to happen first."""
    prefix = settings.ticket_prefix
    incidents = [rule for rule in says_rules(articles) if rule.rule.priority == "P1"]

    async def search(arguments: SearchArguments, _context: ToolContext) -> Mapping[str, object]:
        found = [match for match in index.search(arguments.query, limit=2) if match.score >= settings.match_threshold]
        return {"articles": [article_data(articles[match.id]) for match in found]}

    async def draft(arguments: DraftArguments, _context: ToolContext) -> Mapping[str, object]:
        priority = priority_of(arguments.impact, arguments.urgency)
        return {"created": False, "priority": priority, "read_back": read_back(arguments)}

    async def create(_arguments: CreateArguments, context: ToolContext) -> Mapping[str, object]:
        messages = context.history()
        uses = tool_uses(messages)
        drafted, done = _agreed_draft(messages, uses)
        if done:
            return {**done, "note": "It was created before; this is its number."}
        return await store(
            context,
            uses,
            NewTicket(
                summary=drafted.summary,
                description=_described(drafted.description, drafted.asset),
                category=drafted.category,
                priority=priority_of(drafted.impact, drafted.urgency),
                contact=_reachable(drafted.name, drafted.contact),
                article_id=known(drafted.article_id),
                steps_tried=drafted.steps_tried,
            ),
        )

    async def incident(arguments: IncidentArguments, context: ToolContext) -> Mapping[str, object]:
        messages = context.history()
        uses = tool_uses(messages)
        before = next((use.result for use in uses if use.name == INCIDENT and not use.failed), None)
        if before:
            return {**before, "note": "It was reported before; this is its number."}
        if not any(_speaks_of_incident(message.text) for message in messages if message.role == "user"):
            raise ToolError("The caller has not spoken of a security incident. Use draft_ticket.")
        ticket = NewTicket(
            summary=arguments.summary,
            description=arguments.description,
            category=SECURITY,
            priority="P1",
            article_id=known(arguments.article_id),
        )
        return await store(context, uses, ticket)

    async def hand_over(arguments: HandOverArguments, context: ToolContext) -> Mapping[str, object]:
        messages = context.history()
        uses = tool_uses(messages)
        if not _wants_person(messages) and not _tools_fail(messages, uses):
            raise ToolError("The caller has not asked for a person. Offer one, and wait for their yes.")
        ticket = NewTicket(
            summary=f"Call back: {arguments.reason}"[:200],
            description=_described(arguments.summary, arguments.asset),
            category="handover",
            priority=priority_of("medium", arguments.urgency),
            contact=_reachable(arguments.name, arguments.contact),
            article_id=known(arguments.article_id),
            steps_tried=arguments.steps_tried,
        )
        return await store(context, uses, ticket)

    async def rate(_arguments: RateArguments, _context: ToolContext) -> Mapping[str, object]:
        return {"noted": True}

    async def store(context: ToolContext, uses: Sequence[ToolUse], ticket: NewTicket) -> Mapping[str, object]:
        team = team_for(articles.get(ticket.article_id), ticket.priority)
        if team:
            ticket = replace(ticket, description=f"{ticket.description}\nTeam: {team}.".strip())
        if sum("number" in use.result for use in uses) >= settings.tickets_per_call:
            raise ToolError("This call has created as many tickets as one call may. Refer the caller to a person.")
        number = await context.tickets.create_ticket(context.call_id, ticket)
        return {"number": f"{prefix}{number}", "priority": ticket.priority}

    def known(article_id: str) -> str:
        return article_id if article_id in articles else ""

    def _speaks_of_incident(text: str) -> bool:
        return speaks_of_incident(text, incidents) or any(
            match.score >= settings.match_threshold and articles[match.id].category == SECURITY
            for match in index.search(text, limit=1)
        )

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
            DRAFT,
            "Prepares a ticket, shows it on the caller's screen and returns the words to read back. It stores nothing. "
            "Call it again whenever a detail changes.",
            DraftArguments,
            draft,
            timeout_s=timeout_s,
        ),
        make_tool(
            CREATE,
            "Creates the ticket of the last draft, once the caller said yes to it, and returns its number.",
            CreateArguments,
            create,
            timeout_s=timeout_s,
            writes=True,
        ),
        make_tool(
            INCIDENT,
            "Reports a security incident at once, without a draft: a clicked link, an opened attachment, a password "
            "given away, malware, a stolen device.",
            IncidentArguments,
            incident,
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
        make_tool(
            RATE,
            "Notes at the end whether it is fixed, and the caller's rating from one to five. Call it also when "
            "they give none.",
            RateArguments,
            rate,
            timeout_s=timeout_s,
        ),
    )


def team_for(article: Article | None, priority: str) -> str:
    """Who takes a ticket: the team of the article's rule with this priority, else of its last one."""
    rules = article.escalate_if if article else ()
    return next((rule.team for rule in rules if rule.priority == priority), rules[-1].team if rules else "")


def speaks_of_incident(text: str, incidents: Sequence[SaysRule]) -> bool:
    words = told(text)
    return any(rule.applies(words) for rule in incidents)


def _wants_person(messages: Sequence[Message]) -> bool:
    """Whether the caller asked for a person at any time, was angry, or said yes when one was offered."""
    offered = False
    for message in messages:
        if message.role == "assistant" and message.text:
            offered = bool(_OFFERS_PERSON.search(message.text))
        elif message.role == "user":
            utterance = understand(message.text)
            if utterance.does(Act.HUMAN, Act.ANGRY) or (offered and utterance.does(Act.YES, Act.DONE)):
                return True
    return False


def _tools_fail(messages: Sequence[Message], uses: Sequence[ToolUse]) -> bool:
    """Whether tools failed in two turns of the caller (a model may try as often as it likes in one), or an incident was
    reported, whose team calls back."""
    if any(use.name == INCIDENT and not use.failed for use in uses):
        return True
    failed = [use.position for use in uses if use.failed]
    turns = {sum(message.role == "user" for message in messages[:position]) for position in failed}
    return len(turns) >= _TOO_MANY_FAILURES


def _agreed_draft(
    messages: Sequence[Message], uses: Sequence[ToolUse]
) -> tuple[DraftArguments, Mapping[str, object] | None]:
    """The last draft, and the result of its creation if that was done already. Raises ToolError where there is none,
    or the caller has not answered it, or said no."""
    drafts = [use for use in uses if use.name == DRAFT and not use.failed]
    if not drafts:
        raise ToolError("There is no draft. Call draft_ticket first and read back what it returns.")
    last = drafts[-1]
    done = next(
        (use.result for use in uses if use.name == CREATE and use.position > last.position and not use.failed), None
    )
    answers = [message.text for message in messages[last.position :] if message.role == "user"]
    if not answers:
        raise ToolError("Read the draft back first, and wait for the caller's yes.")
    if done is None and understand(answers[-1]).does(Act.NO, Act.BROKEN, Act.SKIP):
        raise ToolError("The caller did not agree. Ask what to change, and call draft_ticket again.")
    if done is None and any(corrections_in(answer) for answer in answers):
        raise ToolError("The caller corrected something on the screen. Call draft_ticket again with it.")
    try:
        return DraftArguments.model_validate(dict(last.arguments)), done
    except ValidationError:
        raise ToolError("The draft cannot be read. Call draft_ticket again.") from None


def _described(text: str, asset: str) -> str:
    return "\n".join(filter(None, (text, f"Asset {asset}." if asset else "")))[:2000]


def _reachable(name: str, contact: str) -> str:
    return ", ".join(filter(None, (name, contact)))
