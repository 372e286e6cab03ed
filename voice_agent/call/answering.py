"""The agent's replies at their beginning: what the model is asked, and how the agent sounds in the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from voice_agent.agents.base import Adapter, Agent
from voice_agent.call.minutes import Minutes
from voice_agent.call.rehearsal import clause_splitter
from voice_agent.call.reply import ReplyLimits, ReplyScript
from voice_agent.call.speaking import Speaker
from voice_agent.call.tools import ToolDesk
from voice_agent.engines.ports import Message, ReplyRequest
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.response_config import ResponseConfig
from voice_agent.realtime.session_config import SPEED_RANGE, SessionConfig
from voice_agent.settings import Settings


class Answering:
    """`agent`: as it was at the beginning of the call; `present` tells how it has become since. `session` is what the
    client wants of every reply. `became` is called when the agent's patience has changed."""

    def __init__(
        self,
        agent: Agent,
        present: Adapter,
        *,
        conversation: Conversation,
        minutes: Minutes,
        tools: ToolDesk,
        speaker: Speaker,
        session: Callable[[], SessionConfig],
        became: Callable[[], None],
    ) -> None:
        self._agent = agent
        self._present = present
        self._conversation = conversation
        self._minutes = minutes
        self._tools = tools
        self._speaker = speaker
        self._session = session
        self._became = became
        self.speaking = present(conversation.to_messages())
        """The agent as the caller hears it now: its pace, its language."""
        self._rehearsed = self.speaking
        """The same as it is in the held reply."""
        self.wanted: ResponseConfig | None = None
        """The reply that the client has asked for and that has not begun."""

    def begin(self, reply: int, text: str | None, *, speculative: bool, may_wait: bool = False) -> None:
        """Begins a reply of the model. Speculative: to `text`, which is no turn yet, and held. `may_wait`: it may say
        that the caller has not finished."""
        config = ResponseConfig.of(self._session())
        if self.wanted is not None and not speculative:
            config, self.wanted = self.wanted, None
        script = self._script(config, text, speculative=speculative)
        self._rehearsed = self.speaking
        if config.input is None and script.request is not None:
            self._rehearsed = self._present(script.request.messages)
            if config.instructions == self._agent.instructions:
                request = replace(script.request, instructions=self._rehearsed.instructions)
                script = replace(script, request=request)
        if may_wait:
            script = replace(script, may_wait=True)
        if not speculative:
            self._become(self._rehearsed)
        self._start(reply, script, config, self._rehearsed, held=speculative)

    def say(self, reply: int, text: str) -> None:
        """Speaks words of the agent's own, without asking the model."""
        self._start(reply, ReplyScript(say=text), ResponseConfig.of(self._session()), self.speaking, held=False)

    def say_phrase(self, reply: int, name: str) -> None:
        """Speaks one of the agent's set phrases."""
        self.say(reply, self.speaking.phrases.get(name, ""))

    def release(self, reply: int, due: float) -> None:
        """The turn was committed with the words that the held reply was begun with; it is expected since `due`."""
        self._minutes.judging()
        self._become(self._rehearsed)
        self._speaker.release(reply, due)

    def _become(self, agent: Agent) -> None:
        """From now on the caller hears it like this."""
        before, self.speaking = self.speaking, agent
        if agent.turns != before.turns:
            self._became()

    def _script(self, config: ResponseConfig, text: str | None, *, speculative: bool) -> ReplyScript:
        messages = self._conversation.to_messages(config.input)
        opening = text is None and config.input is None and not messages and not config.out_of_band
        if opening and config.instructions == self._agent.instructions:
            return ReplyScript(say=self._agent.greeting)
        waiting = [*self._minutes.judging()]
        if speculative and text:
            messages.append(Message("user", text))
            waiting.append(text)
        request = ReplyRequest(
            messages=tuple(messages),
            instructions=config.instructions,
            tools=self._tools.offered(config.tools),
            tool_choice=config.tool_choice,
            max_output_tokens=config.max_output_tokens,
            speculative=speculative,
        )
        return ReplyScript(request=request, judge="\n".join(waiting))

    def _start(self, reply: int, script: ReplyScript, config: ResponseConfig, agent: Agent, *, held: bool) -> None:
        """The client's wish for the speed holds beside the caller's: "slower" makes what it is slower."""
        speed = config.speed * agent.speed / self._agent.speed
        config = replace(config, speed=round(min(max(speed, SPEED_RANGE[0]), SPEED_RANGE[1]), 2))
        self._speaker.start(
            reply, script, config, held=held, phrases=agent.phrases, openers=agent.openers, language=agent.language
        )


def reply_limits(settings: Settings) -> ReplyLimits:
    """How far every reply may go."""
    return ReplyLimits(
        filler_after_s=settings.engines.filler_after_ms / 1000,
        max_tool_rounds=settings.turns.max_tool_rounds,
        new_splitter=partial(clause_splitter, settings.speech),
    )
