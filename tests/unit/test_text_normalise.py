"""What a voice is given for what a model wrote: tables of examples, and properties that hold for any text."""

from __future__ import annotations

import re
import time
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_agent.text import normalise
from voice_agent.text.normalise import speakable

PROSE = [
    "Hello there.",
    "Let me check that for you, one moment.",
    "It's fine - isn't it?",
    "Tell me about a time when you disagreed with a colleague; what did you do?",
    'She said "it\'s broken" (again).',
    "Well... I think so!",
    "Café, naïve, Zoë and Łódź.",
    "What did you do yourself, and what changed afterwards?",
]

MARKDOWN = [
    ("# Summary", "Summary"),
    ("## Steps ##\nFirst, restart.", "Steps. First, restart."),
    ("**Bold** and *soft* and __strong__ and _quiet_ and ***both***.", "Bold and soft and strong and quiet and both."),
    ("~~old~~ new", "new"),
    ("Run `ipconfig` now.", "Run ipconfig now."),
    ("- Milk\n- Eggs\n- Bread", "Milk. Eggs. Bread"),
    ("* Milk\n* Eggs", "Milk. Eggs"),
    ("1. Open Settings\n2. Choose Network", "one: Open Settings. two: Choose Network"),
    ("- [x] Done\n- [ ] Open", "Done. Open"),
    ("> Quoted words.", "Quoted words."),
    ("[the guide](https://example.com/guide?x=1) helps.", "the guide helps."),
    ("![a screenshot](shot.png)", "a screenshot"),
    ("<https://example.com>", "example dot com"),
    ("Line<br>break", "Line. break"),
    ("This is <b>big</b>.", "This is big."),
    ("| Name | Age |\n|------|-----|\n| Ann | 30 |", "Name, Age. Ann, thirty"),
    ("Try this:\n```bash\nipconfig /all\n```", "Try this: ipconfig slash all"),
    ("Look:\n```python\nx = 1\ny = 2\n```\nDone.", "Look: a piece of code. Done."),
    ("As shown [1], it works[^2].", "As shown, it works."),
    ("Above\n\n---\n\nBelow", "Above. Below"),
    ("Tom &amp; Jerry", "Tom and Jerry"),
    ("**Note: this matters", "Note: this matters"),
    ("file_name stays", "file name stays"),
    ("2 * 3 = 6", "two times three equals six"),
]

NUMBERS = [
    ("I have 3 cats.", "I have three cats."),
    ("It is 3.5 today.", "It is three point five today."),
    ("0.25 of it", "zero point two five of it"),
    ("1,000 people", "one thousand people"),
    ("1,234,567 rows", "one million two hundred thirty-four thousand five hundred sixty-seven rows"),
    ("1500 users", "one thousand five hundred users"),
    ("10000 steps", "ten thousand steps"),
    ("It was -5 outside.", "It was minus five outside."),
    ("I counted 12.", "I counted twelve."),
    ("50% of them", "fifty percent of them"),
    ("3.5% more", "three point five percent more"),
    ("the 1st, 2nd, 3rd and 21st", "the first, second, third and twenty-first"),
    ("pages 3-5", "pages three to five"),
    ("10–15% off", "ten to fifteen percent off"),
    ("1/2 cup", "one half cup"),
    ("3/4 done", "three quarters done"),
    ("2 1/2 hours", "two and a half hours"),
    ("1½ cups", "one and a half cups"),
    ("120/80", "one hundred twenty over eighty"),
    ("a 7/10 rating", "a seven out of ten rating"),
    ("1920x1080", "one thousand nine hundred twenty by one thousand eighty"),
    ("3x faster", "three times faster"),
    ("2 + 2 = 4", "two plus two equals four"),
    ("a ratio of 3:1", "a ratio of three to one"),
    ("10k users", "ten thousand users"),
    ("5M users", "five million users"),
    ("12345678", "one two three, four five six, seven eight"),
    ("007", "zero zero seven"),
    ("Choose #5.", "Choose number five."),
    ("No. 7 is best", "Number seven is best"),
    ("~20 people", "about twenty people"),
    ("under <5 ms", "under less than five milliseconds"),
    ("24/7 support", "twenty-four seven support"),
]

