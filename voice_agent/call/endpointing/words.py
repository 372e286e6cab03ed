"""Words by their class in grammar, and words that behave otherwise than their class. English; of other languages only
what may stand at an end."""

from __future__ import annotations

from voice_agent.call.endpointing.verbs import ERGATIVE_VERBS, FREE_VERBS, OBJECT_VERBS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AUXILIARIES = _words(
    """
    is are was were be been being am do does did has have had can could will would shall should may might must ought
    isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't can't cannot couldn't won't wouldn't
    shouldn't mustn't ain't had_better would_rather would_better had_rather
    """
)
_CONTRACTIONS = _words(
    """
    i'm you're he's she's we're they're it's that's there's i've you've we've they've i'll you'll we'll he'll she'll
    they'll it'll that'll there'll i'd you'd we'd he'd she'd they'd it'd what's where's who's how's when's why's
    here's let's there're what're who're i'd_better you'd_better we'd_better he'd_better she'd_better they'd_better
    i'd_rather we'd_rather you'd_rather he'd_rather she'd_rather they'd_rather
    """
)
BEING = _words("is are was were be been being am isn't aren't wasn't weren't get gets got getting gotten ain't") | {
    word for word in _CONTRACTIONS if word.endswith(("'s", "'re", "'m"))
}

DETERMINER, QUANTIFIER, SUBJECT, PRONOUN, OBJECT = "d", "q", "s", "i", "o"
AUXILIARY, CONTRACTION, NOUN_IS = "x", "X", "y"
PREPOSITION, TO, COORDINATOR, SUBORDINATOR, QUESTION_WORD = "p", "t", "c", "u", "w"
VERB, OBJECT_VERB, ERGATIVE_VERB, ING, OBJECT_ING = "v", "V", "e", "g", "G"
ADJECTIVE, ADVERB, WEAK_ADVERB, DEGREE, NUMBER, NOUN = "a", "r", "R", "D", "#", "n"

