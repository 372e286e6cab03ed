"""From what the client asked for, the agent's character and the settings to how this call takes turns."""

from __future__ import annotations

from voice_agent.agents.base import Agent
from voice_agent.call.turn_types import TurnConfig
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.realtime.session_parts import SemanticVad, ServerVad
from voice_agent.settings import TurnSettings


def turn_config(session: SessionConfig, agent: Agent, settings: TurnSettings, *, hands_free: bool) -> TurnConfig:
    """`hands_free`: our own page, where the agent minds the silence; other clients do that themselves."""
    spoken = hands_free and session.modality == "audio"
    detection = session.turn_detection
    min_delay_ms, max_delay_ms = agent.turns.min_delay_ms, agent.turns.max_delay_ms
    ask_model = settings.ask_model and settings.speculation and session.kind == "realtime"
    idle_timeout_ms = None
    wrap_up = agent.turns.wrap_up
    if isinstance(detection, ServerVad):
        # The client asked for a fixed silence: no judgement of ours.
        min_delay_ms = max_delay_ms = detection.silence_duration_ms
        idle_timeout_ms = detection.idle_timeout_ms
        ask_model = False
    elif isinstance(detection, SemanticVad) and detection.eagerness != "auto":
        max_delay_ms = detection.max_wait_ms
        ask_model = ask_model and detection.eagerness != "high"
    return TurnConfig(
        detection=detection is not None,
        min_delay_ms=min_delay_ms,
        max_delay_ms=max_delay_ms,
        create_response=session.kind == "realtime" and detection is not None and detection.create_response,
        interrupt_response=detection is not None and detection.interrupt_response and agent.turns.interruptible,
        interrupt_min_ms=settings.interrupt_min_ms,
        interrupt_min_words=settings.interrupt_min_words,
        resume_after_ms=settings.resume_after_ms,
        echo_warmup_ms=settings.echo_warmup_ms,
        final_timeout_ms=settings.final_timeout_ms,
        unclear_min_ms=settings.unclear_min_ms,
        max_unclear=settings.max_unclear,
        max_utterance_s=agent.turns.max_utterance_s or settings.max_utterance_s,
        speculation=settings.speculation,
        max_speculations=settings.max_speculations,
        speculate_from=settings.speculate_from,
        speculation_lead_ms=settings.speculation_lead_ms,
        ask_model=ask_model and detection is not None and detection.create_response,
        judgement_timeout_ms=settings.judgement_timeout_ms,
        max_waits=settings.max_waits,
        max_wrong_waits=settings.max_wrong_waits,
        trust_model_after=settings.trust_model_after,
        cut_into_s=settings.cut_into_s,
        nudges=agent.turns.nudges if spoken else (),
        wrap_up=wrap_up.text if wrap_up and spoken else "",
        wrap_up_after_s=wrap_up.after_s if wrap_up else 0.0,
        wrap_up_pause_ms=wrap_up.pause_ms if wrap_up else 0,
        idle_warning_s=settings.idle_warning_s if hands_free else None,
        idle_end_s=settings.idle_end_s,
        idle_timeout_ms=idle_timeout_ms,
    )