DATES_TIMES = [
    ("on 2024-03-05", "on March fifth, twenty twenty-four"),
    ("March 5, 2024", "March fifth, twenty twenty-four"),
    ("March 5th", "March fifth"),
    ("Jan. 3 works", "January third works"),
    ("on 5 March 2024", "on the fifth of March twenty twenty-four"),
    ("on the 5th of March", "on the fifth of March"),
    ("June 3-5", "June third to fifth"),
    ("in May 2023", "in May twenty twenty-three"),
    ("3/15/2024", "March fifteenth, twenty twenty-four"),
    ("25/12/2024", "December twenty-fifth, twenty twenty-four"),
    ("in 1999", "in nineteen ninety-nine"),
    ("in 2005", "in two thousand five"),
    ("since 1900", "since nineteen hundred"),
    ("in 1805", "in eighteen oh five"),
    ("from 2019-2023", "from twenty nineteen to twenty twenty-three"),
    ("the 1990s", "the nineteen nineties"),
    ("the '80s", "the eighties"),
    ("a 60s timeout", "a sixty seconds timeout"),
    ("at 3:30 pm", "at three thirty PM"),
    ("at 3:30 p.m. on Monday", "at three thirty PM on Monday"),
    ("We close at 5 p.m. Then we go.", "We close at five PM. Then we go."),
    ("at 9:05", "at nine oh five"),
    ("at 9:00", "at nine o'clock"),
    ("at 14:30", "at two thirty PM"),
    ("9am-5pm", "nine AM to five PM"),
    ("9:00-17:00", "nine o'clock to five PM"),
    ("I may 5 times", "I may five times"),
]

MONEY_UNITS = [
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("$3.50", "three dollars and fifty cents"),
    ("$0.99", "ninety-nine cents"),
    ("$1,250.00", "one thousand two hundred fifty dollars"),
    ("$1.5 million", "one point five million dollars"),
    ("$5k", "five thousand dollars"),
    ("$5-$10", "five to ten dollars"),
    ("£20", "twenty pounds"),
    ("$1M - $2M", "one million dollars to two million dollars"),
    ("I am 5'10\"", "I am five foot ten"),
    ("5 €", "five euros"),
    ("50 USD", "fifty US dollars"),
    ("$10/month", "ten dollars per month"),
    ("5 km", "five kilometers"),
    ("1 km", "one kilometer"),
    ("16GB of RAM", "sixteen gigabytes of RAM"),
    ("100 Mbps", "one hundred megabits per second"),
    ("3.5 GHz", "three point five gigahertz"),
    ("20 °C", "twenty degrees Celsius"),
    ("72°F", "seventy-two degrees Fahrenheit"),
    ("60 km/h", "sixty kilometers per hour"),
    ("200 ms", "two hundred milliseconds"),
    ("5-10 km", "five to ten kilometers"),
    ("30 m²", "thirty square meters"),
    ("130-160 wpm", "one hundred thirty to one hundred sixty words per minute"),
]

