"""English verbs with their inflections: which of them leave a sentence open."""

from __future__ import annotations

_IRREGULAR = {
    forms.split()[0]: forms.split()
    for forms in """
    bring brings brought brought bringing, buy buys bought bought buying, make makes made made making
    keep keeps kept kept keeping, give gives gave given giving, take takes took taken taking
    put puts put put putting, get gets got got getting, let lets let let letting, send sends sent sent sending
    find finds found found finding, tell tells told told telling, say says said said saying
    hold holds held held holding, set sets set set setting, choose chooses chose chosen choosing
    build builds built built building, catch catches caught caught catching, sell sells sold sold selling
    become becomes became become becoming, mean means meant meant meaning, feel feels felt felt feeling
    lose loses lost lost losing, teach teaches taught taught teaching, lead leads led led leading
    shut shuts shut shut shutting, break breaks broke broken breaking, go goes went gone going
    come comes came come coming, know knows knew known knowing, think thinks thought thought thinking
    see sees saw seen seeing, run runs ran run running, write writes wrote written writing
    read reads read read reading, speak speaks spoke spoken speaking, leave leaves left left leaving
    win wins won won winning, spend spends spent spent spending, meet meets met met meeting
    show shows showed shown showing, fall falls fell fallen falling, drive drives drove driven driving
    freeze freezes froze frozen freezing, stick sticks stuck stuck sticking, cut cuts cut cut cutting
    hit hits hit hit hitting, begin begins began begun beginning, forget forgets forgot forgotten forgetting
    understand understands understood understood understanding, hear hears heard heard hearing
    sit sits sat sat sitting, stand stands stood stood standing, grow grows grew grown growing
    eat eats ate eaten eating, drink drinks drank drunk drinking, sleep sleeps slept slept sleeping
    learn learns learnt learnt learning, wake wakes woke woken waking, fly flies flew flown flying
    die dies died died dying, pay pays paid paid paying, cost costs cost cost costing
    hang hangs hung hung hanging, rise rises rose risen rising, wear wears wore worn wearing
    throw throws threw thrown throwing, draw draws drew drawn drawing, ring rings rang rung ringing
    swim swims swam swum swimming, sing sings sang sung singing, fit fits fit fit fitting
    lend lends lent lent lending, spell spells spelt spelt spelling, burn burns burnt burnt burning
    quit quits quit quit quitting, shake shakes shook shaken shaking, lie lies lay lain lying
    """.replace("\n", ",").split(",")
    if forms.strip()
}
"""Base, third person, past, participle, -ing."""


def _regular(base: str) -> list[str]:
    """A plus behind a base doubles its last letter: "plug+" gives "plugged"."""
    stem = base.rstrip("+")
    long = stem + stem[-1] if base.endswith("+") else stem
    if stem.endswith("y") and stem[-2] not in "aeou":
        return [stem, stem[:-1] + "ies", stem[:-1] + "ied", stem + "ing"]
    third = stem + ("es" if stem.endswith(("s", "x", "z", "ch", "sh")) else "s")
    if stem.endswith("ee"):
        return [stem, third, stem + "d", stem + "ing"]
    if stem.endswith("e"):
        return [stem, third, stem + "d", stem[:-1] + "ing"]
    return [stem, third, long + "ed", long + "ing"]


def _inflected(bases: str) -> frozenset[str]:
    return frozenset(form for base in bases.split() for form in _IRREGULAR.get(base) or _regular(base))


OBJECT_VERBS = _inflected(
    """
    need want ask tell bring buy make keep give take put get let send find say decide replace use include install
    visit contain mention cause require remove receive select insert attach add provide create produce describe
    discuss explain suggest recommend consider expect prefer+ enjoy love hate avoid allow offer set build catch
    sell become mean seem remain realise realize discover lose handle manage solve repair wish assume contact
    reach attend follow support introduce develop organise organize prepare own borrow lend achieve represent prevent
    bother convince persuade encourage inform remind involve affect deserve lack swap+ grab+ fetch wear throw teach hire
    treat feel request report appreciate ensure imagine mind
    """
)
"""A statement does not end with one, but a question about its object may: "what do I need"."""

ERGATIVE_VERBS = _inflected(
    "open close change save load download upload delete move play drop+ charge share switch show"
)
"""What people do to a thing, or what it does itself: "I opened" wants more, "it opened" does not."""

FREE_VERBS = _inflected(
    """
    work go come know think see look help happen speak leave run write read learn press click try disconnect connect
    reconnect restart reboot win spend meet call cost fall live study join cook drive shut turn type freeze crash
    start stop+ print break finish begin forget understand remember hear sit stand grow eat drink sleep wake fly die
    pay hang rise ring swim sing fit burn quit shake lie lead stick cut hit hold spell plug+ unplug+ log+ sign boot
    check test update upgrade reset+ sync flash blink flicker beep buzz smell scan+ respond reply answer
    continue travel wait listen talk walk arrive return appear disappear vanish exist matter depend differ complain
    laugh cry stay rest relax retire resign graduate apply agree disagree argue succeed fail struggle improve
    increase decrease rain snow shop+ dance jog+ exercise practise practice volunteer commute expire lock unlock
    choose block jam+ overheat lag+ buffer stutter repeat wonder worry care hope guess believe suppose ship+ deliver
    register enter escalate confirm book order cancel schedule email mail message text chat+ phone fix
    translate pronounce correct react behave communicate present negotiate design draw paint train count wash
    clean iron bake like seem tap+ swipe scroll push pull touch power pop+ spin+ leak melt smoke stream record mute
    unmute dial calm recover settle hum+ taste squeak rattle park hurt last ache bounce vibrate rotate
    notice kick keep end cancel
    """
)
"""Verbs that may stand at an end."""

PARTICIPLES = frozenset(verb[3] for verb in _IRREGULAR.values())
BASES = frozenset(
    form for form in OBJECT_VERBS | ERGATIVE_VERBS | FREE_VERBS if not form.endswith(("s", "ed", "ing"))
) - {form for verb in _IRREGULAR.values() for form in verb[2:]} | {"bring", "miss"}
