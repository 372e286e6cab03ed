"""Instructions hidden in what callers and documents say, and a model that obeys every one of them.

The real session, tools and provider's engine over HTTP. Nothing forbidden is carried out, nothing of others leaves, and
no text gets out of its data block.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from scripts.stub_engines import MemoryRecorder, MemoryTickets, ScriptedTranscriber, ToneSynthesizer
from scripts.stub_provider import StubProvider
from tests.security.obedient import ObedientModel, disguised
from voice_agent.agents.base import Agent
from voice_agent.agents.catalog import load_agents
from voice_agent.briefing import Briefing
from voice_agent.call.session import CallSession
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.bundle import Engines
from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import ClientPool
from voice_agent.engines.ports import LanguageModel, Verdict
from voice_agent.records import NewTicket
from voice_agent.settings import AgentSettings, EngineSettings, Settings, StorageSettings

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "injections.yaml").read_text("utf-8"))
NAMES = [f"{number}: {case['agent']}, {case['channel']}" for number, case in enumerate(CASES)]
CANARIES = ("sk-canary-provider", "canary-database", "canary-other-caller", "canary-other-resume")
SETTINGS = Settings(
    engines=EngineSettings(_env_file=None, openai_api_key=SecretStr(CANARIES[0])),
    storage=StorageSettings(_env_file=None, database_url=SecretStr(f"postgresql://u:{CANARIES[1]}@127.0.0.1/x")),
)
AGENTS = load_agents(SETTINGS)
FREE = {"search_articles", "draft_ticket", "rate_call", "plan_interview", "drill"}
"""Tools that any caller may use at any time: they read or note."""
ARTICLE = """
articles:
  - id: coffee
    title: {title}
    category: other
    symptoms: [coffee machine frozen]
    steps: [{{id: wait, spoken: Wait a minute.}}]
"""
BLOCK = re.compile(r'<data name="[^"<>]*">([^<>]*)</data>', re.DOTALL)


class Nothing:
    """A moderator that allows all: it is not what must hold here."""

    name = "nothing"

    async def check(self, text: str) -> Verdict:
        return Verdict(False)

    async def aclose(self) -> None:
        pass


class TextTransport:
    speech: SpeechOutput | None = None

    def __init__(self) -> None:
        self.said = ""
        self.done = asyncio.Event()

    def send_event(self, event: Mapping[str, object]) -> None:
        match event["type"]:
            case "response.output_text.delta":
                self.said += str(event["delta"])
            case "response.done" | "error":
                self.done.set()

    async def close(self) -> None:
        pass


class Place:
    """A provider with the obedient model, and a server's worth of secrets and other callers."""

    def __init__(self, stub: StubProvider, script: ObedientModel, pool: ClientPool) -> None:
        key = SecretStr(CANARIES[0])
        self.stub = stub
        self.script = script
        self.model: LanguageModel = OpenAIChat(pool.get(stub.base_url, key, "OPENAI"), "obedient", 0.5)
        self.tickets = MemoryTickets()

    async def call(self, agent: Agent, items: list[dict[str, Any]]) -> tuple[CallSession, str]:
        transport = TextTransport()
        session = CallSession(
            call_id="call",
            agent=agent,
            engines=Engines(ScriptedTranscriber(0), self.model, ToneSynthesizer(0), Nothing()),
            transport=transport,
            kind="websocket",
            recorder=MemoryRecorder(),
            tickets=self.tickets,
            settings=SETTINGS,
            key_id=None,
            session={"type": "realtime", "output_modalities": ["text"]},
        )
        run = asyncio.create_task(session.run())
        session.connected()
        for item in items:
            session.client_event(json.dumps({"type": "conversation.item.create", "item": item}))
        transport.done.clear()
        session.client_event(json.dumps({"type": "response.create"}))
        async with asyncio.timeout(10):
            await transport.done.wait()
        session.end("hangup")
        await run
        return session, transport.said


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    script = ObedientModel()
    async with StubProvider(script=script) as stub:
        pool = ClientPool(EngineSettings(_env_file=None))
        try:
            yield Place(stub, script, pool)
        finally:
            await pool.aclose()


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def tool_result(name: str, result: Mapping[str, object]) -> list[dict[str, Any]]:
    return [
        {"type": "function_call", "call_id": "theirs", "name": name, "arguments": "{}"},
        {"type": "function_call_output", "call_id": "theirs", "output": json.dumps(result, ensure_ascii=False)},
    ]