NAMES = [
    ("Your ticket is INC-1042.", "Your ticket is I N C, one zero four two."),
    ("INC-7", "I N C seven"),
    ("KB4023057", "K B four zero two, three zero five seven"),
    ("A1B2C3", "A one B two C three"),
    ("COVID-19", "COVID nineteen"),
    ("an F-16", "an F sixteen"),
    ("an MP3 player", "an M P three player"),
    ("a P1 incident", "a P one incident"),
    ("GPT-4", "G P T four"),
    ("press F5", "press F five"),
    ("a 5G phone", "a five G phone"),
    ("a USB-C cable", "a USB-C cable"),
    ("room 101", "room one zero one"),
    ("error 404", "error four zero four"),
    ("error code 0x80070005", "error code zero x eight zero zero, seven zero zero, zero five"),
    ("extension 204", "extension two zero four"),
    ("call 911", "call nine one one"),
    ("555-123-4567", "five five five, one two three, four five six seven"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("+1 555 123 4567", "plus one, five five five, one two three, four five six seven"),
    ("1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"),
    ("555-0199", "five five five, zero one nine nine"),
    ("v2.1.3", "version two point one point three"),
    ("Python 3.11 is out", "Python three point eleven is out"),
    ("3.11.4", "three point eleven point four"),
    ("Windows 11", "Windows eleven"),
    ("192.168.0.1", "one nine two dot one six eight dot zero dot one"),
    ("10.0.0.1:8080", "ten dot zero dot zero dot one port eight zero eight zero"),
    ("00:1A:2B:3C:4D:5E", "zero zero colon one A colon two B colon three C colon four D colon five E"),
    ("john.doe@example.com", "john dot doe at example dot com"),
    ("mail jo_b-2@mail.example.org.", "mail jo underscore b dash two at mail dot example dot org."),
    ("https://www.example.com", "example dot com"),
    ("https://example.com/help/vpn?x=1#top.", "example dot com slash help slash vpn."),
    ("(see https://example.com/a_(b))", "(see example dot com slash a underscore b)"),
    ("Go to example.com, then wait.", "Go to example dot com, then wait."),
    ("open report.pdf", "open report dot pdf"),
    ("in /etc/hosts", "in slash etc slash hosts"),
    (r"C:\Users\bob", "C colon backslash Users backslash bob"),
    ("press Ctrl+Alt+Del", "press Control Alt Delete"),
    ("press Ctrl + C", "press Control C"),
    ("Press Ctrl, then wait.", "Press Control, then wait."),
    ("Now press Ctrl.", "Now press Control."),
    ("Win+R opens it", "Windows R opens it"),
]

ABBREVIATIONS_SIGNS = [
    ("Dr. Smith and Mrs. Jones", "Doctor Smith and Missus Jones"),
    ("fruit, e.g. apples", "fruit, for example apples"),
    ("tea, coffee, etc. Then rest.", "tea, coffee, et cetera. Then rest."),
    ("tea, etc.", "tea, et cetera."),
    ("cats vs. dogs", "cats versus dogs"),
    ("approx. 5 days", "approximately five days"),
    ("R&D", "R and D"),
    ("salt & pepper", "salt and pepper"),
    ("yes/no", "yes or no"),
    ("and/or", "and or"),
    ("TCP/IP", "TCP IP"),
    ("with C++ or C#", "with C plus plus or C sharp"),
    ("Settings > Network > Wi-Fi", "Settings, then Network, then Wi-Fi"),
    ("Settings → Network", "Settings, then Network"),
    ("the IT department", "the I T department"),
    ("I was wrong — sorry.", "I was wrong, sorry."),
    ("wait—what?", "wait, what?"),
    ("Great job! 🎉👍🏽", "Great job!"),
    ("🎉 Welcome", "Welcome"),
    ("Thanks :)", "Thanks"),
    ("#winning", "hashtag winning"),
    ("Acme™ and Beta®", "Acme and Beta"),
    ("x² + 1", "x squared plus one"),
    ("O(n^2)", "O(n squared)"),
    ("c > d", "c is more than d"),
    ("50/50", "fifty-fifty"),
    ("5 ≥ 3", "five at least three"),
    ("Really?!?!", "Really?"),
    ("Sr. Engineer", "Senior Engineer"),
]

# fmt: off
REPEATED = [
    "*", "**a", "_", "_a", "`", "[", "[a](", "![", "(", "|", "| a ", "#", "> ", "- ",
    "1", "1,", "1.", "1-", "1 ", "1/", "1:", "$1", "a.", "a@", "a@b.", "http://", "/a", "\\a",
    ":", "::", "a1", "A1-", "A-", "AA", "+1 ", "<", "<a ", "&", "~", "~~a", "-", "\n",
    " ", ".", "...", "!?", ", ", "x", "9x", "Jan 1 ", "1am-", "Ctrl+", "```", "```\n", "é", "🎉",
    "\\$", "$a_", "(1", "a/", "A/", "–", " – ",
]
# fmt: on

ENGLISH = [*MARKDOWN, *NUMBERS, *DATES_TIMES, *MONEY_UNITS, *NAMES, *ABBREVIATIONS_SIGNS]


@pytest.mark.parametrize("text", PROSE)
def test_plain_prose_is_left_alone(text: str) -> None:
    expected = text.replace(" - ", ", ")
    assert speakable(text) == expected
    assert speakable(expected) == expected


@pytest.mark.parametrize(("written", "spoken"), ENGLISH)
def test_english_is_read_as_a_person_would(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize(("written", "spoken"), ENGLISH)
def test_what_was_read_out_holds_no_digits_and_no_markup(written: str, spoken: str) -> None:
    assert not re.search(r"[0-9*_`#|<>\[\]{}\\]", spoken), written
    assert speakable(speakable(written)) == speakable(written)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "**",
        "---",
        "***",
        "```",
        "# ",
        "- ",
        "> ",
        "🎉",
        "👍🏽 ❤️",
        "...",
        "?!",
        "|---|---|",
        "<br>",
        "[]()",
        "``",
        "\u200b",
    ],
)
def test_pure_markup_says_nothing(text: str) -> None:
    assert speakable(text) == ""


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("de", "Ich habe 21 Katzen.", "Ich habe einundzwanzig Katzen."),
        ("de-AT", "3,5 Prozent", "drei Komma fünf Prozent"),
        ("de", "1.000 Leute, 50 %", "eintausend Leute, fünfzig Prozent"),
        ("de", "Das kostet 5 €.", "Das kostet fünf Euro."),
        ("de", "um 14:30 Uhr", "um vierzehn Uhr dreißig"),
        ("de", "am 3. Mai", "am dritten Mai"),
        ("de", "max@beispiel.de", "max ät beispiel Punkt de"),
        ("de", "z. B. **heute**", "zum Beispiel heute"),
        ("fr", "J'ai 21 chats.", "J'ai vingt et un chats."),
        ("fr", "à 14h30", "à quatorze heures trente"),
        ("fr", "le 1er mai", "le premier mai"),
        ("fr", "3,5 %", "trois virgule cinq pour cent"),
        ("fr", "jean@exemple.fr", "jean arobase exemple point fr"),
        ("es", "Tengo 3 gatos y 20 €.", "Tengo tres gatos y veinte euros."),
        ("es", "ana@ejemplo.es", "ana arroba ejemplo punto es"),
        ("es", "- Uno\n- Dos", "Uno. Dos"),
        ("it", "Ho 3 gatti.", "Ho tre gatti."),
        ("it", "anna@esempio.it", "anna chiocciola esempio punto it"),
        ("pl", "Mam 3 koty.", "Mam trzy koty."),
        ("xx", "abc 3 **d**", "abc 3 d"),
    ],
)
def test_other_languages_have_their_own_words(language: str, written: str, spoken: str) -> None:
    assert speakable(written, language) == spoken


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_on_one_line_without_failing(text: str) -> None:
    for language in ("en", "de"):
        spoken = speakable(text, language)
        assert "\n" not in spoken
        assert spoken == spoken.strip()
        assert spoken == "" or any(character.isalnum() for character in spoken)


