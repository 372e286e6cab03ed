"""What callers mention in passing: an incident, an outage, how many are affected, which system they use.

Heard in every utterance, whatever was asked, because the most urgent things are rarely said as answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from voice_agent.agents.dialogue.grammar import Act, Utterance, fold
from voice_agent.agents.pack_schema import Article, Escalation, OperatingSystem, Weight

_SYSTEMS: tuple[tuple[OperatingSystem, re.Pattern[str]], ...] = (
    ("windows", re.compile(r"\bwindows\b")),
    ("mac", re.compile(r"\b(?:mac|macbook|imac|macos|apple computer)\b")),
    ("linux", re.compile(r"\b(?:linux|ubuntu)\b")),
    ("ios", re.compile(r"\b(?:iphone|ipad|ios)\b")),
    ("android", re.compile(r"\b(?:android|samsung|pixel)\b")),
)
_GROUP = r"(?:whole|entire) (?:office|team|floor|company|department|building|site|group|room)"
_USE = r"(?:work|print|log ?in|sign ?in|get online|get in|connect|reach|use|open|send)"
_EVERYONE = re.compile(
    r"\b(?:(?:everyone|everybody) (?:here|too|is|has|gets|loses|in|on|at|affected)|for (?:everyone|everybody)"
    rf"|all of us|we all|we are all|were all|{_GROUP}|(?:nobody|no one)(?: \w+){{0,3}} can {_USE})\b"
    r"|^(?:yes )?(?:everyone|everybody)$"
)
_SOME = re.compile(
    r"\b(?:others too|other people|my colleagues?|some of us|a few of us|several (?:people|of us)|my team"
    r"|people here)\b"
)
_ALONE = re.compile(
    r"\b(?:only me|just me|me only|only mine|just mine|only my|others? (?:are|is) fine|it works for others"
    r"|(?:nobody|no one|everyone|everybody) else|not (?:other people|others))\b"
)
_DOWN = re.compile(
    r"\b(?:offline|down|outage|no (?:internet|network|connection)"
    rf"|(?:cant|cannot|nobody can|no one can) {_USE}|(?:nobody|no one)(?: \w+){{0,3}} can {_USE}"
    r"|(?:not|nothing|stopped|isnt|doesnt) work(?:s|ing)?)\b"
)

_WORKS_NOW = re.compile(
    r"\b(?:its|it is|thats|everything is|its all) (?:\w+ )?(?:working|fixed|solved|resolved|back|online)\b"
    r"|\b(?:works|working|fixed|solved|resolved) (?:now|again|fine)\b|^(?:oh )?(?:it|everything) (?:now )?works\b"
)
_DENIAL = frozenset("not never havent didnt hasnt dont doesnt wasnt wont without isnt".split())
_DENIED_WORDS = 5
_SUPPOSED = frozenset("should can could may might must would do if when before shall".split())


@dataclass(frozen=True, slots=True)
class SaysRule:
    """A `says:` condition, ready to be compared: every word of one phrase must occur, and not be denied."""

    article: Article
    rule: Escalation
    phrases: tuple[frozenset[str], ...]

    def applies(self, words: frozenset[str]) -> bool:
        """`words` are those of `told`."""
        return any(phrase and phrase <= words for phrase in self.phrases)


def says_rules(articles: Mapping[str, Article]) -> tuple[SaysRule, ...]:
    """All `says:` conditions of these articles, the most urgent first."""
    rules = [
        SaysRule(article, rule, tuple(_compared(phrase) for phrase in rule.cond.removeprefix("says:").split(",")))
        for article in articles.values()
        for rule in article.escalate_if
        if rule.cond.startswith("says:")
    ]
    return tuple(sorted(rules, key=lambda rule: rule.rule.priority))


def told(text: str) -> frozenset[str]:
    """The words of an utterance as `says:` conditions see them, without those that are denied ("I did *not* click the
    link") or only supposed ("*should I* click the link?")."""
    kept: list[str] = []
    skipped = 0
    words = _as_compared(text).split()
    for index, word in enumerate(words):
        supposed = word in _SUPPOSED and words[index + 1 : index + 2] in (["i"], ["we"])
        if word in _DENIAL or supposed:
            skipped = _DENIED_WORDS
        elif skipped:
            skipped -= 1
        else:
            kept.append(word)
    return frozenset(kept)


def denies(text: str) -> bool:
    return not _DENIAL.isdisjoint(fold(text).split())


def system_in(text: str) -> OperatingSystem | None:
    folded = fold(text)
    found = [system for system, pattern in _SYSTEMS if pattern.search(folded)]
    return found[-1] if found else None


def impact_in(text: str) -> Weight | None:
    """How many are affected, as far as it was said: high for everyone, medium for some, low for the caller alone."""
    folded = fold(text)
    if _ALONE.search(folded):
        return "low"
    if _EVERYONE.search(folded):
        return "high"
    return "medium" if _SOME.search(folded) else None


def works_now(utterance: Utterance) -> bool:
    """The problem has gone, whatever was asked ("oh, it works again")."""
    return utterance.does(Act.FIXED) and bool(_WORKS_NOW.search(fold(utterance.text)))


def tells_outage(text: str) -> bool:
    """Something is down for everyone ("the whole office is offline")."""
    folded = fold(text)
    return bool(_EVERYONE.search(folded) and _DOWN.search(folded)) and not _ALONE.search(folded)


def _as_compared(text: str) -> str:
    return re.sub(r"\bi click\b", "i clicked", fold(text).replace("-", "").replace("email", "mail"))


def _compared(text: str) -> frozenset[str]:
    return frozenset(_as_compared(text).split())
