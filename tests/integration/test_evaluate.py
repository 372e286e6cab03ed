"""`voice-agent eval`: with the scripts, and with a language model of the provider over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from scripts.stub_provider import StubProvider
from scripts.stub_script import Delays, Fault, ReplyRule, Script
from voice_agent.agents.catalog import load_agents
from voice_agent.agents.evals.checks import Limits, broken_rules
from voice_agent.agents.evals.dialogues import DialogueError, Pause, load_pauses
from voice_agent.agents.unfinished import RULE
from voice_agent.briefing import Briefing
from voice_agent.commands import evaluate
from voice_agent.settings import AgentSettings, EngineSettings, Settings, TurnSettings

DIALOGUES = """
- name: a lesson
  agent: language-coach
  turns:
    - {caller: "Beginner, please.", means: "your name", speed: 0.8}
    - {caller: "I have 25 years.", means: "I am 25", never_says: "wrong"}
- name: a ticket
  agent: helpdesk
  turns:
    - {caller: "I clicked a phishing link.", calls: report_incident, with: {summary: "clicked a phishing LINK"}}
  tickets: [{priority: P1}]
- name: nothing to report
  agent: helpdesk
  turns:
    - {caller: "My screen is dark.", never_says: "ticket"}
  tickets: []
"""
PAUSES = """
- {name: the problem, agent: helpdesk, caller: "my lamp is", finished: false}
- {name: the problem, agent: helpdesk, caller: "my lamp is dark", finished: true}
- {name: the door, agent: helpdesk, asked: "Which door?", caller: "the one between", finished: false}
- {name: the door, agent: language-coach, briefing: {level: en-a1}, caller: "A red door.", finished: true}
"""
REPORT = ("report_incident", '{"summary": "Clicked a phishing link"}')
GOOD = [
    ReplyRule("Beginner", "Good. What is your name?"),
    ReplyRule("25 years", "We say: I am 25 years old. Where do you live?"),
    ReplyRule("phishing", "One moment.", tool_calls=[REPORT]),
    ReplyRule("INC-", "Your ticket is written. Please disconnect the computer."),
    ReplyRule("screen", "Is the monitor switched on?"),
]


WAITS = [ReplyRule("is$", "… "), ReplyRule("between$", "...")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "some.yaml").write_text(DIALOGUES)
    return tmp_path


@pytest.fixture
def pauses(folder: Path) -> Path:
    (folder / "pauses.yaml").write_text(PAUSES)
    return folder


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    evaluate.add_parser(parser.add_subparsers())
    return parser.parse_args(["eval", *words])


def settings(stub: StubProvider | None = None, *, reply_timeout_s: float = 30, ask_model: bool = True) -> Settings:
    url = stub.base_url if stub else ""
    engines = EngineSettings(
        _env_file=None, language_model_base_url=url, language_model_api_key=SecretStr("k" if stub else "")
    )
    return Settings(
        engines=engines,
        agents=AgentSettings(_env_file=None, eval_reply_timeout_s=reply_timeout_s),
        turns=TurnSettings(_env_file=None, ask_model=ask_model),
    )


async def configured(stub: StubProvider, folder: Path, *, reply_timeout_s: float = 30) -> dict[str, list[str]]:
    """Reasons of failures by dialogue."""
    args = arguments("--engine", "configured", "--dialogues", str(folder))
    outcomes = await evaluate._play_all(args, settings(stub, reply_timeout_s=reply_timeout_s), io.StringIO())
    return {outcome.entry.name: [failure.reason for failure in outcome.failures] for outcome in outcomes}


async def test_a_model_that_behaves_passes(folder: Path) -> None:
    async with StubProvider(script=Script(replies=GOOD)) as stub:
        assert await configured(stub, folder) == {"a lesson": [], "a ticket": [], "nothing to report": []}


async def test_a_model_that_does_not_is_told_why(folder: Path) -> None:
    bad = [
        ReplyRule("Beginner", "**Great!** Was ist der Name und wie sind Sie zu der Schule gekommen, und was ist das?"),
        ReplyRule("25 years", "That is wrong. Why? How?"),
        ReplyRule("phishing", "I have created a ticket for you."),
        ReplyRule("screen", "", tool_calls=[REPORT]),
        ReplyRule("INC-|error", "I have written a ticket."),
    ]
    async with StubProvider(script=Script(replies=bad)) as stub:
        found = await configured(stub, folder)
    assert found["a lesson"] == [
        "does not say 'your name'",
        "cannot be spoken: '*'",
        "speaks de, not en",
        "does not say 'I am 25'",
        "says 'wrong'",
        "2 questions are more than 1",
    ]
    assert found["a ticket"] == [
        "creates 0 tickets, not 1",
        "never calls report_incident with {'summary': 'clicked a phishing LINK'}",
    ]
    assert found["nothing to report"] == ["says 'ticket'", "calls report_incident, which nothing called for"]


async def test_a_model_that_fails_or_stalls_fails_the_dialogue_and_nothing_else(folder: Path) -> None:
    async with StubProvider(script=Script(replies=GOOD)) as stub:
        stub.fail(Fault("chat", "status", status=401, code="invalid_api_key", count=None))
        found = await configured(stub, folder)
        assert all(reasons[0].startswith("the engine failed: ") for reasons in found.values())
        stub.recover()
        stub.fail(Fault("chat", "stall", count=None))
        found = await configured(stub, folder, reply_timeout_s=0.05)
    assert set(map(tuple, found.values())) == {("the engine failed: no answer in time",)}


def test_the_scripts_pass_and_the_result_can_be_read_by_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.run(arguments("--agent", "language-coach", "--json"), settings()) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["failures"] == []
    assert result["agents"]["language-coach"]["passed"] >= 16


def test_too_few_passes_make_it_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ("--dialogues", str(folder), "--agent", "language-coach")
    (folder / "more.yaml").write_text(
        "- {name: wrong, agent: language-coach, turns: [{caller: hello, says: bananas, calls: drill}]}"
    )
    assert evaluate.run(arguments(*args), settings()) == 1
    shown = capsys.readouterr().out
    assert "language-coach, wrong:\n  turn 1: does not say 'bananas'\n      caller: hello\n      agent:  " in shown
    assert "calls no tool, not drill" in shown
    assert evaluate.run(arguments(*args, "--at-least", "0"), settings()) == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--agent", "cook"), "there is no agent 'cook'"),
        (("--only", "bananas"), "no dialogue fits"),
        (("--dialogues", "/nonexistent"), "there are no dialogues here"),
        (("--engine", "configured"), "no language model is configured"),
    ],
)
def test_what_cannot_be_played_is_explained(
    words: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert evaluate.run(arguments(*words), settings()) == 2
    assert problem in capsys.readouterr().err


def test_instructions_in_a_reply_are_noticed_but_data_is_not() -> None:
    limits = Limits(sentences=8, questions=1, words=75)
    secret = "Never reset a password or a second factor and always ask for the ticket number first"
    text = "Which of the rooms have you been in this morning before it happened to the others?"
    instructions = f'{secret}.<data name="plan">"{text}"</data>'
    leaked = f"My rules say: {secret.lower()}."
    assert list(broken_rules(leaked, language="en", instructions=instructions, limits=limits)) == [
        "quotes its instructions"
    ]
    assert list(broken_rules(text, language="en", instructions=instructions, limits=limits)) == []


async def judged(
    stub: StubProvider, folder: Path, *words: str, reply_timeout_s: float = 30, ask_model: bool = True
) -> dict[str, str]:
    """What was wrong by the caller's words; empty: nothing."""
    args = arguments("--engine", "configured", "--dialogues", str(folder), *words)
    own = settings(stub, reply_timeout_s=reply_timeout_s, ask_model=ask_model)
    outcomes = await evaluate._play_all(args, own, io.StringIO())
    return {
        outcome.entry.caller: "".join(failure.reason for failure in outcome.failures)
        for outcome in outcomes
        if isinstance(outcome.entry, Pause)
    }


