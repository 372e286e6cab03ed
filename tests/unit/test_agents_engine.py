"""The scripted model as a pure function of its messages, the tools, and what every agent must be."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_agent.agents.base import Agent, Tool, ToolContext, ToolError
from voice_agent.agents.catalog import load_agents
from voice_agent.agents.dialogue.engine import Answer, Dialogue, Script, ScriptedModel
from voice_agent.agents.present import presence
from voice_agent.engines.ports import Finished, Message, ReplyEvent, ReplyRequest, TextDelta, ToolCall
from voice_agent.records import NewTicket
from voice_agent.settings import Settings

AGENTS = load_agents(Settings())
NAMES = sorted(AGENTS)
PHRASES = ("bridge", "filler", "refusal", "idle", "goodbye", "not_heard", "apology")

LINES = st.sampled_from(
    "yes|no|done|repeat|human|skip|pause|continue|end|my wifi is gone|I clicked a phishing link|still broken|five|"
    "it works now|Anna|555 0123|slower|I don't know|this is ridiculous|easy|he go home|developer|hello|"
    "no, and also my printer is offline|I led a team of five and we saved ten percent|um|what".split("|")
)


@dataclass
class Tickets:
    stored: list[NewTicket] = field(default_factory=list)
    delay_s: float = 0

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        await asyncio.sleep(self.delay_s)
        self.stored.append(ticket)
        return 7


def users(*texts: str) -> list[Message]:
    return [Message("user", text) for text in texts]


async def events(agent: Agent, request: ReplyRequest) -> list[ReplyEvent]:
    return [event async for event in agent.scripted.reply(request)]


async def text_of(agent: Agent, messages: Sequence[Message]) -> str:
    found = await events(agent, ReplyRequest(messages, tools=[tool.spec for tool in agent.tools]))
    return "".join(event.text for event in found if isinstance(event, TextDelta))


def tool(agent: str, name: str) -> Tool:
    return next(tool for tool in AGENTS[agent].tools if tool.spec.name == name)


@pytest.mark.parametrize("name", NAMES)
async def test_an_empty_history_gives_the_greeting(name: str) -> None:
    assert await text_of(AGENTS[name], []) == AGENTS[name].greeting


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINES, max_size=14))
def test_any_conversation_is_answered_in_the_same_way_twice(name: str, lines: list[str]) -> None:
    messages = users(*lines)
    first = asyncio.run(text_of(AGENTS[name], messages))
    assert first
    assert first == asyncio.run(text_of(AGENTS[name], messages))


@pytest.mark.parametrize("name", NAMES)
async def test_a_speculative_reply_leaves_no_trace(name: str) -> None:
    agent = AGENTS[name]
    before = await text_of(agent, users("hello", "my wifi is gone"))
    await text_of(agent, users("hello", "my wifi is gone", "I clicked a phishing link"))
    assert await text_of(agent, users("hello", "my wifi is gone")) == before


CALLS = st.builds(
    ToolCall, st.sampled_from(["a", "call_scripted_1"]), st.sampled_from(["create_ticket", "draft_ticket", "drill"])
)
RESULTS = st.sampled_from(['{"number": "INC-55"}', '{"level": "de-a1", "drill": "de-a1-er"}', "no JSON", "{}"])
MESSAGES = st.lists(
    st.one_of(
        st.builds(Message, st.just("user"), LINES | st.just(" ")),
        st.builds(Message, st.just("assistant"), LINES | st.just(""), st.just(()) | st.tuples(CALLS)),
        st.builds(Message, st.just("tool"), RESULTS, call_id=st.sampled_from(["a", "call_scripted_1", "z"])),
    ),
    max_size=5,
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), MESSAGES), max_size=8))
def test_what_follows_a_call_comes_to_the_same_as_what_reads_all_of_it_anew(
    name: str, changes: list[tuple[int, int, list[Message]]]
) -> None:
    """Also where messages at the end are said otherwise, or the oldest are forgotten."""
    agent, tuning = AGENTS[name], Settings().agents
    follower = agent.following() if agent.following else agent
    assert isinstance(agent.scripted, ScriptedModel)
    dialogue = Dialogue(agent.scripted.start)
    messages: list[Message] = []
    for oldest, newest, said in changes:
        messages = [*messages[oldest // 2 : len(messages) - newest], *said]
        assert dialogue.lead(messages) == agent.scripted.answer(messages)
        begun = messages[: len(messages) // 2]
        assert dialogue.said_after(begun) == agent.scripted.answer(begun)
        now, anew = presence(follower, tuning)(messages), presence(agent, tuning)(messages)
        assert replace(now, facts=None, form=None) == replace(anew, facts=None, form=None)
        if agent.form and follower.form:
            assert follower.form(messages) == agent.form(messages)
        if newest and agent.facts and follower.facts:
            assert follower.facts(messages) == agent.facts(messages)


@pytest.mark.parametrize("name", ["helpdesk", "language-coach"])
def test_an_agent_that_has_followed_a_call_hears_nothing_again_for_its_facts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = AGENTS[name]
    assert isinstance(agent.scripted, ScriptedModel)
    script, heard = type(agent.scripted.start()), list[str]()
    understood = script.hear

    def hear(self: Script, text: str) -> Answer:
        heard.append(text)
        return understood(self, text)

    monkeypatch.setattr(script, "hear", hear)
    assert agent.following
    follower, messages = agent.following(), list[Message]()
    assert follower.facts
    for text in ("my wifi is gone", "no", "still broken"):
        messages += [Message("user", text), Message("assistant", "Well.")]
        presence(follower, Settings().agents)(messages)
        if follower.form:
            follower.form(messages)
    follower.facts(messages)
    assert heard == ["my wifi is gone", "no", "still broken"]


def test_what_follows_a_call_hears_each_of_its_words_once() -> None:
    heard: list[str] = []

    class Listening:
        def greeting(self) -> Answer:
            return Answer("Hello.")

        def hear(self, text: str) -> Answer:
            heard.append(text)
            return Answer(text)

        def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
            return None

    dialogue = Dialogue(Listening)
    for end in range(4):
        messages = [Message("user", "one"), Message("assistant", "cut short"[:end]), *users("two", "three")]
        dialogue.lead(messages[: end + 1])
    assert heard == ["one", "two", "three"]
    dialogue.lead(users("one", "four"))
    assert heard[3:] == ["one", "four"]


async def test_it_takes_over_after_another_model_created_the_ticket() -> None:
    call = ToolCall("c1", "create_ticket", "{}")
    result = Message("tool", json.dumps({"number": "INC-55", "priority": "P3"}), call_id="c1")
    history = [*users("my printer is broken, make a ticket"), Message("assistant", "Sure!", (call,)), result]
    assert "INC-55" in await text_of(AGENTS["helpdesk"], history)


async def test_a_search_result_of_another_model_does_not_change_the_answer() -> None:
    call = ToolCall("c1", "search_articles", "{}")
    result = Message("tool", '{"articles": []}', call_id="c1")
    asked = users("no Wi-Fi")
    answer = await text_of(AGENTS["helpdesk"], asked)
    assert await text_of(AGENTS["helpdesk"], [*asked, Message("assistant", "", (call,)), result]) == answer


async def test_an_incident_without_the_ticket_tool_is_not_claimed_to_be_reported() -> None:
    request = ReplyRequest(users("I clicked a phishing link"), tools=())
    found = await events(AGENTS["helpdesk"], request)
    assert not [event for event in found if isinstance(event, ToolCall)]
    assert "could not save" in "".join(event.text for event in found if isinstance(event, TextDelta))


async def test_an_unconfirmed_call_is_not_made_twice_unasked() -> None:
    history = users("I clicked a phishing link", "hello?")
    found = await events(AGENTS["helpdesk"], ReplyRequest(history, tools=[t.spec for t in AGENTS["helpdesk"].tools]))
    assert not [event for event in found if isinstance(event, ToolCall)]


async def test_words_come_one_by_one_and_join_to_the_text() -> None:
    found = await events(AGENTS["interviewer"], ReplyRequest(users("nurse")))
    deltas = [event.text for event in found if isinstance(event, TextDelta)]
    assert len(deltas) > 10
    assert all(len(delta.split()) == 1 for delta in deltas)


async def test_a_limit_of_tokens_ends_the_reply() -> None:
    found = await events(AGENTS["interviewer"], ReplyRequest(users("nurse"), max_output_tokens=3))
    assert len([event for event in found if isinstance(event, TextDelta)]) == 3
    assert found[-1] == Finished("length")


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_is_complete_and_its_speech_is_plain(name: str) -> None:
    agent = AGENTS[name]
    assert agent.name == name
    assert set(PHRASES) <= set(agent.phrases)
    spoken = [agent.greeting, *agent.phrases.values(), *(text for _, text in agent.turns.nudges)]
    assert not [text for text in spoken if not text or re.search(r"[*_#`<>{}\[\]|]|https?:|\n", text)]
    assert len(agent.greeting.split()) / 2.5 <= 12.5, "a greeting of more than about 12 s"
    assert "AI" in agent.greeting
    assert "no audio is kept" in agent.greeting.lower()
    nudges = [seconds for seconds, _ in agent.turns.nudges]
    assert nudges == sorted(nudges)
    assert agent.turns.min_delay_ms < agent.turns.max_delay_ms


async def test_content_cannot_close_its_delimiters() -> None:
    assert AGENTS["helpdesk"].instructions.count("<data name=") == 1
    assert AGENTS["helpdesk"].instructions.count("</data>") == 2, "once in the rules, once after the data"


async def test_search_returns_articles_as_data_and_nothing_for_nonsense() -> None:
    search = tool("helpdesk", "search_articles")
    found = await search.handler({"query": "vpn does not connect"}, ToolContext("c", Tickets()))
    assert json.loads(json.dumps(found))["articles"][0]["id"] == "vpn-fails"
    assert await search.handler({"query": "bake a cake"}, ToolContext("c", Tickets())) == {"articles": []}


async def test_only_tools_that_write_are_marked_so() -> None:
    marked = {tool.spec.name for agent in AGENTS.values() for tool in agent.tools if tool.writes}
    assert marked == {"create_ticket", "report_incident", "hand_to_human"}


async def test_a_drill_and_a_plan_are_handed_out() -> None:
    context = ToolContext("c", Tickets())
    drill = await tool("language-coach", "drill").handler({"level": "en-a1"}, context)
    assert drill["drills_left"] == 6
    with pytest.raises(ToolError, match="en-a1"):
        await tool("language-coach", "drill").handler({"level": "klingon"}, context)
    chosen = await tool("interviewer", "plan_interview").handler({"job": "nurse", "level": "junior"}, context)
    assert len(json.loads(json.dumps(chosen))["questions"]) == 7


@pytest.mark.parametrize(
    "text",
    [
        "I clicked a suspicious link",
        "oh no I clicked on a link in an email and it asked for my details",
        "I opened a strange attachment",
        "there is ransomware on my screen",
        "my account was hacked",
        "I didn't know it was fake and I clicked the link in the mail",
        "there is a ransom note on my screen",
    ],
)
async def test_an_incident_is_reported_at_once_from_any_state(text: str) -> None:
    specs = [tool.spec for tool in AGENTS["helpdesk"].tools]
    for before in ([], ["my wifi is gone"], ["my wifi is gone", "yes"], ["human"]):
        found = await events(AGENTS["helpdesk"], ReplyRequest(users(*before, text), tools=specs))
        assert [event.name for event in found if isinstance(event, ToolCall)] == ["report_incident"]


@pytest.mark.parametrize(
    "text",
    [
        "I have not clicked the suspicious link",
        "should I click the link in this strange email",
        "the printer link is broken",
        "I typed my password and it is wrong",
        "I clicked the meeting link and it does not open",
    ],
)
async def test_what_is_no_incident_is_not_reported(text: str) -> None:
    specs = [tool.spec for tool in AGENTS["helpdesk"].tools]
    found = await events(AGENTS["helpdesk"], ReplyRequest(users(text), tools=specs))
    assert not [event for event in found if isinstance(event, ToolCall)]
