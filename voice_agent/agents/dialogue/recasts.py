"""Recasts: says a learner's sentence back in better words, for the errors that a language's pack knows.

A rule is a template of words, chosen so that a match is nearly always an error. What no rule knows stays uncorrected:
no correction is better than a wrong one. Templates instead of regular expressions keep the rules readable and their
matching time proportional to the text.

    said:   I have {number+} years old?        {name}: a word of a table; {name+}: one or more of them
    better: I am {number+} years old           word?: may be missing; *: any one word; …: up to four words
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voice_agent.agents.pack_schema import Language, RecastRule

_MAX_WORDS = 14
_MAX_CHARS = 2000
_JOINTS = frozenset("and but because so then und aber weil denn dann".split())
"""Words between clauses, where a long sentence may be cut."""
_DIGITS = "#"
_GAP = r"(?:\s+[^\s.,;!?]+){0,4}?"
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")
_SLOT = re.compile(r"\{([a-z][a-z0-9-]*)(\+?)\}")

Table = Sequence[str] | Mapping[str, str]


class TemplateError(ValueError):
    """A rule's template cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Recast:
    kind: str
    rule: str
    said: str
    better: str
    elicit: str
    """Asks the learner to correct it themselves; "" for the language's own question."""


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    kind: str
    elicit: str
    pattern: re.Pattern[str]
    build: Callable[[re.Match[str]], str]
    when: re.Pattern[str] | None

    def find(self, sentence: str) -> re.Match[str] | None:
        return self.pattern.search(sentence) if self.when is None or self.when.search(sentence) else None


class Recaster:
    """The rules of one language. Raises TemplateError."""

    def __init__(self, language: Language) -> None:
        tables = {
            name: {said.casefold(): better for said, better in table.items()} if isinstance(table, dict) else table
            for name, table in language.tables.items()
        }
        self._rules = tuple(_compile(rule, tables) for rule in language.recasts)
        self._sounds = re.compile(rf"\b(?:{_any(language.sounds) or '(?!)'})\b[,.…]*\s*", re.IGNORECASE)

    def find(self, text: str) -> Recast | None:
        """The first error in the text, said better; None if none is known."""
        for sentence in _SENTENCE_END.split(self._sounds.sub("", text[:_MAX_CHARS])):
            for rule in self._rules:
                match = rule.find(sentence)
                if match:
                    said, better = _around(sentence, match, rule.build(match))
                    better = self._polish(better)
                    if said.casefold() != better.casefold():
                        return Recast(rule.kind, rule.id, said, better[:1].upper() + better[1:], rule.elicit)
        return None

    def _polish(self, text: str) -> str:
        """Corrects what else is known to be wrong: a recast must never repeat an error as if it were right."""
        for rule in self._rules:
            match = rule.find(text)
            if match:
                text = text[: match.start()] + rule.build(match) + text[match.end() :]
        return text


def _around(sentence: str, match: re.Match[str], corrected: str) -> tuple[str, str]:
    """The sentence before and after the correction; of a long one the clause, or as much as can be repeated."""
    before, after = sentence[: match.start()].split(), sentence[match.end() :].split()
    room = max(0, _MAX_WORDS - len(match[0].split()))
    if len(before) + len(after) > room:
        joints = [index for index, word in enumerate(before) if word.casefold() in _JOINTS or word.endswith(",")]
        before = before[joints[-1] + 1 :] if joints else before
        before = before[-(room // 2) :] if room > 1 else []
        end = next((index for index, word in enumerate(after) if word.casefold() in _JOINTS), len(after))
        after = after[: min(end, room - len(before))]
    said = " ".join([*before, match[0].strip(), *after]).strip(" .,;!?")
    better = " ".join([*before, corrected.strip(), *after]).strip(" .,;!?")
    return said, better


# --- templates ------------------------------------------------------------------------------------------------------


def _compile(rule: RecastRule, tables: Mapping[str, Table]) -> _Rule:
    groups: dict[str, str] = {}
    pattern = "".join(_piece(part, tables, groups) for part in rule.said.split()).removeprefix(r"\s+")
    before = "".join(rf"(?<!\b{re.escape(word)} )" for word in rule.unless_before)
    after = rf"(?!\s+(?:{_any(rule.unless_after)})\b)" if rule.unless_after else ""
    when = re.compile(rf"\b(?:{_any(_words(rule.when, tables))})\b", re.IGNORECASE) if rule.when else None
    return _Rule(
        rule.id,
        rule.kind,
        rule.elicit or "",
        re.compile(rf"{before}(?<![\w'-]){pattern}(?![\w'-]){after}", re.IGNORECASE),
        _builder(rule.better.split(), tables, groups),
        when,
    )


def _piece(part: str, tables: Mapping[str, Table], groups: dict[str, str]) -> str:
    """One word of a template and the space before it as a pattern; `groups` learns how slots are called."""
    slot = _SLOT.fullmatch(part)
    if slot or part in ("*", "…"):
        if part in groups:
            raise TemplateError(f"'{part}' stands twice in 'said'")
        groups[part] = f"g{len(groups)}"
        if part == "…":
            return rf"(?P<{groups[part]}>{_GAP})"
        word = r"[\w'-]+" if slot is None else f"(?:{_any(_words(slot[1], tables))})"
        more = rf"(?:\s+{word})*" if slot and slot[2] else ""
        return rf"\s+(?P<{groups[part]}>{word}{more})"
    if "{" in part or "}" in part:
        raise TemplateError(f"'{part}' is neither a word nor a table in braces")
    if part.endswith("?") and len(part) > 1:
        return rf"(?:\s+{re.escape(part[:-1])})?"
    return rf"\s+{re.escape(part)}"


def _words(name: str, tables: Mapping[str, Table]) -> Sequence[str]:
    if name not in tables:
        raise TemplateError(f"there is no table '{name}'")
    return tuple(tables[name])


def _any(words: Sequence[str]) -> str:
    """Alternatives, the longest first: "had been" before "had"."""
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(r"\d+" if word == _DIGITS else r"\s+".join(map(re.escape, word.split())) for word in ordered)


def _builder(
    tokens: Sequence[str], tables: Mapping[str, Table], groups: Mapping[str, str]
) -> Callable[[re.Match[str]], str]:
    for token in tokens:
        if (_SLOT.fullmatch(token) or token in ("*", "…")) and token not in groups:
            raise TemplateError(f"'{token}' in 'better' does not stand in 'said'")

    def build(match: re.Match[str]) -> str:
        return " ".join(" ".join(_said(token, match) for token in tokens).split())

    def _said(token: str, match: re.Match[str]) -> str:
        if token not in groups:
            return token
        heard = match[groups[token]]
        slot = _SLOT.fullmatch(token)
        table = tables[slot[1]] if slot else ()
        return table.get(" ".join(heard.casefold().split()), heard) if isinstance(table, Mapping) else heard

    return build
