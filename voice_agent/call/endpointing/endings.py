"""Does the last word leave the sentence open? Pure functions over words and their classes (`grammar`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from voice_agent.call.endpointing import words as table
from voice_agent.call.endpointing.grammar import FINITE, Said, negative
from voice_agent.call.endpointing.verbs import BASES, OBJECT_VERBS

_NEVER_LAST = frozenset("dDstcXyu")
_WAITS_FOR_NOUN = re.compile(r"d[#RD]*a+$")
_RELATIVE_OBJECT = re.compile(r"[xXyvVe].*[nq#][wi]?(?:[si][xrRD]*|X[rRD]*)(?:[vVeg]t)?[vVegG]?[io]?.$")
""""It is the one I told you about", "that's all I need"."""
_INFINITIVE_OBJECT = re.compile(r".+[qrRw]t[rR]*[vVe]?[io]?.$")
""""Nothing to worry about", "what to do"."""
_EMBEDDED_QUESTION = re.compile(r"w(?:[siq]|d?[a#]*n+)x$")
""""I don't know what the problem is"."""
_CLAUSE_SUBJECT = re.compile(r"(?:u|^w|[xXvVeinoagp]w|[vVeinoa](?P<that>i)(?=d))(?:d[a#]*n+|q)$|un$")
""""I don't know where the button", "he said that the server"."""
_OWNED = re.compile(r"[xX][dq]y$")
""""That's someone else's", "it's my daughter's"."""
_CONJOINED_ADVERB = re.compile(r"(?<=[^rR])c[Dq]*R$")
_TAG_QUESTION = re.compile(r"....*x[si]$")
_PERFECT = frozenset("have has had haven't hasn't hadn't i've you've we've they've when".split())
_MID_ADVERBS = frozenset("never always usually just still also really probably only keeps hardly rarely".split())
"""They stand before their verb."""
_BARE_QUESTION = re.compile(r"(?:x|w[nap#rR]{0,4}x)(?:[siq]|d[anr#]*n+|n)$")


def wants_more(said: Said) -> bool:
    """Whether the last word wants another."""
    if _ends_after_all(said):
        return False
    rule = _BY_CLASS.get(said.tags[-1])
    return said.tags[-1] in _NEVER_LAST or _expression_open(said) or (rule is not None and rule(said))


def _ends_after_all(said: Said) -> bool:
    """ "Ten past", "an hour and a half", "I think so", "the same as before", "who should I speak to", "it's my
    daughter's"."""
    last, before = said.last, said.before
    if last in ("do", "have", "be"):
        return said.question and said.words[0] in table.OBJECT_WORDS  # "what should I do"
    if last == "to":
        return before in table.TO_VERBS and _stranded(said)
    if last == "more":
        return said.before_tag in ("", "#", "n") or said.before == "do"  # "twenty percent more"
    if last == "so":
        return before in table.SO_VERBS or before in ("or", "if", "why", "even", "not")
    if last == "before":
        if said.before_tag in "vrio" and not _PERFECT.isdisjoint(said.words):
            return True  # "have you done this before", "when I called before"
        return before in ("as", "than", "like", "one", "day", "week") or not {"never", "ever"}.isdisjoint(said.words)
    if _TAG_QUESTION.search(said.tags) and (before.endswith("n't") or negative(said.words[:-2])):
        return True  # "I've done it again, haven't I"
    if last == "only":
        return said.before_tag == "n" and bool(FINITE.search(said.tags))
    if len(said.words) > 4 and said.words[-3] == "so" and said.tags.endswith(("sx", "ix")):
        return True  # "I dropped it, so I did"
    if (before, last) == ("a", "half") or _OWNED.search(said.tags):
        return True
    if last in table.REPEATED_TIMES:
        return bool(FINITE.search(said.tags))  # "it asks for a password every time"
    return (last == "past" and said.before_tag == "#") or (len(said.words) == 1 and last in table.MONTHS)