@given(st.text(alphabet=st.characters(categories=["L"]), min_size=1, max_size=30))
def test_words_are_never_lost(text: str) -> None:
    assert speakable(text) != ""


_TOKENS = st.sampled_from(
    "the a 5 3.5 1,000 $5 10% Dr. e.g. INC-42 x@y.com https://a.com **b** `c` - # 1. | [l](u) \n 12:30 2024-01-02 + / %"
    " ° 🎉 v1.2.3 1/2 5-6 555-123-4567 — ... ! ? ( ) _ ~ 10.0.0.1 C: \\ < > & @ 3rd 90s A1 5km".split(" ")
)


@given(st.lists(_TOKENS, max_size=30), st.sampled_from([" ", ""]))
@settings(max_examples=300, deadline=None)
def test_any_mixture_of_forms_leaves_no_digit(tokens: list[str], between: str) -> None:
    assert not re.search(r"[0-9]", speakable(between.join(tokens)))


@given(st.lists(st.sampled_from("yes we can talk about that, then rest. Fine! why? don't".split(" ")), min_size=1))
def test_prose_survives_unchanged(tokens: list[str]) -> None:
    text = " ".join(tokens)
    assert speakable(text) == text


_CLAUSES = st.lists(
    st.tuples(
        st.sampled_from(
            "okay Dr let's IT it e no Mr vs Ctrl aka St don’t re-add A I Ave approx USB Wi-Fi jr".split(" ")
        ),
        st.sampled_from([" ", " ", ", ", ": ", "; ", ". ", "? ", "-", ""]),
    ),
    min_size=1,
    max_size=8,
)


@given(_CLAUSES, st.sampled_from(["", " "]))
@settings(max_examples=300, deadline=None)
def test_what_is_taken_for_prose_is_what_would_be_read_as_written(words: list[tuple[str, str]], before: str) -> None:
    text = before + "".join(word + mark for word, mark in words)
    spoken = speakable(text)
    with patch.object(normalise, "_is_prose", return_value=False):
        assert speakable(text) == spoken


@pytest.mark.parametrize("unit", REPEATED)
@pytest.mark.parametrize("tail", ["", "x!1"])
def test_long_repetitions_cost_no_more_than_their_length(unit: str, tail: str) -> None:
    """What is worse than quadratic takes minutes here; the bound only tells it from the rest."""
    text = unit * (20_000 // len(unit)) + tail
    started = time.process_time()
    speakable(text)
    assert time.process_time() - started < 5
