"""The words by which `endpointing` judges. English; of other languages only what may stand at an end."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.strip().splitlines())


SHORT_ANSWERS = _words(
    """
    yes yeah yep yup no nope done okay ok sure right correct exactly thanks please stop repeat skip pause end
    next human hello hi hey bye goodbye help slower continue ready finished fixed never always great fine good
    all perfect thank you ja nein fertig danke hallo genau oui non merci bonjour d'accord sí si gracias hola
    vale sì grazie ciao
    """
)
"""A turn of at most four of these is over: answers and commands."""

ANSWERS = _phrases(
    """
    i don't know
    i do not know
    i'm not sure
    not really
    not yet
    not at all
    of course
    go ahead
    that's it
    that's all
    that's right
    that works
    i think so
    i guess so
    i hope so
    i believe so
    it works
    it works now
    yes it does
    me too
    just me
    just one
    one moment
    my own
    maybe later
    """
)
"""Answers whose last word would seem to want another."""

OPENINGS = _phrases(
    """
    um
    uh
    er
    erm
    hmm
    ah
    oh
    well
    so
    and
    but
    like
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
    i mean
    you know
    you see
    let me see
    let me think
    let's see
    i think
    i guess
    i believe
    i would say
    i'd say
    in my opinion
    in my view
    for example
    for instance
    if i remember correctly
    if i am honest
    as far as i know
    first of all
    on the one hand
    on the other hand
    in general
    the thing is
    the point is
    the problem is
    what i mean is
    äh
    ähm
    also
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
LONGEST_OPENING = max(len(phrase.split()) for phrase in OPENINGS)

QUESTION_WORDS = _words("what where when who whom whose which why how")

SUBJECTS = _words("i you he she we they it that this there who")

DETERMINERS = _words("a an the my your his her our their its this these those some any each every no another")

CONTRACTIONS = _words(
    """
    i'm you're he's she's we're they're it's that's there's i've you've we've they've i'll you'll we'll i'd
    you'd we'd what's where's who's let's
    """
)
AUXILIARIES = CONTRACTIONS | _words(
    """
    is are was were be been being am do does did has have had can could will would shall should may might must
    isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't can't cannot couldn't won't wouldn't
    shouldn't
    """
)

ANSWERING_AUXILIARIES = _words("do does did don't doesn't didn't am can can't could couldn't will won't would wouldn't")
"""With a subject alone they are an answer: "I did", "it doesn't"."""

PREPOSITIONS = _words(
    """
    to of in on at for from with without into onto by about over under between through during until till like
    near as off out up down behind after before against towards upon via per inside outside since across along
    around
    """
)
PARTICLES = _words("in on off out up down over through around")
"""Prepositions that end a verb: "turn it on", "log in"."""
RESULTS = _words("off out down up over on")
"""Particles that say how something is: "the light is on"."""
BEING = _words("is are was were it's")
PARTICLE_VERBS = _words(
    """
    log logs logged logging sign signed signing turn turned turning switch switched plug plugged come came
    coming go went going gone shut start started starting boot boots give gave hang hung set wake woke print
    printed break broke breaks check checked run ran runs show showed figure figured find found back hold take
    took work worked pick picked move moved click clicked carry carried speed slow sold get got sit stand stood
    fall fell
    """
)
OBJECTS = _words("it them me him her us that this you")

BEFORE_THAT_CLAUSE = _words(
    """
    is was be so sure think thought know knew say says said see saw believe believed hope hear heard mean means
    meant told tell find found feel felt afraid sorry glad happy notice noticed realise realised realize
    realized reason fact the of in all
    """
)
"""Behind these, "that" begins a clause."""

TRANSITIVES = _words(
    """
    need needs needed want wants wanted ask asked asks tell told tells bring brought buy bought make makes made
    keep kept give gave gives take took takes put puts get gets got let lets send sent sends find found finds
    say said says decide decided replace replaced use used uses include includes included including require
    requires open opened install installed visit visited contain contains mention mentioned cause caused hold
    holds
    """
)
"""Verbs that want an object: a sentence does not end with one, but a question may."""

VERBS = _words(
    """
    work works working worked go goes went come comes came know knows knew think thinks thought see sees saw
    feel feels felt look looks print prints start starts stop stops keep keeps help helps happen happens
    happened speak speaks spoke leave left lead led run runs ran lose lost write writes wrote read reads teach
    learn learned like likes press presses click clicks try tries tried have had disconnects connects connect
    restart restarted won win spend spent meet met show shows seem seems call calls called cost costs broke
    break breaks fell live lives moved study studied joined cook cooks drove drive shut turn turns type types
    freeze freezes froze crash crashes
    """
)
"""Verbs that need nothing behind them."""

OPEN_ENDINGS = _words(
    """
    a an the my your our their its it's every another and or but so because if when while although though which
    who whose whom where whether than then i i'm he she we they um uh er erm hmm actually basically also
    maybe perhaps just very really quite more most less let's plus minus dot dash underscore slash either
    neither such other only even still double triple und oder aber weil wenn dass der die das
    ein eine einen mit von zu für auf ist sind ähm äh et ou mais parce que le la les un une des du de avec pour
    est sont euh y o pero porque el los las una con para por es son e ma perché il lo gli per sono ehm
    """
)
"""A turn whose last word is one of these goes on. Not "this", "his", "first", "no": they end sentences as well."""

ARTICLES = _words("a an the my your his her our their")
POSSESSIVES = _words("my your his her our their")
"""A noun behind one of these is the subject of what follows more often than an answer."""
ORDINALS = _words("first second third fourth last next")
ATTRIBUTES = _words("new old big small little bigger smaller different whole main former real local external internal")
"""Between an article and a noun; "the other" and "the second" may stand alone."""

DIGIT_WORDS = _words("zero oh one two three four five six seven eight nine double triple hundred")
PHONE_WORDS = _words("phone telephone call mobile cell dial reach fax ring")
SHORT_NUMBER_WORDS = _words("extension pin room floor desk year age ext building error")
CODE_WORDS = _words(
    "number serial asset tag ticket code id key licence license account invoice reference order starts address staff"
)
ADDRESS_SIGNS = _words("dot at dash underscore")