def _expression_open(said: Said) -> bool:
    """Words that are complete by their class, and not here."""
    words, tags, last, before = said.words, said.tags, said.last, said.before
    if tags.endswith(("xs", "xi")) and not said.question and said.before in ("will", "can", "would", "should"):
        return True  # "once it has finished, will it"
    if tags[-1] in "io" and _wants_second(said):
        return not _stranded(said)
    if (before == "but" and last in table.SCENES and len(words) > 2) or _CONJOINED_ADVERB.search(tags):
        return True  # "it worked, but today", "and most recently"
    subject = _CLAUSE_SUBJECT.search(tags)
    if subject and not (said.question and tags[0] == "w") and words[:2] != ["what", "a"]:
        return subject["that"] is None or words[subject.start("that")] == "that"
    match last:
        case "number":
            return said.before_tag == "n" and not FINITE.search(tags)  # "ticket number"
        case "with" | "sure":
            return before in ("do", "make", "made", "making") and not said.question  # "to do with", "make sure"
        case "either":
            return said.before_tag in ("v", "V", "e") and not negative(words)
        case "some" | "any":
            return len(words) > 2 and before not in ("are", "were") and not negative(words)
        case "a_few" | "a_couple" | "several":
            return said.before_tag in ("x", "X", "V")
        case "many":
            return (
                said.before_tag not in ("", "w", "D", "r", "u")
                and before not in ("that", "too")
                and not negative(words)
            )
        case "fact":
            return before == "the"
        case "then":
            return words[0] == "first"  # "first I turned it off, then"
        case "called" | "named":
            return (before in table.BEING or said.before_tag == "n") and not said.question
        case "know" | "think":
            return tags[0] == "x"  # "do you know"
        case "not":
            return said.before_tag == "y" or (len(words) > 3 and before in table.BEING)
        case _:
            return last in table.NUMBERED and said.before_tag in ("p", "V", "x", "X")  # "it says version"


def _wants_second(said: Said) -> bool:
    """A verb that wants another object, or an infinitive, behind a pronoun: "they gave me", "she wants you"."""
    last, before = said.last, said.before
    if before in table.LETTING:
        return True
    if before in table.WANTING:
        return last in ("me", "you", "him", "us", "them")
    if before in ("tell", "show"):
        return last != "it" and (said.question or len(said.words) == 2)
    return before in table.GIVING and (said.tags[-1] == "o" or before in ("put", "puts", "makes", "make"))


def _preposition(said: Said) -> bool:
    return not (_particle(said) or _stranded(said))


def _particle(said: Said) -> bool:
    """ "Turn it on", "log in", "I took the cable out", "the light is off"."""
    last, earlier, tags = said.last, said.words[:-1], said.tags
    if not earlier:
        return False
    if last in ("inside", "outside", "nearby", "across", "underneath") and said.before_tag in ("v", "o", "i"):
        return True  # "we stayed inside"
    if (said.before, last) in (("slow", "down"), ("calm", "down"), ("cool", "down"), ("warm", "up")):
        return True
    if (last == "in" and said.before == "way") or (last == "by" and said.before in table.BY_VERBS):
        return True  # "all the way in", "drop by"
    if last == "over" and said.before_tag == "n" and not table.OVER_VERBS.isdisjoint(earlier):
        return True  # "they changed the broadband over"
    if last in table.RESULTS and earlier[len(tags[:-1].rstrip("rRD")) - 1] in table.BEING:
        return True
    if tags.endswith("pcp") or said.before == "back" or (said.before, last) == ("i'm", "in"):
        return True  # "off and on", "it came back on"
    if said.before_tag not in ("vVegGioq" if last in ("through", "over", "around", "along") else "vVegGionq"):
        return False
    if last == "in":
        return not table.IN_VERBS.isdisjoint(earlier)
    if last == "on":
        return not table.ON_VERBS.isdisjoint(earlier)
    return last in table.PARTICLES and not set("vVegGxXy").isdisjoint(tags[:-1])


