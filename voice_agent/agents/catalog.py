"""All agents of this server, built once at start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from voice_agent.agents.base import Agent
from voice_agent.agents.helpdesk import helpdesk
from voice_agent.agents.interviewer import interviewer
from voice_agent.agents.language_coach import language_coach
from voice_agent.agents.packs import load_packs
from voice_agent.settings import Settings


def load_agents(settings: Settings) -> Mapping[str, Agent]:
    """The agents by name. Raises PackError if a content pack cannot be used."""
    own = settings.agents
    folder = Path(own.packs_dir) if own.packs_dir else None
    packs = load_packs(folder, max_bytes=own.pack_max_bytes, max_files=own.pack_max_files)
    agents = (
        interviewer(packs.questions, own),
        helpdesk(packs.articles, own),
        language_coach(packs.languages, packs.levels, own),
    )
    return {agent.name: agent for agent in agents}
