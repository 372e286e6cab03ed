"""What a helpdesk call came to, of the script by replay and of a language model by its tools."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_agent.agents.base import ToolContext, ToolError
from voice_agent.agents.dialogue.engine import SCRIPTED_CALL, ScriptedModel
from voice_agent.agents.helpdesk import helpdesk
from voice_agent.agents.helpdesk_arguments import CREATE, DRAFT, HAND_OVER, INCIDENT, RATE, SEARCH
from voice_agent.agents.packs import load_packs
from voice_agent.engines.ports import Message, ToolCall
from voice_agent.facts import HelpdeskFacts, StepTried
from voice_agent.records import NewTicket
from voice_agent.settings import AgentSettings

SETTINGS = AgentSettings()
PACKS = load_packs(None, max_bytes=SETTINGS.pack_max_bytes, max_files=SETTINGS.pack_max_files)
HELPDESK = helpdesk(PACKS.articles, SETTINGS)
TOOLS = {tool.spec.name: tool for tool in HELPDESK.tools}
QUEUE, READD = (step.spoken for step in PACKS.articles["printer-offline"].steps[1:])


@dataclass
class Talk:
    """A conversation that grows by what is said and by tools that really run."""

    messages: list[Message] = field(default_factory=list)
    created: int = 0

    async def create_ticket(self, _call_id: str, _ticket: NewTicket) -> int:
        self.created += 1
        return 1041 + self.created

    def says(self, *texts: str) -> None:
        """The caller says these, and the script answers each."""
        for text in texts:
            self.messages.append(Message("user", text))
            self._answer()

    def hears(self, text: str) -> None:
        """What a language model says."""
        self.messages.append(Message("assistant", text))

    def calls(self, tool: str, /, *, call_id: str = "", **arguments: object) -> None:
        """A language model calls a tool."""
        self._run(ToolCall(call_id or f"call_{len(self.messages)}", tool, json.dumps(arguments)), "")

    def _answer(self) -> None:
        assert isinstance(HELPDESK.scripted, ScriptedModel)
        answer = HELPDESK.scripted.answer(self.messages)
        if answer.call is None:
            self.hears(answer.text)
            return
        name = f"{SCRIPTED_CALL}{len(self.messages)}"
        self._run(ToolCall(name, answer.call.name, json.dumps(dict(answer.call.arguments))), answer.text)
        self.hears(HELPDESK.scripted.answer(self.messages).text)

    def _run(self, call: ToolCall, text: str) -> None:
        self.messages.append(Message("assistant", text, (call,)))
        context = ToolContext("call-1", self, lambda: self.messages)
        try:
            result = asyncio.run(_handled(call, context))
        except ToolError as error:
            result = {"error": str(error)}
        self.messages.append(Message("tool", json.dumps(result), call_id=call.call_id))

    @property
    def facts(self) -> HelpdeskFacts:
        return facts_of(self.messages)


async def _handled(call: ToolCall, context: ToolContext) -> dict[str, object]:
    return dict(await TOOLS[call.name].handler(json.loads(call.arguments), context))


def facts_of(messages: Sequence[Message]) -> HelpdeskFacts:
    assert HELPDESK.facts
    facts = HELPDESK.facts(messages)
    assert isinstance(facts, HelpdeskFacts)
    return facts


@pytest.fixture
def talk() -> Talk:
    return Talk()


# --- the script -------------------------------------------------------------------------------------------------------


def test_a_problem_that_a_step_solved(talk: Talk) -> None:
    talk.says("hello", "I cannot print", "yes", "done", "no", "done", "yes", "no", "five")
    assert talk.facts == HelpdeskFacts(
        problem="I cannot print",
        article_id="printer-offline",
        article_title="Printer offline",
        category="printing",
        priority="P4",
        steps=(StepTried(text=QUEUE, outcome="failed"), StepTried(text=READD, outcome="worked")),
        resolution="confirmed",
        csat_asked=True,
        csat=5,
    )


def test_a_ticket_that_the_article_planned(talk: Talk) -> None:
    talk.says("I cannot print", "yes", "I won't do that", "no", "yes", "skip", "skip", "skip", "yes")
    facts = talk.facts
    assert [step.outcome for step in facts.steps] == ["skipped", "failed"]
    assert (facts.ticket_number, facts.ticket_summary) == (1042, "Printer offline")
    assert (facts.escalation, facts.resolution, facts.csat_asked) == ("planned", "unresolved", False)


@pytest.mark.parametrize("said", [("human",), ("this is ridiculous",), ("...", "um", "...", "yes", "yes", "skip")])
def test_a_person_who_was_asked_for_or_could_not_be_avoided(talk: Talk, said: tuple[str, ...]) -> None:
    talk.says("I cannot print", *said)
    assert (talk.facts.escalation, talk.facts.resolution) == ("forced", "unresolved")


def test_a_call_that_ended_without_a_word_on_the_step(talk: Talk) -> None:
    talk.says("I cannot print", "yes")
    assert (talk.facts.resolution, talk.facts.steps) == ("unconfirmed", (StepTried(text=QUEUE),))


def test_an_incident_is_the_case_that_counts(talk: Talk) -> None:
    talk.says("I cannot print", "yes", "I clicked a link in a strange e-mail", "skip", "no")
    facts = talk.facts
    assert (facts.article_id, facts.priority, facts.ticket_number) == ("suspicious-email", "P1", 1042)
    assert facts.problem == "I cannot print"


def test_a_call_without_a_problem(talk: Talk) -> None:
    assert facts_of([]) == HelpdeskFacts()
    talk.says("hello", "goodbye")
    assert talk.facts == HelpdeskFacts(problem="goodbye")


def test_a_rating_that_was_asked_for_and_not_given(talk: Talk) -> None:
    talk.says("I cannot print", "yes", "it works now", "no", "skip")
    assert (talk.facts.csat_asked, talk.facts.csat) == (True, None)


@pytest.mark.parametrize(
    "heard", ["That sounds like:", "Let me check. That sounds like: Printer offline. Is the printer"]
)
def test_the_script_is_known_by_what_was_heard_of_it(heard: str) -> None:
    messages = [Message("user", "I cannot print"), Message("assistant", heard), Message("user", "hm")]
    assert facts_of(messages).article_id == "printer-offline"


# --- a language model -------------------------------------------------------------------------------------------------


def model_finds(talk: Talk) -> None:
    talk.messages.append(Message("user", "Hi there"))
    talk.hears("Hello! What can I do for you?")
    talk.messages.append(Message("user", "nothing comes out of the printer"))
    talk.calls(SEARCH, query="printer prints nothing")


def test_a_model_that_solved_it(talk: Talk) -> None:
    model_finds(talk)
    talk.messages.append(Message("user", "it works, four"))
    talk.calls(RATE, fixed=True, rating=4, steps_tried=["cleared the queue", "added it again"])
    assert talk.facts == HelpdeskFacts(
        problem="nothing comes out of the printer",
        article_id="printer-offline",
        article_title="Printer offline",
        category="printing",
        priority="P4",
        steps=(
            StepTried(text="cleared the queue", outcome="failed"),
            StepTried(text="added it again", outcome="worked"),
        ),
        resolution="confirmed",
        csat_asked=True,
        csat=4,
    )


def test_a_model_that_wrote_a_ticket(talk: Talk) -> None:
    model_finds(talk)
    talk.calls(DRAFT, summary="No prints", impact="low", urgency="high", steps_tried=["queue"])
    talk.messages.append(Message("user", "yes please"))
    talk.calls(CREATE)
    facts = talk.facts
    assert (facts.ticket_number, facts.ticket_summary, facts.priority) == (1042, "No prints", "P3")
    assert (facts.escalation, facts.resolution) == ("planned", "unresolved")
    assert facts.steps == (StepTried(text="queue", outcome="failed"),)


def test_a_problem_that_is_left_says_more_than_one_that_was_solved(talk: Talk) -> None:
    for said in (
        "the wifi is slow and also my printer is offline",
        "just me",
        "no",
        "done",
        "yes it works",
        "yes",
        "no",
    ):
        talk.says(said)
    assert (talk.facts.article_id, talk.facts.resolution) == ("printer-offline", "unconfirmed")


def test_a_ticket_that_was_refused_is_no_ticket(talk: Talk) -> None:
    model_finds(talk)
    talk.calls(DRAFT, summary="No prints", impact="low", urgency="high")
    talk.messages.append(Message("user", "no"))
    talk.calls(CREATE)
    assert (talk.facts.ticket_number, talk.facts.escalation, talk.facts.resolution) == (None, "none", "unconfirmed")


def test_a_model_that_handed_over_and_asked_for_a_rating_in_words(talk: Talk) -> None:
    model_finds(talk)
    talk.messages.append(Message("user", "a person, please"))
    talk.calls(HAND_OVER, reason="wants a person", summary="prints nothing")
    talk.hears("How was it, from one to five?")
    assert (talk.facts.escalation, talk.facts.ticket_number, talk.facts.csat_asked) == ("forced", 1042, True)


def test_a_model_that_reported_an_incident(talk: Talk) -> None:
    talk.messages.append(Message("user", "I clicked a link in a weird e-mail"))
    talk.calls(INCIDENT, summary="Clicked a link", article_id="suspicious-email")
    talk.calls(HAND_OVER, reason="security incident INC-1042", contact="5550100")
    assert (talk.facts.priority, talk.facts.category, talk.facts.escalation) == ("P1", "security", "planned")
    assert talk.facts.ticket_number == 1042


def test_a_model_without_a_single_tool_is_not_taken_for_the_script() -> None:
    messages = [
        Message("user", "I cannot print"),
        Message("assistant", "Oh no! Is it switched on?"),
        Message("user", "yes"),
    ]
    assert facts_of(messages) == HelpdeskFacts(problem="I cannot print")


TEXTS = st.sampled_from(
    "yes|no|done|human|I cannot print|I clicked a phishing link|five|Correction, Name: X|…".split("|")
)
JSON = st.sampled_from(
    ["", "{", "[]", "null", '{"number": 5}', '{"number": "INC-9", "priority": 7}', '{"articles": [1]}',
     '{"articles": [{"id": 3}]}', '{"rating": 9, "fixed": "x", "steps_tried": 4}', '{"read_back": null}',
     '{"summary": 3, "contact": []}', '{"error": "no"}'],
)  # fmt: skip
CALLS = st.builds(ToolCall, st.sampled_from(["a", "call_scripted_1"]), st.sampled_from([*TOOLS, "x"]), JSON)
MESSAGES = st.one_of(
    st.builds(Message, st.just("user"), TEXTS),
    st.builds(Message, st.just("assistant"), TEXTS, st.tuples(CALLS) | st.just(())),
    st.builds(Message, st.just("tool"), JSON, call_id=st.sampled_from(["a", "call_scripted_1", "z"])),
)


@settings(max_examples=150, deadline=None)
@given(messages=st.lists(MESSAGES, max_size=12))
def test_any_messages_give_facts_and_a_form(messages: list[Message]) -> None:
    assert HELPDESK.form
    assert facts_of(messages) == facts_of(messages)
    assert all(field.value for field in HELPDESK.form(messages))
