"""Whether a language model tells callers who pause from callers who have finished, when it is asked as in a call."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from voice_agent.agents.base import Agent
from voice_agent.agents.evals.dialogues import Pause
from voice_agent.agents.evals.runner import Failure, Outcome, briefed, engine_failed
from voice_agent.agents.present import presence
from voice_agent.agents.unfinished import RULE, says_finished
from voice_agent.engines.ports import EngineError, LanguageModel, Message, ReplyEvent, ReplyRequest, TextDelta
from voice_agent.settings import AgentSettings


async def judge(pause: Pause, agent: Agent, model: LanguageModel, settings: AgentSettings) -> Outcome:
    """Fails where the model answers into a pause or waits in vain, and where the engine fails or gives no answer in
    time. No more of the reply is read than tells."""
    agent = briefed(agent, pause.briefing)
    messages = (Message("assistant", pause.asked or agent.greeting), Message("user", pause.caller))
    instructions = presence(agent, settings)(messages).instructions + RULE
    request = ReplyRequest(messages, instructions, [tool.spec for tool in agent.tools], speculative=True)
    beginning: list[ReplyEvent] = []
    reason = ""
    try:
        async with asyncio.timeout(settings.eval_reply_timeout_s), aclosing(model.reply(request)) as events:
            finished = await says_finished(events, beginning)
        if finished != pause.finished:
            reason = {True: "answers into the pause", False: "waits in vain", None: "says nothing"}[finished]
    except (EngineError, TimeoutError) as error:
        reason = engine_failed(error)
    said = "".join(event.text for event in beginning if isinstance(event, TextDelta))
    return Outcome(pause, (Failure(1, pause.caller, said, reason),) if reason else (), (said,))