async def test_a_model_that_tells_pauses_from_ends_is_found_to(pauses: Path) -> None:
    async with StubProvider(script=Script(replies=WAITS)) as stub:
        found = await judged(stub, pauses)
        assert found == {"my lamp is": "", "my lamp is dark": "", "the one between": "", "A red door.": ""}
        assert set(await judged(stub, pauses, "--agent", "language-coach")) == {"A red door."}


@pytest.mark.parametrize(
    ("reply", "lamp", "dark"), [("What is it?", "answers into the pause", ""), (" …", "", "waits in vain")]
)
async def test_a_model_that_always_or_never_waits_is_told_so(reply: str, lamp: str, dark: str, pauses: Path) -> None:
    async with StubProvider(script=Script(constant_reply=reply)) as stub:
        found = await judged(stub, pauses, "--only", "problem")
    assert found == {"my lamp is": lamp, "my lamp is dark": dark}


async def test_a_model_is_asked_about_a_pause_as_in_a_call(pauses: Path) -> None:
    async with StubProvider() as stub:
        await judged(stub, pauses, "--only", "the door")
        asked = {request.parameters["messages"][-1]["content"]: request.parameters for request in stub.requests}
    assert set(asked) == {"the one between", "A red door."}
    agents = load_agents(settings())
    door = asked["the one between"]
    assert [message["role"] for message in door["messages"]] == ["system", "assistant", "user"]
    assert door["messages"][0]["content"] == agents["helpdesk"].instructions + RULE
    assert door["messages"][1]["content"] == "Which door?"
    assert {tool["function"]["name"] for tool in door["tools"]} == {tool.spec.name for tool in agents["helpdesk"].tools}
    brief = agents["language-coach"].brief
    assert brief is not None
    assert asked["A red door."]["messages"][1]["content"] == brief(Briefing(level="en-a1")).greeting


