"""What a caller means by a short answer: yes, no, done, repeat, a human, skip, pause, end and their many variants.

Pure and deterministic. Transcribers mishear and callers hesitate, so a match needs few words and tolerates fillers;
what is left beside the answer ("no, *and also my mouse is dead*") is kept as `extra`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Act(Enum):
    """What an utterance does. One utterance may do several things."""

    YES = auto()
    NO = auto()
    UNSURE = auto()
    DONE = auto()
    TRIED = auto()
    """It was done before, in vain."""
    REFUSED = auto()
    """Will not or cannot do what was asked."""
    FIXED = auto()
    """The problem is gone."""
    BROKEN = auto()
    """The problem is still there."""
    REPEAT = auto()
    SLOWER = auto()
    HUMAN = auto()
    ANGRY = auto()
    SKIP = auto()
    PAUSE = auto()
    RESUME = auto()
    END = auto()
    HINT = auto()
    GREETING = auto()
    THANKS = auto()


@dataclass(frozen=True, slots=True)
class Utterance:
    """`words`: folded, without hesitation sounds. `extra`: a second thing the caller brought up, in their words; `main`
    is what comes before it."""

    text: str
    main: str
    words: tuple[str, ...]
    acts: frozenset[Act]
    extra: str

    @property
    def brief(self) -> bool:
        """Short enough to be meant as a command rather than as content."""
        return len(self.words) <= 7

    def does(self, *acts: Act) -> bool:
        return not self.acts.isdisjoint(acts)


_FINISH = re.compile(
    r"\b(?:good ?bye|bye)\b|\bhang up\b|\b(?:have|need|got|gotta) (?:to )?go\b"
    r"|^(?:(?:yes|yeah|no|ok|okay|please|lets|can we|could we|can i|could i|may i|i want to|id like to|i would like to"
    r"|i need to|sorry|just|the) )*(?:end|stop|quit|finish)"
    r"(?: (?:of |with |the |this |my |our )*(?:call|interview|session|practice|conversation|here|now|it|please|today)"
    r")*$"
    r"|\bskip to the end\b|\b(?:done|finished|enough|all|it) (?:with (?:the |this )?(?:interview|session|practice)"
    r"|for (?:today|now))\b"
)
_MAX_CHARS = 4000
_SOUNDS = frozenset("um uh uhm umm uhh er erm ah eh hmm hm mm mmm".split())
_GRUNTED_YES = re.compile(r"\b(?:uh[ -]?huh|m+[ -]?hm+|mhm)\b")
_GRUNTED_NO = re.compile(r"\b(?:uh[ -]uh|nuh[ -]uh)\b")
_LEADING = re.compile(
    r"^(?:(?:well|so|oh|please|hey|just|actually|basically|you know|i mean|i think|look|listen|and) )+"
)
_APOSTROPHES = re.compile(r"['’`]")
_NOT_WORD = re.compile(r"[^\w@.+-]+|\.(?!\w)|(?<!\w)\.|(?<!\w)[-+]|[-+](?!\w)")
_EXTRA = re.compile(
    r"\b(?:and also|but also|also|and another thing|another thing is|by the way|oh and|plus|on top of that"
    r"|and (?:now )?(?=(?:my|our) ))\b[\s,]*",
    re.IGNORECASE,
)

_NEGATION = (
    r"(?:not|no longer|never|dont|doesnt|didnt|isnt|arent|wasnt|wont|cant|cannot|hasnt|havent|couldnt|aint|nothing)"
)
_GOOD = (
    r"(?:work(?:s|ing|ed)?|fixed|solved|sorted|resolved|helped|help|better|connected|online|printing|loading|syncing)"
)

_PATTERNS: tuple[tuple[Act, str], ...] = (
    (
        Act.BROKEN,
        rf"\b{_NEGATION} (?:\w+ ){{0,3}}{_GOOD}\b"
        r"|\bstill (?:not|no|nothing|broken|down|dead|the same|same|doesnt|isnt|wont|cant|slow|happening|failing"
        r"|offline|locked|stuck|there|missing|full)\b"
        r"|\bno (?:luck|change|difference|joy|improvement|good)\b|\bnothing (?:changed|happened|happens)\b"
        r"|\b(?:the )?same (?:thing|problem|error|issue|as before)\b|\b(?:it|that) failed\b|\bmakes no difference\b"
        r"|\bgot worse\b|\bworse\b",
    ),
    (
        Act.FIXED,
        rf"\b(?:it|its|that|thats|this|everything|all|now|yes|yep|yeah|is|was|has) (?:\w+ ){{0,2}}{_GOOD}\b"
        rf"|^{_GOOD}(?: now| again| fine)?$|\b{_GOOD} (?:now|again|fine|perfectly)\b"
        r"|\b(?:that|it) did (?:it|the trick)\b|\ball good\b|\bgood to go\b|\bup and running\b|\bproblem solved\b"
        r"|\bim (?:back )?(?:in|on|online)\b|\b(?:its|it is|is) back\b|\bgot it working\b|\bi can (?:hear|print"
        r"|log in) (?:it |you )?now\b",
    ),
    (
        Act.UNSURE,
        r"\b(?:dont|do not|didnt) (?:really )?know\b|\bnot (?:really |quite |entirely )?sure\b|\bno (?:idea|clue)\b"
        r"|\bunsure\b|^maybe\b|\bcant (?:tell|say|remember)\b|\bhard to (?:say|tell)\b|^i guess\b|\bwho knows\b"
        r"|\bdunno\b|\bno opinion\b|^perhaps\b",
    ),
    (
        Act.NO,
        r"^(?:ok |okay |oh |yeah )*(?:no(?! (?:problem|worries)\b)|nope|nah|naw|nay|negative|wrong|incorrect|neither"
        r"|none)\b|^(?:know|noe|now)$|^not (?:yet|really"
        r"|quite|right|that|at all|now)\b"
        r"|^(?:i|it|they|we|he|she|that|this) (?:dont|didnt|havent|hasnt|isnt|doesnt|wasnt|arent|cant|wont|did not"
        r"|do not)\b"
        r"|^(?:thats|that is|its|it is) (?:wrong|not (?:right|it|correct)|incorrect)\b"
        r"|^i would rather not\b",
    ),
    (
        Act.YES,
        r"^(?:yes|yeah|yep|yup|yea|ya|yah|yess|yeap|sure|correct|right|exactly|absolutely|affirmative|ok|okay|okey"
        r"|definitely|fine|perfect|true|indeed|certainly|agreed|aye|totally)\b|^(?:yet|guess|jess|es)$"
        r"|^of course\b|^go ahead\b|^do it\b|^please do\b|^sounds good\b|^no problem\b"
        r"|^(?:i|it|they|we) (?:do|did|have|does|has|is|are|can|would)$|^(?:thats|that is|its|it is) (?:right"
        r"|correct|fine|it)\b"
        r"|^by all means\b|^why not\b|^lets (?:do it|go)\b|^i (?:did|do|have|can)\b(?! (?:not|nt))",
    ),
    (
        Act.DONE,
        r"^(?:ok |okay |yes |yeah |yep |right |alright |im |i am |its |it is |thats |all |ive |i have )*(?:done"
        r"|finished|completed|ready|did (?:it|that|this)|done (?:it|that|this))\b"
        r"|^(?:ok |okay |yes |yeah )*i (?:did|found|went|made|got|set|put|tried|restarted|rebooted|switched"
        r"|turned|checked|opened|clicked)\b"
        r"|^(?:ok |okay |yes |yeah )*(?:i|ive|i have) (?:just )?(?!need)\w+ed\b"
        r"|\bive (?:done|tried|restarted|rebooted|switched|turned|checked|opened) (?:it|that|this)\b",
    ),
    (
        Act.TRIED,
        r"\balready (?:did|done|tried|restarted|rebooted|checked|switched|turned|reset|closed|cleared|unplugged"
        r"|looked)\b|\b(?:did|done|tried|restarted|rebooted|checked|switched \w+|turned \w+) (?:that|it|this|them)"
        r" (?:already|before|\w+ times|earlier|yesterday)\b|^(?:i )?tried that\b"
        r"|\b(?:it|that) (?:is|was) already (?:on|off|so|done|the case)\b|\b(?:is|was) (?:on|off) already\b",
    ),
    (
        Act.REFUSED,
        r"\bi (?:wont|will not|refuse|dont want|do not want|would rather not|rather not|dont dare)\b|^id rather not\b"
        r"|\b(?:not|isnt|arent) allowed\b|\bi (?:cant|cannot) (?:do that|do this|do it|get there|reach it|wait"
        r"|right now)\b"
        r"|^(?:no )?(?:i )?(?:cant|cannot)$|\bno way\b|\bim not (?:doing|going to)\b|\bnot comfortable\b",
    ),
    (
        Act.REPEAT,
        r"^repeat\b|\b(?:say|repeat) (?:that|it|this|the question|the last (?:one|bit|part))(?: (?:again|back"
        r"|once more|please))?\b"
        r"|\bread (?:that|it|this) (?:again|back|out)\b|\bsay again\b|^again\b|\bonce again\b|\bcome again\b"
        r"|^pardon\b|\bi beg your pardon\b"
        r"|\bwhat (?:did you say|was that|was the question)\b"
        r"|^(?:sorry )?what$|^sorry$|\bone more time\b"
        r"|\b(?:didnt|did not) (?:catch|hear|get|understand) (?:that|you|it|the)\b"
        r"|^(?:sorry )?(?:i )?(?:dont|do not) (?:really |quite )?(?:understand|follow|get (?:it|that|you))"
        r"(?: (?:it|that|you|the question))?$|^what do you mean(?: by that)?$"
        r"|^excuse me$|^huh$"
        r"|\brepeat (?:please|the question)\b|^come back$",
    ),
    (Act.SLOWER, r"\bslow(?:er|ly| down)\b|\btoo fast\b"),
    (
        Act.HUMAN,
        r"\b(?:real|actual|live) (?:person|human|agent|man|woman)\b|\bhumans?(?: being)?\b|^(?:a |an "
        r"|the )?(?:person|agent|operator|representative|technician|people)(?: please)?$"
        r"|\b(?:can|could|will) (?:someone|somebody|anybody|anyone) (?:please )?(?:call|ring|phone)\b"
        r"|\b(?:speak|talk|connect|transfer|put|get|give|want|need|call|have)(?: me)?(?: \w+){0,3} (?:person|someone"
        r"|somebody|agent|operator|representative|technician|colleague|supervisor|manager|support staff)\b(?! (?:has"
        r"|is|was|sent|else))",
    ),
    (
        Act.ANGRY,
        r"\b(?:ridiculous|useless|stupid|fed up|sick of|waste of (?:my )?time|pissed|unacceptable|furious|idiots?"
        r"|rubbish|hopeless"
        r"|bullshit|crap|damn|fuck\w*|shit|sick and tired|had enough|outrageous|this is a joke|incompetent"
        r"|terrible service)\b|\bfor the (?:second|third|fourth|fifth|tenth|hundredth) time\b"
        r"|\bi hate\b",
    ),
    (
        Act.SKIP,
        r"^(?:lets |can we |could we |id like to |i want to |ill )?(?:skip|skit|skipped|pass)(?: (?:this|that|it"
        r"|the question|the|one|question|please|on|over))*$"
        r"|\bskip (?:this|that|it|the)\b|\bnext (?:question|one|step|please)\b|^next$|\bmove on\b",
    ),
    (
        Act.PAUSE,
        r"\b(?:hang|hold) on\b|^(?:one|a|just a|just one|wait a) (?:moment|second|sec|minute)\b"
        r"|(?<!cant )(?<!cannot )(?<!not )\bwait\b(?! (?:for|until|and))"
        r"|\bgive me (?:a|one) (?:second|sec|moment|minute)\b"
        r"|^pause\b|\bbear with me\b|^let me (?:just )?(?:check|try|see|look|think)\b|\bbe right back\b|\bbrb\b"
        r"|\bpause (?:please|the)\b|\ba moment please\b",
    ),
    (
        Act.RESUME,
        r"^(?:continue|resume|carry on|keep going|go on|ready)\b|^(?:ok |okay )?(?:im|i am) (?:back|ready)\b"
        r"|\blets continue\b",
    ),
    (
        Act.END,
        r"\b(?:good ?bye|bye bye|bye|hang up|see you)\b|\b(?:end|stop|finish|quit) (?:the |this |my |our )?(?:call"
        r"|interview|session|lesson|conversation|practice|here|now|it)\b|^(?:end|stop|quit|finish)$"
        r"|\b(?:thats|that is|that was|that will be|thatll be) (?:all|it|everything)\b|\bnothing else\b|\bno more\b"
        r"|\bwere done here\b|\bim done (?:here|for today|with this)\b|^no thanks?\b|^no thank you\b|\bthats enough\b",
    ),
    (
        Act.HINT,
        r"\b(?:a )?(?:hint|tip)\b|\bhelp me\b|\b(?:im|i am) stuck\b|\bgive me an example\b|\bhow (?:should"
        r"|would) i answer\b|\bwhat (?:should|can) i say\b",
    ),
    (Act.GREETING, r"^(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day))\b"),
    (Act.THANKS, r"\b(?:thanks|thank you|cheers|ta)\b"),
)
_COMPILED = tuple((act, re.compile(pattern)) for act, pattern in _PATTERNS)


def wants_end(folded: str) -> bool:
    """Whether the conversation is to end: narrower than `Act.END`, which also hears "that's all" and "no, thanks"."""
    return _FINISH.search(folded) is not None


def fold(text: str) -> str:
    """Lower case, no apostrophes or punctuation (kept inside addresses and codes), single spaces."""
    # Plain words, which most are, need no pattern: a long interview is folded anew for every reply.
    words = _APOSTROPHES.sub("", text.casefold()).split()
    if all(map(str.isalnum, words)):
        return " ".join(words)
    return " ".join(" ".join([word if word.isalnum() else _NOT_WORD.sub(" ", word) for word in words]).split())


def understand(text: str) -> Utterance:
    """Reads one utterance; no more than its first 4,000 characters."""
    text = text[:_MAX_CHARS]
    main, extra = _split_extra(text)
    words = _spoken_words(text)
    head = _LEADING.sub("", " ".join(_spoken_words(main) if extra else words))
    acts = {act for act, pattern in _COMPILED if pattern.search(head)}
    return Utterance(text, main, words, frozenset(_settle(acts)), extra)


def _spoken_words(text: str) -> tuple[str, ...]:
    line = _GRUNTED_NO.sub("no", _GRUNTED_YES.sub("yes", fold(text)))
    return tuple(word for word in line.split() if word not in _SOUNDS)


def _settle(acts: set[Act]) -> set[Act]:
    """Drops what a stronger reading contradicts."""
    if Act.BROKEN in acts:
        acts -= {Act.FIXED, Act.YES}
    if Act.TRIED in acts:
        acts -= {Act.DONE, Act.YES}
    if Act.UNSURE in acts:
        acts -= {Act.NO, Act.YES}
    if Act.NO in acts and not acts & {Act.FIXED}:
        acts -= {Act.YES}
    if Act.FIXED in acts:
        acts -= {Act.NO}
    return acts


def _split_extra(text: str) -> tuple[str, str]:
    """The main part and a second matter that a connector introduces ("and also …")."""
    match = _EXTRA.search(text, 1)
    if not match:
        return text, ""
    extra = text[match.end() :].strip(" .,!?;")
    if len(extra.split()) < 2:
        return text, ""
    return text[: match.start()].strip(" ,;"), extra