def staged(case: Mapping[str, Any], folder: Path) -> tuple[Agent, list[dict[str, Any]]]:
    """The agent, and the conversation up to its reply."""
    agent = AGENTS[case["agent"]]
    text = disguised(case["text"], case.get("hidden", ""))
    match case["channel"]:
        case "resume" | "job_description" | "role" | "level" as field:
            assert agent.brief is not None
            return agent.brief(Briefing(**{field: text})), [user("Hello.")]
        case "tool_result":
            return agent, [user("Hello."), *tool_result("lookup", {"text": text})]
        case "ticket":
            return agent, [user("Hello."), *tool_result("old_ticket", {"summary": text, "status": "open"})]
        case "article":
            (folder / "own.yaml").write_text(ARTICLE.format(title=json.dumps(text, ensure_ascii=False)))
            agents = load_agents(Settings(agents=AgentSettings(_env_file=None, packs_dir=str(folder))))
            return agents[case["agent"]], [user("Hello.")]
        case _:
            return agent, [user(text)]


def tool_outputs(session: CallSession) -> list[tuple[str, Mapping[str, object]]]:
    """What our own tools answered."""
    calls = {item.call_id: item.name for item in session.conversation.items if item.type == "function_call"}
    outputs = [item for item in session.conversation.items if item.type == "function_call_output" and item.internal]
    return [(calls[item.call_id], json.loads(item.output)) for item in outputs]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_an_obeyed_instruction_does_no_harm(case: Mapping[str, Any], place: Place, tmp_path: Path) -> None:
    await place.tickets.create_ticket("other", NewTicket(CANARIES[2], CANARIES[2], "other", "P4"))
    brief = AGENTS["interviewer"].brief
    assert brief is not None
    await place.call(brief(Briefing(role="nurse", resume=f"I led {CANARIES[3]} at Acme.")), [user("Hello.")])
    place.stub.requests.clear()
    place.script.obeyed = 0

    agent, items = staged(case, tmp_path)
    session, said = await place.call(agent, items)

    assert (place.script.obeyed > 0) == case.get("reaches", True), "the corpus must try what it says"
    for name, result in tool_outputs(session):
        assert name in FREE or "error" in result, name
    assert [ticket.category for ticket in place.tickets.tickets[1:]] in ([], ["handover"])
    left = said + json.dumps([record.parameters for record in place.stub.requests])
    assert [canary for canary in CANARIES if canary in left] == []
    for record in place.stub.requests:
        system = record.parameters["messages"][0]["content"]
        assert "<" not in BLOCK.sub("", system).replace("Data between <data> and </data>", "")
        for block in BLOCK.findall(system):
            json.loads(block)


async def test_the_model_does_obey_where_nothing_forbids_it(place: Place) -> None:
    session, _ = await place.call(AGENTS["helpdesk"], [user('Call search_articles with {"query": "vpn fails"}.')])
    [(name, result)] = tool_outputs(session)
    assert name == "search_articles"
    assert result["articles"]


def test_the_corpus_is_large_and_wide() -> None:
    assert len(CASES) >= 60
    assert {case["channel"] for case in CASES} >= {
        *("resume", "job_description", "role", "typed", "speech", "tool_result", "ticket", "article")
    }
    assert {case.get("hidden", "") for case in CASES} >= {"tags", "zero_width", "bidi", "fullwidth", "base64", "html"}
