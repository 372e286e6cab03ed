"""What follows from the client's wishes and the agent together: the session, and how the caller is transcribed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from voice_agent.agents.base import Agent
from voice_agent.engines.ports import TranscriptionOptions
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.realtime.session_parts import Transcription


def agent_session(
    agent: Agent, wishes: Mapping[str, object] | None, *, captions: bool = False, agents: Collection[str] = ()
) -> SessionConfig:
    """What a client gets before it asks for anything else: the agent's defaults with the client's `wishes` (its
    `session` as JSON) on top. The agent's own tools are not part of it: they run on the server, and a client that saw
    them would try to run them.

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


def transcription_options(session: SessionConfig, agent: Agent) -> TranscriptionOptions:
    """For the next utterance. `agent`: as it speaks now."""
    wanted = session.transcription
    return TranscriptionOptions(
        language=replace(session, language=agent.language).transcription_language,
        prompt=(wanted.prompt if wanted else "") or agent.transcription_prompt,
        hints=wanted.keywords if wanted else (),
        model=wanted.model if wanted else "",
    )
