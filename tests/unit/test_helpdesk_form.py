"""What the helpdesk has noted is shown to the caller and corrected by typing: in a whole call, and as a function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from scripts import autojump
from tests.call_rig import Rig
from voice_agent.agents.dialogue.engine import SCRIPTED_CALL, ScriptedModel
from voice_agent.agents.form import corrections_in, form_of
from voice_agent.agents.helpdesk import helpdesk
from voice_agent.agents.packs import load_packs
from voice_agent.engines.ports import EngineError, Finished, Message, ReplyEvent, ReplyRequest, TextDelta, ToolCall
from voice_agent.settings import AgentSettings

SETTINGS = AgentSettings()
PACKS = load_packs(None, max_bytes=SETTINGS.pack_max_bytes, max_files=SETTINGS.pack_max_files)
HELPDESK = helpdesk(PACKS.articles, SETTINGS)
DRAFT = {"summary": "Wi-Fi gone", "impact": "low", "urgency": "low", "name": "Tom", "contact": "5550100"}


def shown(form: Any) -> list[tuple[str, str, bool]]:
    return [(field["name"], field["value"], field["confirmed"]) for field in form["fields"]]


def by_script(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
    assert isinstance(HELPDESK.scripted, ScriptedModel)
    answer = HELPDESK.scripted.answer(request.messages)
    if answer.call is None:
        return [TextDelta(answer.text), Finished("stop")]
    name = f"{SCRIPTED_CALL}{len(request.messages)}"
    call = ToolCall(name, answer.call.name, json.dumps(dict(answer.call.arguments)))
    return [TextDelta(answer.text), call, Finished("tool_calls")]


def test_a_call_shows_what_was_noted_and_takes_what_is_typed() -> None:
    async def scenario() -> None:
        corrections = "Correction, Name: Anna Berg\nCorrection, Phone or e-mail: anna@example.org"
        async with Rig(by_script, the_agent=HELPDESK) as call:
            for text in ("I lost my work phone.", "It was stolen.", "Anna Burg", corrections):
                call.types(text)
                await call.until("output_audio_buffer.stopped")
            forms = [event for event in call.events if event["type"] == "agent.form"]
            problem = ("problem", "Lost or stolen device", True)
            assert [shown(form) for form in forms] == [
                [problem],
                [("name", "Anna Burg", False), problem],
                [("name", "Anna Berg", True), ("contact", "anna@example.org", True), problem],
            ]
            assert "asset tag" in call.caller_heard[-1]

    autojump.run(scenario())


def model_that_files(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
    """A language model that drafts, reads back what it got, and creates as soon as the caller has spoken again."""
    last = request.messages[-1]
    if last.role == "tool":
        return [TextDelta(str(next(iter(json.loads(last.text).values()))) + "."), Finished("stop")]
    drafted = any(call.name == "draft_ticket" for message in request.messages for call in message.tool_calls)
    name, arguments = ("create_ticket", "{}") if drafted else ("draft_ticket", json.dumps(DRAFT))
    return [ToolCall(f"call_{len(request.messages)}", name, arguments), Finished("tool_calls")]


@pytest.mark.parametrize(("answer", "tickets"), [("yes please create it", 1), ("no that is not what I said", 0)])
def test_a_model_creates_what_the_caller_agreed_to_by_voice_and_nothing_else(answer: str, tickets: int) -> None:
    async def scenario() -> None:
        async with Rig(model_that_files, the_agent=HELPDESK) as call:
            await call.wait(0.5)
            await call.says("my wifi is gone please write a ticket")
            await call.until("output_audio_buffer.stopped")
            await call.says(answer)
            await call.until("output_audio_buffer.stopped")
            assert len(call.tickets.tickets) == tickets
            forms = [shown(event) for event in call.events if event["type"] == "agent.form"]
            assert [confirmed for _, _, confirmed in forms[-1]] == [bool(tickets)] * 3

    autojump.run(scenario())


def drafted(*after: Message) -> list[Message]:
    call = ToolCall("call_a1", "draft_ticket", json.dumps(DRAFT))
    result = Message("tool", json.dumps({"created": False, "priority": "P4", "read_back": "…"}), call_id="call_a1")
    return [Message("user", "my wifi is gone"), Message("assistant", "", (call,)), result, *after]


def read(messages: list[Message]) -> list[tuple[str, str, bool]]:
    assert HELPDESK.form
    return [(field.name, field.value, field.confirmed) for field in HELPDESK.form(messages)]


def test_with_a_language_model_the_form_is_its_last_draft() -> None:
    assert read(drafted()) == [("name", "Tom", False), ("contact", "5550100", False), ("problem", "Wi-Fi gone", False)]


def test_what_was_typed_after_the_draft_counts_before_it_is_drafted_again() -> None:
    messages = drafted(Message("user", "Correction, Name: Thom"))
    assert read(messages)[0] == ("name", "Thom", True)


def test_nothing_is_shown_before_a_ticket_is_spoken_of() -> None:
    assert read([]) == []
    assert read([Message("user", "my wifi is gone")]) == []
    said = [Message("user", "my wifi is gone"), Message("assistant", "Oh dear. Which room are you in?")]
    assert read([*said, Message("user", "human"), Message("assistant", "Sure, what is your number?")]) == []


def test_a_correction_at_any_point_leads_back_to_what_was_asked() -> None:
    assert isinstance(HELPDESK.scripted, ScriptedModel)
    said = ["the Wi-Fi is slow", "no", "yes", "no", "no", "yes", "skip"]
    for count in range(len(said) + 1):
        before = [Message("user", text) for text in said[:count]]
        asked = HELPDESK.scripted.answer(before)
        answer = HELPDESK.scripted.answer([*before, Message("user", "Correction, Asset tag: LT 1")])
        assert answer.call or answer.text.endswith((asked.text[-12:], "yes or no."))


def test_only_lines_that_name_a_field_correct_it() -> None:
    assert corrections_in("correction: asset tag: LT 4572") == {"asset": "LT 4572"}
    both = corrections_in("Correction, Phone or e-mail: a@b.org\nCorrection, Name: Al")
    assert both == {"contact": "a@b.org", "name": "Al"}
    for text in ("my name is Al", "Name: Al", "Correction, Priority: P1", "Correction, Name:", "correction"):
        assert corrections_in(text) == {}


def test_a_form_has_its_fields_in_the_order_of_the_screen() -> None:
    fields = form_of({"problem": "x", "contact": "1", "asset": ""}, frozenset({"problem"}))
    assert [(field.label, field.confirmed) for field in fields] == [("Phone or e-mail", False), ("Problem", True)]
