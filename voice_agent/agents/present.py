"""The agent as it is at one moment of a call: at the pace, and in the language, that the caller has asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from voice_agent.agents.base import Adapter, Agent
from voice_agent.agents.dialogue.grammar import Act, fold, understand
from voice_agent.engines.ports import Message
from voice_agent.settings import AgentSettings

_ABOUT_SPEED = re.compile("slow|fast|quick|speed", re.IGNORECASE)
_FASTER = re.compile(r"\b(?:faster|quicker|speed up|too slow)\b")


def presence(agent: Agent, settings: AgentSettings) -> Adapter:
    """`agent`, or the same with another speed, or what its own `adapt` makes of it."""
    return agent.adapt or partial(_at_pace, agent, settings)


def _at_pace(agent: Agent, settings: AgentSettings, messages: Sequence[Message]) -> Agent:
    tempo = sum(_tempo(message.text) for message in messages if message.role == "user")
    return replace(agent, speed=paced(agent.speed, tempo, settings)) if tempo else agent


def paced(speed: float, tempo: int, settings: AgentSettings) -> float:
    """`speed` made faster (`tempo` above 0) or slower by so many steps, within the limits of the settings."""
    changed = speed * (1 + settings.tempo_step) ** tempo
    return round(min(max(changed, min(speed, settings.slowest)), max(speed, settings.fastest)), 2)


def _tempo(text: str) -> int:
    if not _ABOUT_SPEED.search(text):  # most messages, and the history is read for every reply
        return 0
    utterance = understand(text)
    if not utterance.brief:
        return 0
    return 1 if _FASTER.search(fold(text)) else -utterance.does(Act.SLOWER)
