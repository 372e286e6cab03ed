"""`voice-agent eval`: with the scripts, and with a language model of the provider over HTTP."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from scripts.stub_provider import StubProvider
from scripts.stub_script import Fault, ReplyRule, Script
from voice_agent.agents.evals.checks import Limits, broken_rules
from voice_agent.commands import evaluate
from voice_agent.settings import AgentSettings, EngineSettings, Settings

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
REPORT = ("report_incident", '{"summary": "Clicked a phishing link"}')
GOOD = [
    ReplyRule("Beginner", "Good. What is your name?"),
    ReplyRule("25 years", "We say: I am 25 years old. Where do you live?"),
    ReplyRule("phishing", "One moment.", tool_calls=[REPORT]),
    ReplyRule("INC-", "Your ticket is written. Please disconnect the computer."),
    ReplyRule("screen", "Is the monitor switched on?"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "some.yaml").write_text(DIALOGUES)
    return tmp_path


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    evaluate.add_parser(parser.add_subparsers())
    return parser.parse_args(["eval", *words])


def settings(stub: StubProvider | None = None, *, reply_timeout_s: float = 30) -> Settings:
    url = stub.base_url if stub else ""
    engines = EngineSettings(
        _env_file=None, language_model_base_url=url, language_model_api_key=SecretStr("k" if stub else "")
    )
    return Settings(engines=engines, agents=AgentSettings(_env_file=None, eval_reply_timeout_s=reply_timeout_s))


async def configured(stub: StubProvider, folder: Path, *, reply_timeout_s: float = 30) -> dict[str, list[str]]:
    """Reasons of failures by dialogue."""
    args = arguments("--engine", "configured", "--dialogues", str(folder))
    outcomes = await evaluate._play_all(args, settings(stub, reply_timeout_s=reply_timeout_s), io.StringIO())
    return {outcome.dialogue.name: [failure.reason for failure in outcome.failures] for outcome in outcomes}


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
