"""What callers say that is a turn of its own, or stands before or behind one. English; answers and openings in other
languages as well."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_agent.call.endpointing.words import THINKING


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.strip().splitlines())


SHORT_ANSWERS = _words(
    """
    yes yeah yep yup no nope done okay ok sure right correct exactly thanks please stop repeat skip pause end
    next human hello hi hey bye goodbye help slower continue ready finished fixed never always great fine good
    all perfect thank you aye cheers nah ta agreed absolutely definitely certainly probably possibly maybe sometimes
    usually often rarely indeed
    ja nein fertig danke hallo genau oui non merci bonjour d'accord sí si gracias hola
    vale sì grazie ciao
    """
)
"""A turn of at most four of these is over: answers and commands."""

ANSWERS = _phrases(
    """
    i don't know
    i do not know
    i know that
    i'm not sure
    i am not sure
    not really
    not yet
    not at all
    not quite
    not exactly
    not always
    not necessarily
    not anymore
    of course
    of course not
    go ahead
    that's it
    that's all
    that's right
    that works
    i think so
    i guess so
    i hope so
    i hope not
    i believe so
    i suppose so
    it works
    it works now
    yes it does
    me too
    me neither
    just me
    just one
    just the one
    never mind
    there it is
    here it is
    there they are
    here they are
    please do
    yes please do
    nothing comes to mind
    so do i
    so am i
    so did i
    so have i
    neither do i
    neither am i
    neither did i
    neither have i
    nor do i
    one moment
    my own
    maybe later
    why not
    how so
    what else
    and you
    could be
    might be
    it could be
    it might be
    it depends
    as usual
    as always
    hold on
    hang on
    come on
    i'd love to
    not that i know of
    not that i'm aware of
    none that i'm aware of
    i'd say so
    thank you so much
    thank you very much
    thanks so much
    thanks a lot
    none that i know of
    nothing that i know of
    not as far as i know
    one of each
    i reckon so
    i'm afraid not
    i'm afraid so
    i assume so
    whenever you like
    whenever you want
    whenever you can
    whatever you like
    whatever you want
    if you like
    if you want
    if you can
    if you could
    if possible
    if needed
    if that's okay
    if that helps
    when you're ready
    in front
    sort of
    kind of
    """
)
"""Answers whose last word would seem to want another."""

OPENINGS = _phrases(
    """
    um
    uh
    er
    erm
    mm
    hm
    hmm
    ah
    oh
    well
    so
    and
    but
    like
    then
    and then
    and so
    but then
    but so
    okay so
    right so
    alright so
    yes so
    yeah so
    so basically
    basically
    actually
    honestly
    to be honest
    to be honest with you
    to be quite honest
    you know what
    guess what
    so yeah
    yeah well
    by the way
    in other words
    on top of that
    for some reason
    all of a sudden
    long story short
    if you ask me
    i must say
    i must admit
    i have to say
    i have to admit
    let's say
    i'm afraid
    i'm guessing
    i reckon
    i assume
    i bet
    i heard
    i noticed
    it turns out
    it turned out
    in any case
    last but not least
    as i mentioned
    to be fair
    i mean
    you know
    you see
    let me see
    let me think
    let's see
    i think
    i guess
    i believe
    i suppose
    i would say
    i'd say
    i feel like
    in my opinion
    in my view
    for example
    for instance
    if i remember correctly
    if i remember right
    if i am honest
    if i'm honest
    as far as i know
    as i said
    like i said
    as you know
    as you can see
    first of all
    on the other hand
    in general
    in fact
    in that case
    of course
    in addition
    in the beginning
    in the end
    at the beginning
    at the end
    at first
    after that
    before that
    at that time
    at that moment
    as a result
    for that reason
    because of that
    apart from that
    the thing is
    the point is
    the problem is
    what happens is
    what i mean is
    good question
    that's a good question
    look
    listen
    ooh
    ooh well
    well now
    now then
    how to say
    however
    therefore
    also
    besides
    anyway
    anyways
    luckily
    fortunately
    unfortunately
    thank you
    thank you so much
    thank you very much
    thanks so much
    thanks a lot
    oh and one more thing
    and one more thing
    one more thing
    äh
    ähm
    euh
    alors
    pues
    bueno
    eh
    allora
    ehm
    """
)
"""What callers say while they look for words; a turn of nothing else has not begun."""

_OPENING_LENGTHS = {
    first: sorted({len(phrase.split()) for phrase in OPENINGS if phrase.split()[0] == first}, reverse=True)
    for first in {phrase.split()[0] for phrase in OPENINGS}
}
"""By their first word, the longest first."""

LEADS = _words(
    """
    yes yeah yep no nope okay ok right sure sorry please thanks hello hi hey maybe perhaps sometimes usually normally
    generally probably hopefully apparently obviously suddenly today yesterday tonight now later again currently
    recently definitely aye alright cheers huh
    """
)
"""May stand before a clause, or be all there is."""

SEARCHING = _phrases(
    """
    how to say
    how you say
    let me see
    let me think
    what's the word
    what's it called
    what is it called
    what do you call it
    how do you say
    how do you say it
    how do i say
    how do i say this
    how do you call it
    how can i say
    how should i put it
    how should i say
    how can i put it
    how can i put this
    how do i put this
    how shall i put it
    how shall i say
    where was i
    what was it
    what was it called
    what was i saying
    let me check
    let me look
    let me have a look
    oh wait
    """
)
"""What callers say while they look for a word."""

HESITATIONS = SEARCHING | _phrases(
    """
    um
    uh
    er
    erm
    ah
    mm
    hm
    hmm
    ehm
    ähm
    äh
    euh
    i mean
    no sorry
    no wait
    wait no
    oh wait
    actually no
    no actually
    well no
    or rather
    or actually
    well actually
    scratch that
    let me rephrase
    i should say
    one more thing
    another thing
    the other thing
    one thing
    """
)
"""Whoever ends with one is about to go on, or to put it right."""

ASIDES = SEARCHING | _phrases(
    """
    hold on
    hang on
    hang on a second
    hang on a minute
    hold on a second
    one second
    one sec
    one moment
    just a second
    just a moment
    just a minute
    wait a second
    wait a minute
    bear with me
    bear with me a second
    give me a second
    give me a moment
    pardon
    pardon me
    excuse me
    sorry
    i don't know
    i'm not sure
    who knows
    oh lord
    oh god
    god
    lord
    gosh
    oh dear
    eh
    mmm
    where are we now
    where are we
    where is it
    here we go
    you know when
    you know the one
    """
)
"""A piece of its own behind a sentence under way: it goes on."""

TAILS = _phrases(
    """
    please
    you know
    you see
    i think
    i guess
    i suppose
    i believe
    yeah
    well
    mate
    sir
    madam
    so never mind
    before you ask
    give or take
    to be honest
    to be fair
    if that helps
    if that makes sense
    as well
    """
)
"""Asides behind a sentence, which is judged without them."""

CLOSING = _words("this every each last thank thanks already again yet too either")
"""What they begin behind a pause ends the turn: "this morning", "every time", "thank you very much"."""

TAKEN_BACK = _words("no sorry wait")
"""Behind a sentence that is not complete they begin it anew: "it's the blue, no"."""

AGREEING = _words("yes yeah yep aye no nope nah of sure")
"""Before an elliptic answer: "yes it is", "of course I can"."""
NO_TAIL_BEHIND = _words("as if that do don't did didn't does than let")
"""There they are no asides: "as you know"."""

LAST_WORDS = frozenset(phrase.split()[-1] for phrase in HESITATIONS | TAILS)

_ONE_WORD = re.compile(
    r"\b("
    r"a (little )?bit more|(a|one|some|any|no|once|much|few) more|a (little )?bit|a lot|a little|a few|a couple"
    r"|as well as|as well|as (soon|long|far) as|as though|as if|so that|so far|so much|too much|very much"
    r"|how (many|much|long|often|far)|even (though|if)|in case|now that|provided that|given that|except that"
    r"|seeing (as|that)|the (first|last|next) time|the (second|day|instant)(?= (i|we|you|he|she|they)\b)"
    r"|(?<!at )(?<!for )the (moment|minute)|every time|each time|by the time|ever since|no matter"
    r"|because of|rather than|out of|in order|in front|on behalf|in spite|at least|of course|at all|at home|at work"
    r"|such a|no longer|not only|each other|one another|no one|sort of|kind of|more or less|per cent|for now"
    r"|up to date|right (now|away|here|there)|((i|you|we|he|she|they)'d|had|would) (better|rather)"
    r")\b"
)
"""Words that are one in grammar."""


def merged(words: list[str]) -> list[str]:
    """The same words, with "as soon as" and the like as one."""
    return _ONE_WORD.sub(lambda phrase: phrase[0].replace(" ", "_"), " ".join(words)).split()


def opening(words: Sequence[str], start: int) -> int:
    """How many words from there on are an opening."""
    lengths = _OPENING_LENGTHS.get(words[start], ())
    return next((n for n in lengths if n <= len(words) - start and " ".join(words[start : start + n]) in OPENINGS), 0)


WRITTEN = {str(digit): word for digit, word in enumerate("zero one two three four five six seven eight nine".split())}
"""Of numbers that stand alone."""
BEFORE_SUBJECT = THINKING | _words("but so then that because")
"""Before a noun alone they tell that a sentence begins."""