_BY_CLASS = (
    (VERB, FREE_VERBS | {"done"}),
    (ERGATIVE_VERB, ERGATIVE_VERBS),
    (
        OBJECT_VERB,
        OBJECT_VERBS
        | _words(
            """
            thought believed wondered hoped thinks believes noticed supposed figured looks sounds feels seems
            appears gets includes
            """
        ),
    ),
    (ING, {word for word in FREE_VERBS | ERGATIVE_VERBS if word.endswith("ing")} - {"ring", "bring", "sing", "swing"}),
    (OBJECT_ING, {word for word in OBJECT_VERBS if word.endswith("ing")} - {"bring"}),
    (
        ADJECTIVE,
        _words(
            """
            new old older newer younger cheaper heavier lighter louder quieter closer safer busier fastest slowest
            nearest closest cheapest youngest highest lowest hardest simplest big small little bigger smaller
            biggest smallest newest oldest different whole main former real local external internal red green blue
            black white grey gray yellow orange purple pink brown bright dark tiny huge large larger largest long
            longer short shorter tall high higher low lower wide narrow thick thin fast faster slow slower quick
            quicker good great nice bad better worse terrible horrible awful strange weird odd funny normal usual
            regular special particular certain specific general common main major minor important interesting
            difficult easy easier hard harder hardest easiest simple complicated complex possible impossible true
            false likely unlikely necessary fair legal free busy full empty wrong right wee lovely beautiful ugly
            dirty wet hot warm cold cool heavy loud quiet strong weak soft young elderly happy sad angry afraid
            sorry glad tired ill sick sure ready able unable aware available responsible similar previous current
            recent early earlier late later final last next other entire single double own proper exact extra spare
            additional broken frozen blank blurry faulty damaged stuck missing locked wired digital technical
            personal private international national foreign native several various shared remote virtual electronic
            daily weekly monthly annual okay ok fine offline online friendly polite honest flexible creative
            reliable organised organized experienced senior junior temporary permanent dead live same
            """
        ),
    ),
    (
        NUMBER,
        _words(
            """
            zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
            seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand
            million first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
            fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth
            """
        ),
    ),
    (
        ADVERB,
        _words(
            """
            now then again already today yesterday tomorrow tonight here there too though anyway anymore anyways
            once twice soon yet before_that ago well home away back once forward together apart alone online instead
            everywhere somewhere anywhere nowhere upstairs downstairs abroad sometimes often later earlier
            afterwards yes no yeah okay please thanks ever at_all as_well so_far so_much too_much very_much
            right_now right_away right_here right_there of_course at_home at_work more_or_less a_bit_more
            a_little_bit_more a_more one_more some_more any_more no_more once_more much_more few_more for_now
            at_least monday tuesday wednesday thursday friday saturday sunday morning afternoon evening night week
            weekend month year day daily weekly monthly o'clock midday noon midnight lunchtime up_to_date not else
            """
        )
        - _words("then already sometimes often ever yes no"),
    ),
    (
        WEAK_ADVERB,
        _words(
            """
            then already sometimes often ever always never usually normally generally probably actually basically
            also maybe perhaps really still mostly mainly definitely certainly either neither possibly hopefully
            finally obviously especially apparently suddenly constantly currently recently simply literally honestly
            clearly nearby however yes no at_least a_bit a_little_bit a_lot a_little
            """
        ),
    ),
    (
        DEGREE,
        _words(
            """
            gonna wanna gotta mister mr mrs ms doctor brand in_front on_behalf in_spite just very quite rather
            pretty fairly only even almost nearly extremely incredibly totally hardly barely merely especially
            so_called such more most less plus minus dot dash underscore slash point hyphen double triple per
            sort_of kind_of no_longer not_only no_matter half quarter let's und oder aber weil wenn dass der das ein
            eine einen mit von zu für auf ist sind et ou mais parce que le la les un une des du de avec pour est
            sont y o pero porque el los las una con para por es son e ma perché il lo gli per sono ehm um uh er erm
            hmm ähm äh euh
            """
        ),
    ),
    (QUANTIFIER, _words("some any all both many few enough everything something anything nothing everyone everybody")),
    (QUANTIFIER, _words("someone somebody anyone anybody nobody none much a_few a_couple no_one most lots people")),
    (DETERMINER, _words("a an the my your our their its every each another whose such_a various certain")),
    (SUBJECT, _words("i he she we they")),
    (PRONOUN, _words("it you this that these those there his")),
    (
        OBJECT,
        _words(
            """
            me him her us them mine yours hers ours theirs myself yourself himself herself itself ourselves
            yourselves themselves each_other one_another
            """
        ),
    ),
    (
        PREPOSITION,
        _words(
            """
            of in on at for from with without into onto by about over under between through during until till like
            near as off out up down behind after before against towards toward upon via per inside outside since
            across along around above below beneath beside besides beyond among amongst amid despite except
            excluding including concerning regarding following within throughout opposite past unlike versus
            underneath alongside than because_of rather_than out_of as_well_as aboard according thanks_to round plus
            """
        ),
    ),
    (TO, {"to"}),
    (COORDINATOR, _words("and or but nor and/or")),
    (
        SUBORDINATOR,
        _words(
            """
            because cause if although though while whereas unless whether as_soon_as as_long_as as_far_as so that_is
            given_that seeing_as seeing_that except_that the_second the_day the_instant so_that even_though even_if
            as_though as_if in_case now_that provided_that whenever wherever whatever whoever the_moment the_minute
            the_first_time the_last_time the_next_time every_time each_time by_the_time ever_since lest provided
            providing assuming in_order cos cuz
            """
        )
        - {"though"},
    ),
    (QUESTION_WORD, _words("what where when who whom which why how how_many how_much how_long how_often how_far")),
    (AUXILIARY, _AUXILIARIES),
    (CONTRACTION, _CONTRACTIONS),
)

CLASS_OF = {word: letter for letter, words in _BY_CLASS for word in words}
"""One letter for each known word; the patterns of the other modules are written in them."""

NOT_ING = _words(
    """
    thing something anything everything nothing morning evening meeting meetings building king spring string
    training setting ceiling wedding pudding clothing interesting boring annoying confusing amazing frustrating
    exciting challenging
    """
)
NOT_ADVERBS = _words("reply family italy july fly supply apply assembly ally belly bully jelly rally anomaly elderly")

SUBORDINATORS = _words(
    """
    when whenever if although though while before after unless once since whether until till as_soon_as as_long_as
    even_though even_if now_that the_moment the_minute the_first_time the_last_time the_next_time every_time
    each_time by_the_time whereas wherever in_case provided_that provided assuming given_that seeing_as seeing_that
    ever_since whatever whoever however no_matter the_second the_day the_instant
    """
)
"""Begin a clause that may stand before the main one."""

SUPERLATIVES = _words(
    "same best worst last next latest usual normal left wrong right opposite dark okay ok cold own first early"
)
"""Adjectives that stand for the noun as well: "the same"."""

HUMAN_SUBJECTS = _words(
    "i he she we they you i've we've they've you've i'll we'll they'll i'd we'd they'd i'm we're they're he's she's"
)
"""Of a verb that they do to something."""
SPEAKERS = _words("i we you i'm i've i'd i'll we're we've we'd you're you've")
"""Behind a noun they begin a relative clause: "the laptop I use". "My daughter she" does not."""

