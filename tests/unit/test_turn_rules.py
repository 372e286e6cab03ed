"""Has the caller finished, and do they interrupt? The rules by examples, and the benchmark that they are tuned with.

The examples are none of the benchmark's own: there the figures count, here that each rule does what it says.
"""

from __future__ import annotations

import itertools

import pytest

from scripts.turn_bench import measures
from scripts.turn_bench.corpus import Case, Word, utterance
from scripts.turn_bench.engines import written
from scripts.turn_bench.measures import Result, answer_ms, cut_in, falsely_taken, stop_ms
from scripts.turn_bench.rig import Outcome, Setup, run
from voice_agent.call.endpointing import completeness, delay_ms
from voice_agent.call.interruption import Overlap, Verdict, policy

FINISHED = 0.7
GOES_ON = 0.4


@pytest.mark.parametrize(
    "text",
    [
        "yes, thank you",
        "the cable is plugged in",
        "I turned it off",
        "the lamp is on",
        "which folder is it for?",
        "where do I find that?",
        "what should I do",
        "no it doesn't",
        "I think so",
        "my extension is two two one nine",
        "call zero one five two four four four one two one two",
        "write to info at example dot com",
        "info@example.com",
        "if I restart it, it works for an hour",
        "Tuesday",
    ],
)
@pytest.mark.parametrize("marked", [False, True])
def test_what_is_finished_is_answered_soon_with_a_full_stop_or_without(text: str, *, marked: bool) -> None:
    assert completeness(f"{text}." if marked and text[-1].isalnum() else text) >= FINISHED


@pytest.mark.parametrize(
    "text",
    [
        "I would like to",
        "the cable and",
        "can you",
        "well, let me think",
        "to be honest",
        "my mobile number is zero one five two",
        "the serial number is four one two",
        "my e-mail is john dot",
        "K L E",
        "N as in November",
        "whenever I open the door",
        "first I looked at the logs",
        "it was like",
        "I think that",
        "I need",
        "Apples,",
        "please send it to support",
        "J A N",
        "I need a new",
        "my tasks were hiring",
        "there were three of us",
        "it says the disk",
        "after the meeting",
        "my boss",
        "the first",
        "she told me about",
        "he don't",
    ],
)
@pytest.mark.parametrize("marked", [False, True])
def test_what_wants_more_is_waited_for_with_a_full_stop_or_without(text: str, *, marked: bool) -> None:
    assert completeness(f"{text}." if marked and text[-1].isalnum() else text) <= GOES_ON


def test_groups_of_digits_and_pieces_of_lists_are_seen_by_the_sentences_they_come_in() -> None:
    assert completeness("It's four one two. Nine nine three.") <= GOES_ON
    assert completeness("We use Linux. Windows.") <= GOES_ON
    assert completeness("We use Linux. And Windows.") >= FINISHED


def test_the_delay_runs_from_the_least_to_the_most_without_a_cliff() -> None:
    delays = [delay_ms(step / 100, 200, 2000) for step in range(101)]
    assert delays[0] == 2000
    assert delays[-1] == 200
    assert all(0 <= before - after < 40 for before, after in itertools.pairwise(delays))


@pytest.mark.parametrize(
    "text",
    [
        "all right",
        "that's fine, okay",
        "yeah, makes sense",
        "Of course.",
        "aye makes sense",
        "oh that's really good",
        "I see what you mean",
        "cheers, lovely",
        "no worries",
        "aye go on",
    ],
)
def test_phrases_of_a_listener_do_not_stop_the_agent(text: str) -> None:
    judge = policy(min_ms=1000, min_words=2)
    assert judge(Overlap(text, final=True, speaking=False, speech_ms=600)) is Verdict.DISMISS


@pytest.mark.parametrize(
    "text",
    [
        "that's wrong",
        "right, but where",
        "all of them",
        "no",
        "not good",
        "I don't understand",
        "go on to the next step",
    ],
)
def test_phrases_that_tell_something_stop_it(text: str) -> None:
    judge = policy(min_ms=1000, min_words=2)
    assert judge(Overlap(text, final=True, speaking=False, speech_ms=600)) is Verdict.CONFIRM


SAID = "Please open the settings of the printer and look for the network name there."


@pytest.mark.parametrize("heard", ["open the settings", "please open settings of the printer", "the network name"])
def test_the_agents_own_words_are_its_echo(heard: str) -> None:
    judge = policy(min_ms=1000, min_words=2, agent_said=lambda: SAID)
    assert judge(Overlap(heard, final=False, speaking=True, speech_ms=900)) is Verdict.WAIT
    assert judge(Overlap(heard, final=True, speaking=False, speech_ms=900)) is Verdict.DISMISS


@pytest.mark.parametrize("heard", ["the printer is broken too", "name there settings", "where is that"])
def test_other_words_are_none(heard: str) -> None:
    judge = policy(min_ms=1000, min_words=2, agent_said=lambda: SAID)
    assert judge(Overlap(heard, final=True, speaking=False, speech_ms=900)) is Verdict.CONFIRM


def test_long_sound_without_words_stops_the_agent_only_where_words_come_late() -> None:
    sound = Overlap("", final=False, speaking=True, speech_ms=1200)
    assert policy(min_ms=1000, min_words=2)(sound) is Verdict.CONFIRM
    assert policy(min_ms=1000, min_words=2, partials=True)(sound) is Verdict.IGNORE


# --- the benchmark --------------------------------------------------------------------------------------------------


RESTARTED = utterance("I looked for | I looked for the cable", "restart", "paused")


def test_a_case_gives_the_same_outcome_every_time() -> None:
    done = utterance("finished", "short answer", "complete")
    assert done == utterance("finished", "short answer", "complete")
    assert run(done, Setup()) == run(done, Setup())


@pytest.mark.parametrize("phrase", ["finished", "which cable do you mean"])
def test_a_complete_utterance_is_answered_soon(phrase: str) -> None:
    asked = utterance(phrase, "", "complete")
    answered = answer_ms(Result(asked, run(asked, Setup())))
    assert answered is not None
    assert 0 < answered < 700


def test_a_caller_who_begins_a_sentence_anew_is_waited_for_unless_the_agent_is_hasty() -> None:
    assert not cut_in(Result(RESTARTED, run(RESTARTED, Setup())))
    assert cut_in(Result(RESTARTED, run(RESTARTED, Setup(min_delay_ms=0, max_delay_ms=0))))


def test_a_listener_does_not_stop_the_agent_and_an_interruption_does() -> None:
    listener = utterance("mhm", "backchannel", "listener")
    assert not falsely_taken(Result(listener, run(listener, Setup())))
    interruption = utterance("no wait", "interruption", "interruption")
    stopped = stop_ms(Result(interruption, run(interruption, Setup())))
    assert stopped is not None
    assert stopped[1] <= 80


def test_delays_are_ranked_and_an_answer_that_never_comes_is_the_latest() -> None:
    case = Case("", "", "complete", False, "clean", b"", (Word("done", 0, 100),), end_ms=100)
    outcomes = [Outcome((), ((100 + at, 200 + at),), (), (), 0, 1) for at in (300, 400, 500)]
    found = measures.delay([Result(case, o) for o in [*outcomes, Outcome((), (), (), (), 0, 1)]], answer_ms)
    assert (found.p50, found.p95, found.late.hits) == (400, None, 1)


def test_written_transcripts_have_digits_and_a_full_stop() -> None:
    assert written("my number is five five five".split()) == "My number is 555."