async def test_no_more_of_a_reply_is_read_than_its_beginning(pauses: Path) -> None:
    long = Script(constant_reply="word " * 200)
    async with StubProvider(script=long, delays=Delays(tokens_per_s=5)) as stub:
        await judged(stub, pauses, "--only", "the door")
        await stub.until(lambda s: [request.outcome for request in s.requests] == ["disconnected"] * 2)


async def test_a_model_that_fails_or_stalls_fails_the_pause(pauses: Path) -> None:
    async with StubProvider() as stub:
        stub.fail(Fault("chat", "status", status=401, code="invalid_api_key", count=None))
        assert all(reason.startswith("the engine failed: ") for reason in (await judged(stub, pauses)).values())
        stub.recover()
        stub.fail(Fault("chat", "stall", count=None))
        found = await judged(stub, pauses, "--only", "the problem", reply_timeout_s=0.05)
    assert set(found.values()) == {"the engine failed: no answer in time"}


async def test_pauses_are_left_out_where_no_model_may_wait(pauses: Path) -> None:
    async with StubProvider() as stub:
        assert await judged(stub, pauses, ask_model=False) == {}
    args = arguments("--dialogues", str(pauses), "--only", "the door")
    with pytest.raises(DialogueError, match="no dialogue fits"):
        await evaluate._play_all(args, settings(), io.StringIO())


async def test_many_dialogues_do_not_hide_pauses_that_go_wrong(
    pauses: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(*words: str) -> int:
        args = arguments("--engine", "configured", "--dialogues", str(pauses), *words)
        return await asyncio.to_thread(evaluate.run, args, settings(stub))

    async with StubProvider(script=Script(replies=[*GOOD, WAITS[0]])) as stub:
        assert await run("--at-least", "76") == 1
        shown = capsys.readouterr().out
        assert await run("--at-least", "75", "--json") == 0
        result = json.loads(capsys.readouterr().out)
    assert shown.splitlines() == [
        "helpdesk, the door:",
        "  turn 1: answers into the pause",
        "      caller: the one between",
        "      agent:  You",
        "language-coach: 1 of 1 pass (100 %)",
        "helpdesk: 2 of 2 pass (100 %)",
        "pauses: 1 of 2 are waited in, 2 of 2 ends are answered (75 %)",
    ]
    assert result["agents"]["helpdesk"] == {"dialogues": 2, "passed": 2}
    assert result["pauses"] == {"unfinished": 2, "waited": 1, "finished": 2, "answered": 2}
    assert [failure["reason"] for failure in result["failures"]] == ["answers into the pause"]


def test_a_file_of_pauses_that_cannot_be_used_is_named(folder: Path) -> None:
    (folder / "pauses.yaml").write_text("- {name: a word, agent: helpdesk, caller: yes, finished: true}")
    with pytest.raises(DialogueError, match=r"pauses\.yaml: [^,]*\ncaller\n"):
        load_pauses(folder)