def _stranded(said: Said) -> bool:
    """Whether the object of the last verb or preposition stands before it: "what is it for", "the one I need"."""
    words = (word.removesuffix("'s") for word in said.words)
    asked = max((at for at, word in enumerate(words) if word in table.OBJECT_WORDS), default=-1)
    if asked == 0 and said.question and len(said.words) > 3:
        return True
    if said.words[0].startswith("how_long") and said.last == "for":
        return True
    if said.words[0] in table.ASKING_CONTRACTIONS and (said.before_tag == "i" or said.last == "like"):
        return True  # "what's this for", "what's the weather like"
    if asked > 0 and FINITE.search(said.tags, 0, asked):
        return True
    return bool(_RELATIVE_OBJECT.search(said.tags) or _INFINITIVE_OBJECT.match(said.tags))


def _auxiliary(said: Said) -> bool:
    if said.before in ("he", "she", "it") and said.last in ("do", "don't"):
        return True  # misspoken, and about to be put right
    if said.question and said.tags[0] == "x" and said.before_tag in "si" and len(said.words) > 4:
        return True  # "do you think you could"
    return not _elliptic(said)


def _elliptic(said: Said) -> bool:
    """ "I do", "I think it does", "please call if you can", "I don't know what it is"."""
    words, tags, last = said.words, said.tags, said.last
    if said.before_tag not in tuple("sinoqrRD"):
        return False
    asked = _EMBEDDED_QUESTION.search(tags)
    if asked and words[asked.start()] not in ("why", "when") and FINITE.search(tags, 0, asked.start()):
        return True
    if len(words) == 2 or (len(words) == 3 and tags[1] in "rRD"):
        return last in table.ANSWERING_AUXILIARIES
    linking = last in ("is", "was", "are", "has", "have", "should", "must", "might", "may", "would")
    if len(words) == 3 and last in ("did", "didn't") and words[0] in table.POSSESSIVES:
        return True  # "my manager did"
    lead_at = len(tags[:-2].rstrip("rRD")) - 1
    match words[max(lead_at, 0)]:
        case lead if lead in table.THINKING:
            return not linking or negative(words)
        case "but" | "and" | "though":
            return not linking
        case "if" | "as" | "than" | "unless" | "until" | "when" | "whenever":
            return len(words) > 3 and not linking
        case _:
            return False


def _object_verb(said: Said) -> bool:
    if said.before in ("that", "which", "who") and said.before_tag in "iw" and len(said.words) > 2:
        return True  # "a message that says"
    if said.before_tag == "c" and "between" in said.words:
        return False  # "the difference between borrow and lend"
    return said.tags != "nG" and not _stranded(said)  # "problem solving"


def _ergative_verb(said: Said) -> bool:
    """ "I opened", "I tried to save": not what the thing did itself."""
    subject = max((said.tags.rfind(tag, 0, -1) for tag in "sXinqy"), default=-1)
    return subject >= 0 and said.words[subject] in table.HUMAN_SUBJECTS and not _stranded(said)


def _weak_adverb(said: Said) -> bool:
    if said.before_tag == "n" and len(said.words) > 2 and not FINITE.search(said.tags) and said.last in _MID_ADVERBS:
        return True  # "my wife usually"
    if said.before == "that" and said.tags[-3:-2] in ("v", "V", "g", "G"):
        return True  # "I was thinking that maybe"
    if said.before in ("it", "you", "there") and said.tags[-3:-2] in ("", "x", "u", "c", "w", "r"):
        return True  # "it usually", "could you maybe"
    if said.before in table.RESULTS or (said.question and said.before_tag == "p" and said.tags[0] == "w"):
        return False  # "it was off already", "what am I looking for exactly"
    return said.before in table.LINKING or said.before_tag in tuple("xXyscdwp")


