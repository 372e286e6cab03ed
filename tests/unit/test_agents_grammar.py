"""Short answers in many variants, slots and their read-back, retrieval, recasts, interview answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.agents.dialogue.answers import analyse
from voice_agent.agents.dialogue.grammar import Act, fold, understand
from voice_agent.agents.dialogue.recasts import Recaster
from voice_agent.agents.dialogue.slots import read, spell
from voice_agent.agents.pack_schema import Slot
from voice_agent.agents.packs import load_packs
from voice_agent.agents.retrieval import PhraseIndex

PACKS = load_packs(None, max_bytes=1 << 20, max_files=100)
ENGLISH = Recaster(PACKS.languages["en"])
INDEX = PhraseIndex({article.id: (article.title, *article.symptoms) for article in PACKS.articles.values()})

VARIANTS = {
    Act.YES: "yes|Yeah.|yep|um yes|uh, sure|of course|that's right|correct|okay|go ahead|yes please|I do|uh huh|"
    "well yes|mm-hmm|no problem",
    Act.NO: "no|Nope.|nah|not yet|um no|not really|that's wrong|it isn't|no thanks|well, no|okay no|uh-uh|know",
    Act.UNSURE: "I don't know|not sure|no idea|um I'm not really sure|maybe|dunno|I can't tell",
    Act.DONE: "done|I did it|okay done|finished|I've done that|I restarted it|all done|yep, did that",
    Act.FIXED: "yep it works now|it's working|that did it|all good|it's fixed|now it works|it is back|that helped",
    Act.BROKEN: "nope still broken|it doesn't work|still nothing|no luck|same thing|it's not working|no change"
    "|it failed",
    Act.REPEAT: "repeat|can you say that again|sorry, what?|pardon|what was that|I didn't catch that|once again|"
    "um could you repeat the question",
    Act.HUMAN: "human|I want to talk to a real person|an agent|can I speak to someone|get me an operator",
    Act.SKIP: "skip|skip this one|next question|pass|let's skip it|move on|skit",
    Act.PAUSE: "hang on|one moment|just a second|wait|pause|hold on a sec|let me check",
    Act.END: "goodbye|end the call|that's all|stop|hang up|bye bye|nothing else|end the interview",
    Act.SLOWER: "slower|slow down|too fast",
    Act.ANGRY: "this is ridiculous|I'm fed up|what a waste of time",
}


@pytest.mark.parametrize(("act", "text"), [(act, text) for act, line in VARIANTS.items() for text in line.split("|")])
def test_a_variant_means_what_callers_mean_by_it(act: Act, text: str) -> None:
    assert act in understand(text).acts


@pytest.mark.parametrize(
    ("text", "not_meant"),
    [
        ("it still doesn't work", Act.FIXED),
        ("no, it works now", Act.NO),
        ("I don't know", Act.NO),
        ("nope", Act.YES),
        ("okay no", Act.YES),
        ("no problem", Act.NO),
        ("I need help", Act.DONE),
        ("I waited for the bus and the project was finished", Act.FIXED),
        ("a person sent me a file", Act.HUMAN),
        ("I can't read it", Act.REPEAT),
    ],
)
def test_a_reading_that_would_be_wrong_is_not_taken(text: str, not_meant: Act) -> None:
    assert not_meant not in understand(text).acts


def test_a_second_matter_is_kept_apart_from_the_answer() -> None:
    utterance = understand("No, and also my mouse is dead.")
    assert Act.NO in utterance.acts
    assert utterance.extra == "my mouse is dead"


@given(st.text(max_size=300))
def test_any_text_is_understood_without_an_error(text: str) -> None:
    assert understand(text) == understand(text)


def test_very_long_speech_is_cut() -> None:
    assert len(understand("word " * 100_000).words) <= 1000


@pytest.mark.parametrize(
    ("slot", "text", "value", "spoken"),
    [
        ("name", "my name is Anna Kowalski", "Anna Kowalski", "Anna Kowalski"),
        ("name", "n as in november o tango", "Not", "N as in November, O as in Oscar, T as in Tango"),
        ("contact", "it's oh one five two, double three four", "0152334", "0 1 5, 2 3 3 4"),
        ("contact", "call me at +49 30 1234567", "+49301234567", "plus, 4 9 3, 0 1 2, 3 4 5, 6 7"),
        ("contact", "anna dot k at example dot com", "anna.k@example.com", "anna dot k at example dot com"),
        ("contact", "write to a.b-c@mail.example.org", "a.b-c@mail.example.org",
         "a dot b dash c at mail dot example dot org"),
        ("asset", "L T four five seven two", "LT4572", "L as in Lima, T as in Tango, 4 5 7 2"),
        ("asset", "LT-4572", "LT4572", "L as in Lima, T as in Tango, 4 5 7 2"),
    ],
)  # fmt: skip
def test_a_slot_is_read_and_said_back(slot: Slot, text: str, value: str, spoken: str) -> None:
    heard = read(slot, text)
    assert heard is not None
    assert (heard.value, heard.spoken) == (value, spoken)


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("name", "yes"),
        ("contact", "I don't have one"),
        ("asset", "no sticker"),
        ("name", "well I would rather not say it"),
    ],
)
def test_nothing_is_read_where_nothing_was_said(slot: Slot, text: str) -> None:
    assert read(slot, text) is None


@given(st.from_regex(r"[A-Z]{1,4}[0-9]{2,8}", fullmatch=True))
def test_every_code_that_is_spelled_can_be_read_again(code: str) -> None:
    heard = read("asset", spell(code))
    assert heard is not None
    assert heard.value == code


@pytest.mark.parametrize(
    ("text", "article"),
    [
        ("um hi yeah my wifi thing isn't showing up at all", "wifi-missing"),
        ("why fi is not working", "wifi-missing"),
        ("i can't hear anybody in teams meetings", "no-sound"),
        ("hard disk is full", "disk-full"),
        ("outlook is not getting new mails", "mail-not-syncing"),
        ("pass word forgot", "forgotten-password"),
        ("lost my phone with the authenticator", "mfa-lost"),
        ("printing doesn't work", "printer-offline"),
        ("my laptop is super slow since monday", "slow-computer"),
    ],
)
def test_a_problem_in_free_words_finds_its_article(text: str, article: str) -> None:
    assert INDEX.search(text)[0].id == article
    assert INDEX.search(text)[0].score >= 0.45


@pytest.mark.parametrize(
    "text", ["tell me a joke", "my mouse is dead", "I want a pizza", "I need a new chair", "", "um"]
)
def test_what_no_article_covers_stays_below_the_threshold(text: str) -> None:
    assert all(match.score < 0.45 for match in INDEX.search(text))


@pytest.mark.parametrize(
    ("said", "better"),
    [
        ("I have twenty five years", "I am twenty five years old"),
        ("He don't like it", "He doesn't like it"),
        ("yesterday I go to the market", "Yesterday I went to the market"),
        ("I didn't went there", "I didn't go there"),
        ("I am agree because people is happier", "I agree because people are happier"),
        ("I live here since 3 years", "I have lived here for 3 years"),
        ("I am engineer", "I am an engineer"),
        ("the informations are good", "The information is good"),
        ("I live in an big city", "I live in a big city"),
        ("I want that they go", "I want them to go"),
    ],
)
def test_a_common_error_is_said_back_correctly(said: str, better: str) -> None:
    found = ENGLISH.find(said)
    assert found is not None
    assert found.better == better


@pytest.mark.parametrize(
    "text",
    [
        "She has a dog.", "does he go home", "I have 20 years of experience", "an hour ago he came",
        "I saw it two weeks ago.",
        "I have lived here for five years", "a European city and an SMS", "He said I will go", "She can speak English",
        "a one-way street", "the two year old", "I want to do sports on Monday",
    ],
)  # fmt: skip
def test_correct_english_is_left_alone(text: str) -> None:
    assert ENGLISH.find(text) is None


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz I'.,", max_size=200))
def test_a_recast_always_changes_something(text: str) -> None:
    found = ENGLISH.find(text)
    assert found is None or found.said.casefold() != found.better.casefold()


def test_an_answer_without_result_number_and_own_part_lacks_all_three() -> None:
    question = PACKS.questions["teamwork-junior-shared-task"]
    answer = (
        "we had a group for a school play and we met often and we talked a lot about our ideas with our friends for us"
    )
    assert analyse(question, fold(answer).split(), short_words=10).lacks() == ("we_heavy", "no_result", "no_number")


def test_a_full_answer_lacks_nothing() -> None:
    question = PACKS.questions["teamwork-junior-shared-task"]
    answer = (
        "In a group of four I took the schedule and as a result we delivered two days early and got the best grade."
    )
    assert analyse(question, fold(answer).split(), short_words=10).lacks() == ()
