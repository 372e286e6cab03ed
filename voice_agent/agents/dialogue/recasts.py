"""Recasts: says a learner's sentence back in better English, for errors common among learners.

A small table of patterns, chosen so that a match is nearly always an error. What it does not know stays
uncorrected: no correction is better than a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_MAX_WORDS = 14
_PAST: Mapping[str, str] = {
    "go": "went", "eat": "ate", "see": "saw", "buy": "bought", "have": "had", "make": "made", "come": "came",
    "take": "took", "meet": "met", "drink": "drank", "speak": "spoke", "write": "wrote", "give": "gave",
    "drive": "drove", "sleep": "slept", "get": "got", "work": "worked", "play": "played", "visit": "visited",
    "watch": "watched", "cook": "cooked", "stay": "stayed", "walk": "walked", "study": "studied", "do": "did",
}  # fmt: skip
_PARTICIPLE = {"live": "lived", "learn": "learned", "know": "known"}
_BASE = {past: base for base, past in _PAST.items()}
_THIRD = {
    **{verb: verb + "s" for verb in "work live like want need say make play come take get know think speak eat drink "
       "read write help love drive cook walk visit give see buy meet sleep stay".split()},
    "go": "goes", "do": "does", "have": "has", "watch": "watches", "study": "studies", "teach": "teaches",
}  # fmt: skip
_NUMBER = r"(?:\d{1,3}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -]\w+)?|\w+teen|ten|eleven|twelve)"
_COUNT = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|many|several)"
_WHEN_PAST = re.compile(
    r"\b(?:yesterday|ago|last (?:night|week|weekend|month|year|summer|winter|\w+day))\b", re.IGNORECASE
)
_PLURAL = {"child": "children", "man": "men", "woman": "women", "person": "people"}


@dataclass(frozen=True, slots=True)
class Recast:
    rule: str
    said: str
    better: str
    elicit: str
    """Asks the learner to correct it themselves."""


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    pattern: re.Pattern[str]
    replace: str | Callable[[re.Match[str]], str]
    elicit: str
    when: Callable[[str], bool] = lambda _sentence: True


def _rule(
    name: str,
    pattern: str,
    replace: str | Callable[[re.Match[str]], str],
    elicit: str = "Can you say that once more, a little differently?",
    when: Callable[[str], bool] = lambda _sentence: True,
) -> _Rule:
    return _Rule(name, re.compile(pattern, re.IGNORECASE), replace, elicit, when)


def _is_past(sentence: str) -> bool:
    return bool(_WHEN_PAST.search(sentence))


_AUX = r"(?<!does )(?<!did )(?<!can )(?<!will )(?<!would )(?<!should )(?<!must )(?<!may )(?<!might )(?<!let )(?<!if )"
_THIRD_WORDS = "|".join(_THIRD)
_PAST_WORDS = "|".join(_PAST)
_ELICIT_PAST = "How would you say that in the past?"
_ELICIT_THIRD = "What happens to the verb after he or she?"

_RULES: tuple[_Rule, ...] = (
    _rule(
        "age",
        rf"\bI have ({_NUMBER}) years?(?: old)?\b(?! of| experience)",
        r"I am \1 years old",
        "How do you say your age?",
    ),
    _rule(
        "past",
        rf"\b(I|we|they|you|he|she) ({_PAST_WORDS})\b",
        lambda m: f"{m[1]} {_PAST[m[2].lower()]}",
        _ELICIT_PAST,
        _is_past,
    ),
    _rule(
        "past-third",
        r"\b(he|she) (goes|eats|sees|buys|has|makes|comes|takes)\b",
        lambda m: f"{m[1]} " + _PAST[next(base for base, third in _THIRD.items() if third == m[2].lower())],
        _ELICIT_PAST,
        _is_past,
    ),
    _rule(
        "did-past",
        rf"\b(didn'?t|did not) ({'|'.join(_BASE)})\b",
        lambda m: f"{m[1]} {_BASE[m[2].lower()]}",
        "Which form comes after did not?",
    ),
    _rule("third-negative", r"\b(he|she|it) (?:don'?t|do not)\b", r"\1 doesn't", _ELICIT_THIRD),
    _rule("third", rf"{_AUX}\b(he|she) ({_THIRD_WORDS})\b", lambda m: f"{m[1]} {_THIRD[m[2].lower()]}", _ELICIT_THIRD),
    _rule("agree", r"\b(?:I am|I'm) agree\b", "I agree"),
    _rule("not-agree", r"\b(?:I am|I'm) not agree\b", "I don't agree"),
    _rule(
        "people-is",
        r"\bpeople (is|was|has)\b",
        lambda m: "people " + {"is": "are", "was": "were", "has": "have"}[m[1].lower()],
    ),
    _rule("uncountable-are", r"\b(information|advice|furniture|homework|equipment|luggage)s are\b", r"\1 is"),
    _rule("uncountable", r"\b(information|advice|furniture|homework|equipment|luggage|knowledge)s\b", r"\1"),
    _rule("double-comparative", r"\bmore (better|easier|bigger|faster|cheaper|older|smaller|worse)\b", r"\1"),
    _rule(
        "comparative",
        r"\bmore (easy|big|fast|cheap|old|small)\b",
        lambda m: {"easy": "easier", "big": "bigger"}.get(m[1].lower(), m[1] + "er"),
    ),
    _rule(
        "since-present",
        r"\b(I|we|they) (live|work|study|learn|know|play)\b([^,]{0,40}?)"
        rf" since ({_COUNT}|a|one) (years?|months?|weeks?|days?)\b(?! ago)",
        lambda m: f"{m[1]} have {_PAST.get(m[2].lower()) or _PARTICIPLE[m[2].lower()]}{m[3]} for {m[4]} {m[5]}",
        "How do you say it when it is still so today?",
    ),
    _rule(
        "since-for",
        rf"\bsince ({_COUNT}|a|one) (years?|months?|weeks?|days?|hours?)\b(?! ago)",
        r"for \1 \2",
        "Is it since or for?",
    ),
    _rule("modal-to", r"\b(can|must|should|could|might) to (\w+)", r"\1 \2"),
    _rule(
        "want-that",
        r"\bwant that (you|he|she|they|we) ",
        lambda m: f"want {({'he': 'him', 'she': 'her', 'they': 'them', 'we': 'us'}).get(m[1].lower(), m[1])} to ",
    ),
    _rule("explain-me", r"\bexplain(ed)? (me|him|her|us|them)\b", r"explain\1 to \2"),
    _rule("said-me", r"\bsaid (me|him|her|us|them)\b", r"told \1"),
    _rule(
        "listen",
        r"\b(listen(?:ed|ing|s)?) (music|the|songs|podcasts|a)\b",
        r"\1 to \2",
        "Which little word comes after listen?",
    ),
    _rule("depend", r"\b(depend(?:s|ed)?) of\b", r"\1 on"),
    _rule("married", r"\bmarried with\b", "married to"),
    _rule("interested", r"\binterested (?:on|for|about)\b", "interested in"),
    _rule("good-at", r"\bgood in (math\w*|english|sports?|football|cooking|languages|drawing)\b", r"good at \1"),
    _rule("discuss", r"\b(discuss(?:ed|ing)?) about\b", r"\1"),
    _rule("weekday", r"\bin (monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b", r"on \1"),
    _rule("do-sport", r"\bmake (sports?|homework|exercises?)\b", r"do \1"),
    _rule("make-mistake", r"\b(?:do|did) (an? mistake|mistakes)\b", r"make \1"),
    _rule("go-home", r"\b(go|goes|going|went|come|came) to home\b", r"\1 home"),
    _rule("forward-to", r"\blook(ing)? forward to (meet|see|hear|work)\b", r"look\1 forward to \2ing"),
    _rule("if-would-be", r"\bif (I|he|she|we|they|you) would be\b", r"if \1 were"),
    _rule("if-would-have", r"\bif (I|he|she|we|they|you) would have\b", r"if \1 had"),
    _rule(
        "profession",
        r"\b(I am|I'm|he is|she is|he's|she's) (engineer|teacher|student|doctor|nurse|lawyer|driver|manager"
        r"|developer|cook|architect)\b",
        lambda m: f"{m[1]} {'an' if m[2][0].lower() in 'aeiou' else 'a'} {m[2]}",
        "Which little word comes before the job?",
    ),
    _rule(
        "plural",
        rf"\b({_COUNT}) (brother|sister|year|day|week|month|dog|cat|friend|child|person|colleague)\b(?![- ](?:old"
        rf"|plan|contract))",
        lambda m: f"{m[1]} {_PLURAL.get(m[2].lower(), m[2] + 's')}",
        "And if there are more than one?",
    ),
    _rule(
        "irregular-plural",
        r"\b(childs|childrens|mans|womans|peoples)\b",
        lambda m: {
            "childs": "children",
            "childrens": "children",
            "mans": "men",
            "womans": "women",
            "peoples": "people",
        }[m[1].lower()],
    ),
    _rule("every-days", r"\bevery (day|week|month|year|morning)s\b", r"every \1"),
    _rule("many", r"\bmuch (people|friends|things|books|times|problems)\b", r"many \1"),
    _rule("an", r"\ba (?!uni|use|usu|euro|one\b|once|ut)([aeiou]\w+)", r"an \1"),
    _rule(
        "a",
        r"\ban (?!hour|honest|heir|hono|[aeiou]|(?-i:[A-Z]{2})|x-|mp|sms|fb|f\b|l\b|m\b|n\b|r\b|s\b"
        r"|x\b)([b-df-hj-np-tv-z]\w+)",
        r"a \1",
    ),
)


def recast(text: str) -> Recast | None:
    """The first error in the text that carries meaning, said better; None if none is known."""
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        for rule in _RULES:
            match = rule.pattern.search(sentence)
            if match and rule.when(sentence):
                said, better = _around(sentence, match, rule)
                better = _polish(better)
                if said.casefold() != better.casefold():
                    return Recast(rule.name, said, better, rule.elicit)
    return None


def _polish(text: str) -> str:
    """Corrects what else is known to be wrong: a recast must never repeat an error as if it were right."""
    for rule in _RULES:
        if rule.when(text):
            text = rule.pattern.sub(rule.replace, text)
    return text


def _around(sentence: str, match: re.Match[str], rule: _Rule) -> tuple[str, str]:
    """The sentence, or as much around the error as can be repeated, before and after the correction."""
    before, after = sentence[: match.start()].split(), sentence[match.end() :].split()
    room = max(0, _MAX_WORDS - len(match[0].split()))
    if len(before) + len(after) > room:
        before, after = before[-(room // 2) :] if room > 1 else [], after[: room // 2]
    corrected = match.expand(rule.replace) if isinstance(rule.replace, str) else rule.replace(match)
    said = " ".join([*before, match[0].strip(), *after]).strip(" .,;!?")
    better = " ".join([*before, corrected.strip(), *after]).strip(" .,;!?")
    return said, better[:1].upper() + better[1:]