def _question_word(said: Said) -> bool:
    """ "They asked me why", but not "I don't know why", "do you know when", "since when"."""
    if len(said.words) == 1 or (said.before_tag == "p" and len(said.words) < 4):
        return False
    if said.last == "why" and said.before in ("that's", "is", "probably") and "that's" in said.words:
        return False
    if said.last in table.BEFORE_NOUNS or said.before not in table.WONDERING:
        return True
    return said.before not in ("know", "remember") if said.question else not negative(said.words)


def _adjective(said: Said) -> bool:
    last, before = said.last, said.before
    if last in ("able", "unable"):
        return True
    if before in ("this", "these", "those"):
        return not said.question
    if before == "as" and len(said.words) > 2:
        return not negative(said.words) and said.words.count("as") == 1
    if last in table.SUPERLATIVES:
        return said.tags.endswith("pda") and last in ("same", "next", "last")  # "at the same"
    return bool(_WAITS_FOR_NOUN.search(said.tags))


def _pronoun(said: Said) -> bool:
    words, tags, last, before, before_tag = said.words, said.tags, said.last, said.before, said.before_tag
    if last == "that":
        return _that(said)
    if before == "that" and last in ("you", "it", "there", "this"):
        return not said.question
    if words[-3:-1] == ["one", "of"]:
        return last in ("those", "these") and not said.question
    if last == "you" and before_tag in ("n", "q"):
        return before != "thank"  # "is there any chance you"
    if tags == "pi":
        return before in ("in", "at", "on", "during") and last != "it"
    return (before_tag in ("c", "u") and words[-2:] != ["and", "you"]) or (before_tag == "w" and not said.question)


def _that(said: Said) -> bool:
    """Whether a clause begins: "my manager told me that", "the laptop that", "so loud that"."""
    words, tags, before, before_tag = said.words, said.tags, said.before, said.before_tag
    if said.question:
        return (before_tag in ("a", "n", "q") and before != "all") or before in ("sure", "think", "told", "be")
    if before_tag == "a" and not {"so", "such", "such_a"}.isdisjoint(words):
        return True
    if before_tag in ("n", "q") and before not in ("all", "people"):
        return True
    if before_tag in ("o", "i") and words[-3:-2] and words[-3] in table.REPORTING:
        return True
    if (
        words[-3:-2]
        and (words[-3] in table.BEING or words[-3] == "just")
        and (before == "told" or before.endswith("ed"))
    ):
        return True  # "I've been told that", "I'm convinced that"
    if before_tag in tuple("rRD") and words[-3:-2] and words[-3] in table.BEING:
        return True  # "my weakness is probably that"
    seen = before_tag in ("v", "e") and tags[-3:-2] in ("t", "x")  # "I'd love to see that"
    return before in table.BEFORE_THAT_CLAUSE and not seen


_BY_CLASS: Mapping[str, Callable[[Said], bool]] = {
    table.PREPOSITION: _preposition,
    table.AUXILIARY: _auxiliary,
    table.OBJECT_VERB: _object_verb,
    table.OBJECT_ING: _object_verb,
    table.ERGATIVE_VERB: _ergative_verb,
    table.WEAK_ADVERB: _weak_adverb,
    table.QUESTION_WORD: _question_word,
    table.ADJECTIVE: _adjective,
    table.PRONOUN: _pronoun,
}


def lacks_verb(said: Said) -> bool:
    """A question that has only its subject: "is the printer", "when can my manager"."""
    words, tags = said.words, said.tags
    if not said.question or not _BARE_QUESTION.match(tags) or (words[0] == "have" and tags[1] not in "is"):
        return False
    auxiliary = words[tags.index("x")]
    if tags.endswith("nn") and (auxiliary in table.BEING or words[-1] in BASES):
        # "Are the files safe", "does the printer work", "what does it mean", but "does the app need".
        return words[-1] in OBJECT_VERBS and words[0] not in table.OBJECT_WORDS
    if auxiliary in ("has", "have", "had") and tags[0] == "w":
        return False  # "who has access"
    return words[0] == "why" or tags[0] == "x" or auxiliary not in table.BEING
