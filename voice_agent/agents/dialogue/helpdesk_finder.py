"""Finds out which article a caller's words are about, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voice_agent.agents.dialogue.helpdesk_rules import SaysRule, told
from voice_agent.agents.helpdesk_arguments import SECURITY
from voice_agent.agents.pack_schema import Article, Escalation
from voice_agent.agents.retrieval import PhraseIndex


@dataclass(frozen=True, slots=True)
class Found:
    """`articles`: what may be meant, the best first. `sure`: near enough, and nothing else as near."""

    articles: tuple[Article, ...]
    sure: bool

    @property
    def best(self) -> Article:
        return self.articles[0]


@dataclass(frozen=True, slots=True)
class Finder:
    """What a helpdesk knows. `says`: all conditions on what callers say, the most urgent first. See `AgentSettings` for
    `threshold`, `sure` and `margin`."""

    articles: Mapping[str, Article]
    index: PhraseIndex
    says: tuple[SaysRule, ...]
    threshold: float
    sure: float
    margin: float

    def find(self, text: str) -> Found | None:
        """What the text may be about; None if it is nothing known. Of those that are equally near, incidents first."""
        near = [match for match in self.index.search(text, limit=2) if match.score >= self.threshold] if text else []
        if not near:
            return None
        rivals = [match for match in near if match.score >= near[0].score * (1 - self.margin)]
        # One word ("message") is too little to ask people about an attack on them.
        vague = self.articles[near[0].id].category == SECURITY and self.index.content(text) < 2
        if near[0].score >= self.sure and len(rivals) == 1 and not vague:
            return Found((self.articles[near[0].id],), sure=True)
        meant = (self.articles[match.id] for match in rivals)
        return Found(tuple(sorted(meant, key=lambda article: article.category != SECURITY)), sure=False)

    def other(self, text: str, than: Article | None) -> Article | None:
        """Another article that the words surely mean."""
        found = self.find(text)
        return found.best if found and found.sure and found.best is not than else None

    def incident(self, text: str) -> SaysRule | None:
        """What has to be reported at once."""
        words = told(text)
        return next((rule for rule in self.says if rule.rule.priority == "P1" and rule.applies(words)), None)

    def said(self, article: Article, text: str) -> Escalation | None:
        """The article's own rule for what was said."""
        words = told(text)
        return next((rule.rule for rule in self.says if rule.article is article and rule.applies(words)), None)
