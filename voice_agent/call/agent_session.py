"""The session a client gets with an agent before it asks for anything else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from voice_agent.agents.base import Agent
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.realtime.session_parts import Transcription


def agent_session(
    agent: Agent, wishes: Mapping[str, object] | None, *, captions: bool = False, agents: Collection[str] = ()
) -> SessionConfig:
    """The agent's defaults with the client's `wishes` (its `session` as JSON) on top. The agent's own tools are not
    part of it: they run on the server, and a client that saw them would try to run them.

    `captions`: the client wants transcription events without asking. `agents`: the names of all. Raises ProtocolError.
    """
    config = SessionConfig.create(
        agent_model=agent.name,
        instructions=agent.instructions,
        voice=agent.voice,
        speed=agent.speed,
        language=agent.language,
        kind="transcription" if (wishes or {}).get("type") == "transcription" else "realtime",
        agents=agents,
    )
    if captions:
        config = replace(config, transcription=Transcription())
    return config.updated(wishes, audio_started=False) if wishes else config