PARTICLES = _words("off out up down away back over apart through around together along")
"""Prepositions and adverbs that end a verb, and may stand behind its object."""
IN_VERBS = _words(
    """
    log logs logged logging sign signs signed signing plug plugs plugged plugging come comes came coming type typed
    give gave key keyed check checked clock dial dialled let be fill filled move moved join joined break broke put
    get packed caved settled kick kicks kicked chip dig weigh
    """
)
BY_VERBS = _words("drop drops dropped stop stopped pass passed come comes came")
OVER_VERBS = _words("change changed switch switched move moved hand handed take took taken bring brought swap swapped")
ON_VERBS = _words(
    """
    turn turns turned turning switch switched switches switching power powered come comes came coming go goes went
    going carry carried hold hang keep move moved is are was were it's that's isn't wasn't aren't stay stays stayed
    """
)
REPEATED_TIMES = _words("every_time each_time ever_since the_first_time the_last_time the_next_time")
"""Behind a clause they end it; before one they begin it."""
SCENES = _words("today yesterday tonight tomorrow now lately recently usually normally")
"""Behind "but" they set the scene of another clause."""
ASKING_CONTRACTIONS = _words("what's where's who's how's when's why's what're who're")
ANSWERING_AUXILIARIES = _words(
    "do does did don't doesn't didn't am can can't could couldn't will won't would wouldn't should"
)
"""With a subject alone they are an answer: "I did", "it doesn't"."""
OBJECT_WORDS = _words("what which who whom whose where how_many how_much how_long")
"""Ask for the object of a verb or of a preposition behind it."""
RELATIVES = SPEAKERS | _words("who which that that's who's whose where whom")
RESULTS = _words("off out up down over on back away through")
"""Particles that say how something is: "the light is on"."""

BEFORE_THAT_CLAUSE = _words(
    """
    is was be so sure think thought know knew say says said saying see saw believe believed hope hear heard mean
    means meant tell find found feel felt afraid sorry glad happy notice noticed realise realised realize realized
    aware reason fact the of in all it's noticing confirm confirmed explain explained suggest suggested seems seem
    clear learn learned learnt true possible important assume assumed imagine guess wish worried understand
    understood saying except now given it anything everything something nothing someone somebody anyone everyone
    people
    """
)
"""Behind these, "that" begins a clause."""
REPORTING = _words("told tell tells telling informed inform promised promise showed remind reminded convinced asked")
"""With an object behind it, a clause with "that" follows: "my manager told me that"."""
THINKING = _words("think thought hope guess believe suppose say said know sure reckon bet wish")
"""May be followed by a subject and an auxiliary alone: "I think it does"."""
SO_VERBS = _words("think thought hope guess believe suppose say said told reckon do did doing")
"""Before "so"."""
TO_VERBS = _words(
    "speak spoke spoken speaking talk talked talking listen connect connected belong reply refer go went going"
)
"""May leave their "to" behind: "who should I speak to"."""
EVERYBODY = _words("everyone everybody someone somebody nobody no_one anyone people lots")
WONDERING = _words("know sure remember wonder understand see forget forgot explain me idea guess say")
"""Before a question word that ends the sentence: "I don't know why"."""

POSSESSIVES = _words("my your his her our their")
"""A noun behind one of these is the subject of what follows more often than an answer."""
ORDINALS = _words("first second third fourth last next")

PEOPLE = _words(
    "woman man guy girl lady person colleague manager boss technician lad bloke customer client teacher lady team users"
)
"""More often the subject than the answer, with more words behind them."""
NOT_PASSIVE = _words("need got become told asked supposed allowed used given expected forced meant")
"""Want something more even where their object stands before them: "I was told"."""
GIVING = _words(
    "give gives gave given giving bring brought send sends sent lend offer offered cost costs makes make put puts"
)
WANTING = _words("want wants wanted need needs needed expect expects expected")
LINKING = _words("look looks looked feel feels felt seem seems seemed sound sounds sounded become became get gets got")
"""Before an adjective."""
NUMBERED = _words("version room extension gate platform port chapter building level")
"""Without a determiner they want a number."""
FORMER = _words("last previous old former current")
ANSWERING_DETERMINERS = _words("a an another any some enough such_a a_couple a_few lots")
"""Begin an answer more often than a sentence."""
LETTING = _words("let lets letting making")
"""Want an infinitive behind their object."""
BEFORE_NOUNS = _words("which who whose how_many how_much how_long how_often how_far")
"""Question words that do not end a sentence: "I don't know which"."""
FRAMES = _words(
    """
    job role position company country opinion experience career culture language team case situation project family
    studies work position field industry department city town house free last previous current former
    """
)
"""What the first phrase of a statement sets it in: "in my last job"."""
CONTRASTS = _words("apart despite unlike regarding concerning besides whereas including instead according")
"""Begin a phrase that is no answer by itself."""

DAYS = _words("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = _words("january february march april may june july august september october november december")
