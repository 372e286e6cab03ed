"""Plays the dialogues of voice_agent/agents/evals with the scripted engine, as they are written."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from voice_agent.agents.catalog import load_agents
from voice_agent.agents.evals.dialogues import Dialogue, load_dialogues, load_pauses
from voice_agent.agents.evals.runner import Outcome, play
from voice_agent.settings import Settings

SETTINGS = Settings()
AGENTS = load_agents(SETTINGS)
DIALOGUES = load_dialogues()
NAMES = [f"{dialogue.agent}: {dialogue.name}" for dialogue in DIALOGUES]


async def outcome(dialogue: Dialogue, *, exact: bool = True, keep_assistant_text: bool = True) -> Outcome:
    agent = AGENTS[dialogue.agent]
    return await play(
        dialogue, agent, agent.scripted, SETTINGS.agents, exact=exact, keep_assistant_text=keep_assistant_text
    )


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=NAMES)
async def test_the_dialogue_goes_as_written(dialogue: Dialogue) -> None:
    played = await outcome(dialogue)
    assert played.failures == ()
    assert (await outcome(dialogue, keep_assistant_text=False)).said == played.said, "what the agent said matters"
    assert (await outcome(dialogue, exact=False)).failures == (), "what is asked of any engine is asked of the script"
    for text in played.said:
        assert text
        assert not re.search(r"[*_#`<>{}\[\]|]|https?:|\n|  ", text), text
        assert text.count("?") <= 2, text
        assert len(text.split()) <= 75, text


def test_there_are_enough_dialogues_and_half_are_messy() -> None:
    assert len(DIALOGUES) >= 60
    for agent, least in {"interviewer": 22, "helpdesk": 24, "language-coach": 16}.items():
        own = [dialogue for dialogue in DIALOGUES if dialogue.agent == agent]
        assert len(own) >= least
        assert sum(dialogue.messy for dialogue in own) * 2 >= len(own)


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(NAMES).items() if count > 1] == []


def test_every_agent_is_tried_with_as_many_ends_as_pauses() -> None:
    pauses = load_pauses()
    for agent in AGENTS:
        ends = [pause.finished for pause in pauses if pause.agent == agent]
        assert ends.count(True) == ends.count(False) >= 8
    said = [(pause.asked, pause.caller) for pause in pauses]
    assert len(set(said)) == len(said)
