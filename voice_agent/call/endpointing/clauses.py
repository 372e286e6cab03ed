"""Does a clause, a list or a subject want more, though its last word does not? Pure functions over words and their
classes (`grammar`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_agent.call.endpointing import words as table
from voice_agent.call.endpointing.grammar import FINITE, Said, negative
from voice_agent.call.endpointing.levels import COMPLETE, DOUBTFUL, OPEN, PROBABLE, UNDER_WAY, WAITING

_SECOND_VERB = re.compile(r"c[rR]*(?:[si]?[xrRD]*[vVe]|X[rRD]*[vVegG]*)")
"""Of the same clause: "and log in", "and I click"."""
_RELATIVE_CLAUSE = re.compile(r"(?:d[anr#RDg]*n+|q[aro]?n*|n)(?:p[dao#]*n+|r)*(?=[wisX])")
_TIME_AND_SUBJECT = re.compile(r"(?:d[a#]*)?[nrR]+(?=[siqXd])|i(?=[siqXd])")
""""After the update everything"."""
_NEW_SUBJECT = re.compile(r"[nr](?:d[anr#]*n+|q)$")
""""At the end of the project the customer"."""
_PROMISES = re.compile(
    r"\b(skills|tasks|duties|responsibilities|hobbies|interests|strengths|weaknesses|languages|names|people|colleagues"
    r"|members|options|reasons|symptoms|steps|things|tools|programs|programmes|subjects|ingredients|countries|cities"
    r"|goals|jobs|roles|apps|applications|systems|devices|sports|places|projects|days|values|priorities|qualities"
    r"|problems|issues)( (i|we) \w+)? (are|were)(?P<named>( \w+){1,4})$"
    r"|\bthere (are|were) (two|three|four|five|six|several|\d+) of (us|them)$"
)
"""More than one thing, and names one at most."""
_COUNTED = (
    "(?:things?|problems?|issues?|reasons?|points?|questions?|steps|ways|possibilities|parts|topics|concerns|goals"
    "|errors|symptoms|examples|options|items|tasks|requests|advantages|disadvantages|benefits|changes|differences"
    "|mistakes|ideas|suggestions)"
)
_AMOUNTS = {"two": 2, "a_couple of": 2, "three": 3, "a_few": 3, "several": 3, "four": 4, "five": 5}
_ANNOUNCES = re.compile(
    r"(?<!\bin )(?<!\bof )(?<!\bthe )(?<!\bfor )(?<!\bthese )(?<!\bthose )"
    rf"\b({'|'.join(_AMOUNTS)}) (?:\w+ )?{_COUNTED}\b"
)
"""As many will be told, one after the other."""
_FIRST_OF_MORE = re.compile(
    r"one (it's|it|the|my|i|we|there's) (?!.* two)|(first|firstly|first of all|to begin with|at first)\b(?! time)"
    rf"|(the |my )?(first|one)( \w+){{0,3}} {_COUNTED}"
    r"( \w+){0,3} (is|was) |on (the )?one hand|the (more|less|sooner|longer|faster|older) (?!.*\bthe\b)"
)
_OWNED_NOUN = re.compile(r"d[a#]*n*yn+$")
_NEXT = frozenset("then finally and but second secondly another other".split())
_RETELLS = re.compile(
    r"\b(says|reads|shows) (the|a|an) \w+$"
    r"|\b(told|tells) (me|us|him|her|them) (the|my|our|your)( \w+){1,2}$"
    r"|\b(says|said|thinks?|hopes?|means|saying) (the|my|our|your|his|her|their)( \w+){1,2}$"
)
"""A screen is read out, or a speech is told, and its first noun was said."""
_CORRELATIVES = {
    "either": {"or"},
    "neither": {"nor"},
    "not_only": {"but", "also", "even"},
    "both": {"and"},
    "between": {"and"},
}


def judge(said: Said, pieces: Sequence[Sequence[str]]) -> float:
    """For words whose last one leaves nothing open. `pieces`: the runs of speech that they came in."""
    words, tags = said.words, said.tags
    verbs = len(FINITE.findall(tags))
    if _clause_before(words, tags):
        return OPEN
    if _list_open(words, tags, pieces) or (words[0] == "having" and verbs < 2):
        return UNDER_WAY
    if _OWNED_NOUN.match(tags):
        return WAITING  # "my cousin's tablet"
    if not verbs:
        return _verbless(words, tags)
    relative = _RELATIVE_CLAUSE.match(tags)
    if relative and verbs == 1 and words[relative.end()] in table.RELATIVES:
        return PROBABLE if "one" in words[:3] or "ones" in words[:3] else UNDER_WAY
    if _RETELLS.search(" ".join(words)):
        return UNDER_WAY
    return _statement(words, tags)


def _statement(words: Sequence[str], tags: str) -> float:
    if tags.endswith("pd#"):
        return UNDER_WAY  # "on the thirtieth"
    if tags.endswith("pi") and words[-2] in ("in", "at", "on") and words[-1] in ("this", "these", "those"):
        return WAITING
    if words[-1] == "right" and tags[-2] in "nov" and len(words) > 3:
        return WAITING  # "I've got this laptop, right"
    if tags[-1] == "w" or (len(words) == 2 and tags[1] == "x"):
        return DOUBTFUL  # "I don't know why"; "I did"
    return COMPLETE


def _clause_before(words: Sequence[str], tags: str) -> bool:
    """Whether a clause that stands before the main one is not followed by it yet: "when I press it"."""
    start = 0
    for at in range(len(words) - 1, 0, -1):
        if words[at] in table.SUBORDINATORS and (tags[at - 1] == "c" or words[at - 1] in ("that", "because")):
            start = at
            break
    if words[start] not in table.SUBORDINATORS:
        return False
    if words[start] in ("whatever", "whoever") and tags[start + 1 : start + 2] in ("v", "x"):
        return False  # "whatever works for you"
    inner = _SECOND_VERB.sub("c", tags[start + 1 :])
    verbs = len(FINITE.findall(inner))
    if words[start] in ("before", "after", "since", "until", "till", "once") and (
        not verbs or _TIME_AND_SUBJECT.match(inner)
    ):
        return False
    if start and words[start] in ("before", "after", "since", "until", "till"):
        return False
    if not verbs:
        return inner[:1] not in tuple("ap") and len(inner) > 0
    return verbs < 2


def _list_open(words: Sequence[str], tags: str, pieces: Sequence[Sequence[str]]) -> bool:
    """Whether more was promised than named."""
    text = " ".join(words)
    promised = _PROMISES.search(text)
    if promised and len(words) > 3:
        named = (promised["named"] or "").split()
        if set("arRpxc").isdisjoint(tags[len(tags) - len(named) :]) and named[:1] != ["done"]:
            return True
    if _FIRST_OF_MORE.match(text) and _NEXT.isdisjoint(words):
        return True
    announced = _ANNOUNCES.search(text)
    if announced and "and" not in text[announced.end() :].split() and len(pieces) <= _AMOUNTS[announced[1]]:
        return True
    if len(words) > 1 and words[-1] in table.DAYS and words[-2] in table.DAYS:
        return True
    return any(opener in words and _half(words, tags, opener) for opener in _CORRELATIVES)


def _half(words: Sequence[str], tags: str, opener: str) -> bool:
    """ "Either the router" without "or"."""
    at = len(words) - 1 - words[::-1].index(opener)
    rest = words[at + 1 :]
    if not rest or rest[0] in ("of", "way", "one") or not _CORRELATIVES[opener].isdisjoint(rest):
        return False
    if opener == "both":
        return tags[at + 1] in "dpgs" and not FINITE.search(tags, at + 1)
    if opener == "between":
        return not (tags[-1] in "og" or words[-1].endswith("s") or words[-1] == "two")
    return opener == "not_only" or not (tags[at + 1] in "xXvVe" or negative(words[:at]))


def _verbless(words: Sequence[str], tags: str) -> float:
    """A noun or an adverbial alone: an answer, or the beginning of a sentence."""
    first, count = words[0], len(words)
    if words[-1] == "time" and tags[0] != "d":
        return PROBABLE  # "most of the time"
    if _unknown_verb(words, tags):
        return COMPLETE
    if tags[0] in "dq" and "p" in tags and not table.PEOPLE.isdisjoint(words[1:3]):
        return UNDER_WAY  # "a colleague from accounting"
    if "one" in words[1:3] or first in table.ANSWERING_DETERMINERS:
        return PROBABLE
    if tags.startswith("nd") and len(words[-1]) > 1:
        return COMPLETE  # "reinstall the driver": a verb that is not known
    if count > 2 and (first in table.CONTRASTS or _NEW_SUBJECT.search(tags)):
        return UNDER_WAY
    if first == "about" and tags[1:2] in ("d", "i") and "#" not in tags and count > 2:
        return UNDER_WAY  # "about the ticket from Friday"
    if words[:2] in (["me", "and"], ["him", "and"], ["her", "and"]):
        return UNDER_WAY
    if tags[0] == "p":
        return _adverbial(words, tags)
    if tags[0] in "tg":
        return DOUBTFUL  # "to print a letter", "working from home"
    if first in ("because", "cause", "although", "if", "while") and count > 1:
        return WAITING
    if tags[0] in "dqi#" and count > 1 and first not in ("it", "there", "you", "much"):
        return _noun_phrase(words, tags)
    return PROBABLE if count < 4 else COMPLETE


def _unknown_verb(words: Sequence[str], tags: str) -> bool:
    """ "The battery only lasts an hour": behind a noun, and ending like one."""
    return any(
        tags[at] == "n" and tags[at - 1] in "nRD" and words[at].endswith("s") and words[at][-2] not in "sui"
        for at in range(1, len(words) - 1)
    )


def _adverbial(words: Sequence[str], tags: str) -> float:
    """ "In my last job" sets the scene; "in the corner" is an answer."""
    first, count = words[0], len(words)
    own = not table.POSSESSIVES.isdisjoint(words)
    if own and (first in ("after", "before", "during") or not table.FORMER.isdisjoint(words)):
        return UNDER_WAY
    if count > 2 and (
        (first == "as" and words.count("as") == 1)
        or (first in ("in", "at", "for", "during") and words[-1] in table.FRAMES)
    ):
        return UNDER_WAY
    if (count > 2 and first in ("after", "before", "during")) or (first == "since" and "d" in tags):
        return WAITING
    if count > 2 and first in ("without", "between", "compared", "depending"):
        return WAITING  # "without my glasses"
    if (words[0], *words[2:4]) in (("at", "end", "of"), ("at", "start", "of"), ("in", "middle", "of")):
        return WAITING
    return PROBABLE if count < 4 else COMPLETE


def _noun_phrase(words: Sequence[str], tags: str) -> float:
    first, count, last = words[0], len(words), tags[-1]
    if tags[0] == "#":
        return UNDER_WAY if words[1] == "of" and last == "n" and count > 3 else PROBABLE
    if tags[0] == "q" and count > 2 and (first in table.EVERYBODY or ("p" in tags and last == "n")):
        return UNDER_WAY
    if last not in "nag#":
        return WAITING if tags[0] == "d" and last == "o" and "#" not in tags and words[1] != "same" else PROBABLE
    if not {"ones", "and"}.isdisjoint(words):
        return PROBABLE
    if words[-1] in table.ORDINALS or (first in table.POSSESSIVES and words[1] != "own"):
        return WAITING if count < 4 else UNDER_WAY
    if "#" in tags[1:] or words[-1] in table.MONTHS or words[-1] in table.DAYS:
        return PROBABLE
    return DOUBTFUL if count <= 3 else WAITING
