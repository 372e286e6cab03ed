"""A small word-list and pattern screen: what moderates when no model does. It reads words, not meaning.

It is tuned to let work talk pass ("kill the process", "my computer died", "shoot me an email", "I killed it in the
interview") and to notice a caller who speaks of harming themselves. It will miss what is veiled, misspelt or in a
language other than English (a few self-harm phrases in German, French, Spanish and Italian apart). Categories carry
the names of OpenAI's moderation endpoint.
"""

from __future__ import annotations

import re

from voice_agent.engines.ports import Verdict

_PERSON = (
    r"(?:him|her|them|you|someone|somebody|everyone|everybody|people|(?:that|this|the) (?:man|woman|guy|girl|boy|kid|"
    r"person)|my (?:\w+ )?(?:boss|manager|wife|husband|girlfriend|boyfriend|partner|colleagues?|co-?workers?|"
    r"neighbou?rs?|brother|sister|mother|father|mom|mum|dad|parents?|kids?|children|family|teacher|classmates?|ex))"
)
_INTENT = (
    r"(?:want(?:ed)? to|wanna|going to|gonna|will|plan(?:ning)? to|thinking (?:about|of)|i'll|ready to|how (?:do i|to))"
)
_GROUP = (
    r"(?:jews|muslims|christians|hindus|blacks|black people|whites|white people|asians|mexicans|arabs|gypsies|roma|"
    r"immigrants|migrants|refugees|gays|gay people|lesbians|trans people|transgender people|disabled people|women)"
)
_CHILD = (
    r"(?:child(?:ren)?|minors?|kids?|toddlers?|(?:little|young|underage) (?:girls?|boys?)|"
    r"(?:[5-9]|1[0-7]|twelve|thirteen|fourteen|fifteen)[- ]year[- ]olds?)"
)
_HOW = r"\bhow (?:do i|can i|would i|to) (?:\w+ ){0,2}"

_PATTERNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "self-harm",
        (
            r"\bkill(?:ing)? myself\b|\b(?:end|ending|take|taking) my (?:own )?life\b|\bend(?:ing)? it all\b",
            r"\bcommit(?:ting)? suicide\b|\bsuicidal\b|\bself[- ]harm\w*",
            r"\b(?:cut|hurt|harm|hang)(?:ting|ing)? myself\b"
            r"(?! (?:on|while|at|playing|shaving|lifting|with (?:a|the) (?:paper|printer)))",
            r"\b(?:want to|wanna|wish i (?:could|would)|rather) (?:just )?die\b"
            r"(?! (?:laughing|of (?:embarrassment|boredom|shame)))",
            r"\b(?:don't|do not|no longer|didn't) want to (?:live(?! (?:in|at|with|near|there|here))|be alive|"
            r"be here any ?more|wake up any ?more)\b",
            r"\bno reason to (?:live|go on living)\b|\bbetter off (?:dead|without me)\b|\bi wish i (?:was|were) dead\b",
            r"\bich (?:will|möchte) (?:nicht mehr leben|sterben)\b|\bmich umbringen\b",
            r"\bje veux mourir\b|\bme suicider\b|\bquiero morir(?:me)?\b|\b(?:matarme|suicidarme)\b",
            r"\bvoglio morire\b|\b(?:uccidermi|suicidarmi)\b",
        ),
    ),
    (
        "self-harm/instructions",
        (
            r"\b(?:how (?:do i|can i|to)|best|easiest|painless|quickest) (?:\w+ ){0,3}"
            r"(?:kill(?:ing)? (?:myself|yourself)|commit(?:ting)? suicide)\b",
            r"\bhow many (?:pills|tablets)\b.{0,40}\b(?:die|overdose|kill me)\b",
        ),
    ),
    (
        "violence",
        (
            rf"\b{_INTENT} (?:\w+ ){{0,2}}(?:kill|murder|shoot|stab|strangl|behead)(?:e|b?ing)? {_PERSON}\b"
            r"(?! (?:an?|the|over|some|with kindness)\b)",
            r"\bblow(?:ing)? up (?:the|a|my) (?:school|building|office|airport|train|station|church|mosque)\b",
            r"\bshoot(?:ing)? up (?:the|a|my) (?:school|office|place|building|church|mosque|synagogue|mall)\b",
        ),
    ),
    (
        "sexual/minors",
        (
            r"\b(?:child|kiddie|underage|preteen|minor) (?:porn\w*|sex|nudes?|erotica)\b",
            r"\b(?:sex|nudes?|naked (?:pictures?|photos?)) (?:\w+ ){0,2}(?:with|of|from) (?:an? |the |some )?(?:\w+ )?"
            rf"{_CHILD}\b",
        ),
    ),
    (
        "hate",
        (
            rf"\b{_GROUP} (?:are|is) (?:\w+ )?"
            r"(?:vermin|animals|sub-?human|scum|filth|parasites|inferior|a disease|trash)\b",
            rf"\bi (?:really |fucking )?hate (?:all )?(?:the )?{_GROUP}\b",
        ),
    ),
    (
        "hate/threatening",
        (rf"\b(?:kill|gas|exterminate|lynch|shoot|get rid of) (?:all |every )?(?:the |of the )?{_GROUP}\b",),
    ),
    (
        "harassment",
        (
            r"\byou(?:'re| are) (?:such )?(?:an? )?(?:\w+ )?"
            r"(?:worthless|piece of shit|bitch|whore|slut|retard(?:ed)?|cunt|moron|idiot)\b",
            r"\bfuck (?:you|yourself)\b|\bkill yourself\b|\bkys\b",
        ),
    ),
    (
        "harassment/threatening",
        (
            r"\b(?:i will|i'll|i'm going to|i am going to|i'm gonna) (?:hunt you down|hurt you|beat you up|kill you|"
            r"break your (?:neck|legs))\b",
        ),
    ),
    (
        "illicit",
        (
            rf"{_HOW}(?:cook|synthesi[sz]e|make|produce) (?:\w+ ){{0,2}}"
            r"(?:meth|methamphetamine|crack|heroin|fentanyl|mdma|lsd)\b",
            r"\bwhere (?:do i|can i|to) (?:\w+ ){0,2}buy (?:\w+ ){0,2}"
            r"(?:meth|cocaine|heroin|fentanyl|stolen (?:credit )?cards?)\b",
        ),
    ),
    (
        "illicit/violent",
        (
            rf"{_HOW}(?:make|build|assemble|construct) (?:\w+ ){{0,2}}"
            r"(?:bombs?|explosives?|nerve gas|sarin|ricin|ghost gun)\b(?!-)",
        ),
    ),
)

_COMPILED = tuple((category, re.compile("|".join(patterns))) for category, patterns in _PATTERNS)
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})
_SPACES = re.compile(r"\s+")


def screen(text: str) -> tuple[str, ...]:
    """The categories whose patterns occur in `text`; empty if none does."""
    folded = _SPACES.sub(" ", text.translate(_APOSTROPHES).lower())
    return tuple(category for category, pattern in _COMPILED if pattern.search(folded))


class WordlistModerator:
    """Needs no network; a verdict takes well under a millisecond for a turn of speech."""

    name = "wordlist"

    async def check(self, text: str) -> Verdict:
        categories = screen(text)
        return Verdict(flagged=bool(categories), categories=categories)

    async def aclose(self) -> None:
        return None
