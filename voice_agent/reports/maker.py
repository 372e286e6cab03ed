"""Makes the report of one call, from what is known of it, wherever that was kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from voice_agent.agents.base import Agent
from voice_agent.analytics.report import CallMeta
from voice_agent.engines.ports import Message
from voice_agent.facts import CallFacts
from voice_agent.records import Turn
from voice_agent.reports.build import Built, Material
from voice_agent.reports.builder import ReportBuilder
from voice_agent.reports.review import Reviewer

logger = logging.getLogger(__name__)


class ReportMaker:
    def __init__(self, agents: Mapping[str, Agent], reviewer: Reviewer, builder: ReportBuilder) -> None:
        self._agents = agents
        self._reviewer = reviewer
        self._builder = builder

    async def make(self, call: CallMeta, turns: Sequence[Turn], facts: CallFacts | None) -> Built:
        """Without `facts` (the process of the call died) they are worked out from what was said. Raises BuildError."""
        if facts is None:
            facts = self._facts(call.agent, turns)
        pieces = await self._reviewer.pieces(facts)
        return await self._builder.build(
            Material(
                call=call,
                turns=tuple(turns),
                facts=facts,
                scores=pieces.scores,
                model_answers=pieces.model_answers,
                review=pieces.review,
            )
        )

    def _facts(self, agent: str, turns: Sequence[Turn]) -> CallFacts | None:
        found = self._agents.get(agent)
        if found is None or found.facts is None:
            return None
        messages = [
            Message(turn.role, turn.text if turn.role == "user" else turn.heard)
            for turn in sorted(turns, key=lambda turn: turn.seq)
        ]
        try:
            return found.facts([message for message in messages if message.text])
        except Exception:
            logger.exception("The facts of a call could not be worked out")
            return None
