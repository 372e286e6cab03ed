"""What a helpdesk call came to, and what was noted of the caller, read from its messages alone.

A call of the script is replayed. A call of a language model is read from its tools: what they were asked for and what
they returned. Pure, and also true of calls that broke off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from voice_agent.agents.dialogue.engine import SCRIPTED_CALL, Dialogue
from voice_agent.agents.dialogue.helpdesk_case import Case
from voice_agent.agents.dialogue.helpdesk_script import HelpdeskScript
from voice_agent.agents.form import Form, corrections_in, form_of
from voice_agent.agents.helpdesk_arguments import CREATE, DRAFT, HAND_OVER, INCIDENT, RATE, SEARCH, priority_of
from voice_agent.agents.pack_schema import Article
from voice_agent.agents.tool_history import ToolUse, tool_uses
from voice_agent.engines.ports import Message
from voice_agent.facts import HelpdeskFacts, StepTried

_MAX_PROBLEM_CHARS = 300
_FIRST_WORDS = 4
_GREETING = re.compile(r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening|day))\W*(?:there\W*)?$", re.IGNORECASE)
_ASKS_FOR_RATING = re.compile(r"\b(?:from )?(?:one|1)\b.{0,30}\bto (?:five|5)\b", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"(\d+)\s*$")


def helpdesk_facts(
    messages: Sequence[Message], *, articles: Mapping[str, Article], dialogue: Dialogue[HelpdeskScript]
) -> HelpdeskFacts:
    """`dialogue`: a fresh one, or that of this call."""
    script = _script_of(messages, dialogue)
    return _of_script(messages, script) if script else _of_tools(messages, articles)


def helpdesk_form(messages: Sequence[Message], *, dialogue: Dialogue[HelpdeskScript]) -> Form:
    """What is noted of the caller, for the screen. `dialogue`: a fresh one, or that of this call."""
    script = _script_of(messages, dialogue)
    if script:
        return script.form()
    drafts = [use for use in tool_uses(messages) if use.name in {DRAFT, HAND_OVER} and not use.failed]
    if not drafts:
        return ()
    last = drafts[-1]
    values = {name: _text(last, name) for name in ("name", "contact", "asset")}
    values["problem"] = _text(last, "summary") or _text(last, "reason")
    typed: dict[str, str] = {}
    for message in messages[last.position :]:
        if message.role == "user":
            typed.update(corrections_in(message.text))
    agreed = last.name == HAND_OVER or any(use.name == CREATE and not use.failed for use in tool_uses(messages))
    return form_of({**values, **typed}, frozenset(values if agreed else typed))


def _script_of(messages: Sequence[Message], dialogue: Dialogue[HelpdeskScript]) -> HelpdeskScript | None:
    """The script after these messages, if it led the conversation. Tools tell by the ids of their calls; without any,
    the last answer does."""
    calls = [call for message in messages for call in message.tool_calls]
    if any(not call.call_id.startswith(SCRIPTED_CALL) for call in calls):
        return None
    dialogue.lead(messages)
    answers = (
        index
        for index in range(len(messages) - 1, 0, -1)
        if messages[index].role == "assistant" and messages[index - 1].role == "user"
    )
    last = next(answers, 0)
    expected = dialogue.said_after(messages[:last]).text
    said = messages[last].text.strip() if last else expected
    # What was heard may be cut at its end, and a filler ("Let me check.") may stand before it.
    begins = " ".join(expected.split()[:_FIRST_WORDS])
    if not calls and not (expected.startswith(said) or begins in said):
        return None
    return dialogue.script


def _of_script(messages: Sequence[Message], script: HelpdeskScript) -> HelpdeskFacts:
    cases = script.cases
    case = min(cases, key=lambda case: (case.priority, not case.number, case.solved)) if cases else Case("")
    number = case.number or next((other.number for other in cases if other.number), "")
    return HelpdeskFacts(
        problem=_in_own_words(messages, [case.problem for case in cases]),
        article_id=case.article.id if case.article else "",
        article_title=case.article.title if case.article else "",
        category=case.category if case.article else "",
        priority=case.priority if case.article or number else "",
        steps=_with_open_step(case),
        ticket_number=_number(number),
        ticket_summary=case.summary if number else "",
        escalation=_escalation([case.escalation for case in cases]),
        resolution=case.resolution,
        csat_asked=script.rating_asked,
        csat=script.rating,
    )


def _with_open_step(case: Case) -> tuple[StepTried, ...]:
    return (*case.steps, StepTried(text=case.open_step)) if case.open_step else tuple(case.steps)


def _escalation(kinds: Sequence[str]) -> str:
    return "forced" if "forced" in kinds else "planned" if "planned" in kinds else "none"


def _of_tools(messages: Sequence[Message], articles: Mapping[str, Article]) -> HelpdeskFacts:
    uses = [use for use in tool_uses(messages) if not use.failed]
    article = articles.get(_article_id(uses))
    filed = [use for use in uses if use.name in {CREATE, INCIDENT, HAND_OVER} and use.result.get("number")]
    drafts = [use for use in uses if use.name == DRAFT]
    rated = [use for use in uses if use.name == RATE]
    told = next((use for use in reversed([*drafts, *filed]) if _text(use, "summary")), None)
    fixed = rated[-1].arguments.get("fixed") if rated else None
    number = str(filed[0].result["number"]) if filed else ""
    rating = next((use.arguments["rating"] for use in reversed(rated) if _is_rating(use.arguments.get("rating"))), None)
    asked = bool(rated) or any(m.role == "assistant" and _ASKS_FOR_RATING.search(m.text) for m in messages)
    resolution = "unresolved"
    if fixed is True:
        resolution = "confirmed"
    elif fixed is None and article and not filed:
        resolution = "unconfirmed"
    return HelpdeskFacts.model_validate(
        {
            "problem": _first_problem(messages),
            "article_id": article.id if article else "",
            "article_title": article.title if article else "",
            "category": article.category if article else _text(drafts[-1], "category") if drafts else "",
            "priority": _priority(filed, drafts, article),
            "steps": _steps(uses, worked=fixed is True),
            "ticket_number": _number(number),
            "ticket_summary": _text(told, "summary") if number and told else "",
            "escalation": _escalation([_kind(use) for use in filed]),
            "resolution": resolution,
            "csat_asked": asked,
            "csat": rating,
        }
    )


def _kind(use: ToolUse) -> str:
    """A handover after an incident belongs to it; any other is not what the articles planned."""
    return "forced" if use.name == HAND_OVER and "incident" not in _text(use, "reason").casefold() else "planned"


def _is_rating(value: object) -> bool:
    return type(value) is int and 1 <= value <= 5


def _article_id(uses: Sequence[ToolUse]) -> str:
    """The one that was named last, else the first that was found."""
    named = [_text(use, "article_id") for use in uses if _text(use, "article_id")]
    if named:
        return named[-1]
    for use in uses:
        found = use.result.get("articles") if use.name == SEARCH else None
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return str(found[0].get("id", ""))
    return ""


def _priority(filed: Sequence[ToolUse], drafts: Sequence[ToolUse], article: Article | None) -> str:
    for use in (*filed, *reversed(drafts)):
        if use.result.get("priority"):
            return str(use.result["priority"])
    return priority_of(article.default_impact, article.default_urgency) if article else ""


def _steps(uses: Sequence[ToolUse], *, worked: bool) -> list[StepTried]:
    """The last list that the model gave; what helped is the last of it."""
    lists = [use.arguments["steps_tried"] for use in uses if use.arguments.get("steps_tried")]
    texts = [str(step) for step in lists[-1]] if lists and isinstance(lists[-1], list) else []
    last = len(texts) - 1
    return [
        StepTried(text=text, outcome="worked" if worked and n == last else "failed") for n, text in enumerate(texts)
    ]


def _in_own_words(messages: Sequence[Message], problems: Sequence[str]) -> str:
    """The first of the problems, if the caller said it in just these words."""
    said = [message.text for message in messages if message.role == "user"]
    if problems and problems[0] and any(problems[0] in text for text in said):
        return problems[0]
    return _first_problem(messages)


def _first_problem(messages: Sequence[Message]) -> str:
    said = [message.text.strip() for message in messages if message.role == "user" and message.text.strip()]
    return next((text for text in said if not _GREETING.match(text)), "")[:_MAX_PROBLEM_CHARS]


def _number(reference: str) -> int | None:
    found = _NUMBER.search(reference)
    return int(found[1]) if found else None


def _text(use: ToolUse, name: str) -> str:
    value = use.arguments.get(name, "")
    return value if isinstance(value, str) else ""
