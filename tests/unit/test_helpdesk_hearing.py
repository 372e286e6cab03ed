"""What the helpdesk hears in passing, whatever it has asked: incidents, outages, refusals, corrections."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voice_agent.agents.dialogue.engine import ScriptedModel
from voice_agent.agents.dialogue.grammar import Act, understand
from voice_agent.agents.dialogue.helpdesk_rules import impact_in, says_rules, tells_outage, told
from voice_agent.agents.dialogue.slots import read, typed
from voice_agent.agents.dialogue.ticket_form import TicketForm
from voice_agent.agents.helpdesk import helpdesk
from voice_agent.agents.pack_schema import Article, Slot
from voice_agent.agents.packs import load_packs
from voice_agent.engines.ports import Message
from voice_agent.settings import AgentSettings

SETTINGS = AgentSettings()
PACKS = load_packs(None, max_bytes=SETTINGS.pack_max_bytes, max_files=SETTINGS.pack_max_files)
HELPDESK = helpdesk(PACKS.articles, SETTINGS)
INCIDENTS = [rule for rule in says_rules(PACKS.articles) if rule.rule.priority == "P1"]


def reply(*texts: str) -> str:
    assert isinstance(HELPDESK.scripted, ScriptedModel)
    return HELPDESK.scripted.answer([Message("user", text) for text in texts]).text


@pytest.mark.parametrize("article", PACKS.articles.values(), ids=lambda article: article.id)
def test_an_article_is_ready_for_a_call(article: Article) -> None:
    assert len(article.symptoms) >= 10
    assert article.sources
    assert article.reviewed_on
    assert article.escalate_if[-1].cond == "steps_failed"
    assert all(rule.team for rule in article.escalate_if)
    if article.category in {"account", "security"}:
        assert article.never
    long = [step.id for step in article.steps if len(f"{step.spoken} {step.expect or ''}".split()) > 40]
    assert not long, "more than anybody keeps in mind"


def test_passwords_and_second_factors_are_never_reset_by_voice() -> None:
    for name in ("forgotten-password", "account-locked", "mfa-lost"):
        assert any("by voice" in rule for rule in PACKS.articles[name].never)


def test_every_symptom_leads_somewhere() -> None:
    symptoms = [symptom for article in PACKS.articles.values() for symptom in article.symptoms]
    assert not [symptom for symptom in symptoms if "did not quite get" in reply(symptom)]


@pytest.mark.parametrize(
    ("text", "incident"),
    [
        ("I clicked a link in a text message and it asked for my card", True),
        ("I didn't know it was fake and I clicked the link in the mail", True),
        ("they told me to pay in bitcoin", True),
        ("I keep getting approval requests on my phone", True),
        ("someone is controlling my mouse, I mean my computer", True),
        ("I did not click the link in the mail", False),
        ("should I click the link in this mail", False),
        ("if I clicked the link in the mail, would that be bad", False),
        ("I clicked the meeting link", False),
        ("the e-mail with the link does not open", False),
    ],
)
def test_an_incident_is_heard_where_it_happened_and_only_there(text: str, incident: bool) -> None:
    assert any(rule.applies(told(text)) for rule in INCIDENTS) is incident


@pytest.mark.parametrize(
    ("text", "outage"),
    [
        ("everyone here is offline", True),
        ("nobody can work", True),
        ("nobody in our office can get online", True),
        ("nobody can hear me in the meeting", False),
        ("everyone else is fine but I am offline", False),
        ("the whole office has no internet", True),
        ("we are all down", True),
        ("I am offline", False),
        ("only me, everyone else can work", False),
        ("everybody likes the new printer", False),
    ],
)
def test_an_outage_is_what_many_have(text: str, outage: bool) -> None:
    assert tells_outage(text) is outage


@pytest.mark.parametrize(
    ("text", "impact"),
    [
        ("the whole team", "high"),
        ("my colleague has it too", "medium"),
        ("just me", "low"),
        ("my mail is gone", None),
        ("nobody can hear me", None),
        ("no, nobody else", "low"),
        ("everyone says I am too quiet", None),
    ],
)
def test_how_many_are_affected_is_taken_from_what_is_said(text: str, impact: str | None) -> None:
    assert impact_in(text) == impact


@pytest.mark.parametrize(
    ("act", "text"),
    [
        *(
            (Act.TRIED, text)
            for text in ("I already did that", "tried that", "I restarted it yesterday", "it was off already")
        ),
        *((Act.TRIED, text) for text in ("done that three times", "I've already checked", "that is already on")),
        *((Act.REFUSED, text) for text in ("I won't do that", "I'd rather not", "I'm not allowed to", "no way")),
        *((Act.REFUSED, text) for text in ("I can't do that", "I don't want to delete anything", "no I can't")),
    ],
)
def test_a_step_can_be_known_or_unwanted(act: Act, text: str) -> None:
    assert act in understand(text).acts


@pytest.mark.parametrize("text", ["I did it", "it's already working", "I can do that", "I don't know", "done"])
def test_a_step_that_is_done_is_neither(text: str) -> None:
    assert understand(text).acts.isdisjoint({Act.TRIED, Act.REFUSED})


def test_a_caller_who_only_wants_to_know_whether_anybody_is_there_is_told() -> None:
    for text in ("hello can you hear me", "is this the helpdesk", "are you there"):
        assert reply(text) == "Yes, I am here. What can I help you with?"


def test_what_was_not_understood_stays_in_the_ticket() -> None:
    said = ["I spilled coffee on my laptop", "it's dead", "no", "no", "yes", "skip", "skip"]
    assert isinstance(HELPDESK.scripted, ScriptedModel)
    call = HELPDESK.scripted.answer([Message("user", text) for text in said]).call
    assert call
    assert call.arguments["summary"] == "I spilled coffee on my laptop. it's dead"


def test_a_guess_at_another_problem_that_was_wrong_leads_back() -> None:
    said = ["the headset is not working", "it has a paper jam there", "no"]
    assert "something else now: Paper jam" in reply(*said[:2])
    assert reply(*said).endswith(reply(said[0])[-30:])


def test_nobody_else_means_the_caller_alone() -> None:
    for answer in ("nobody", "no one else", "no, just me", "nope"):
        assert "Is it better when" in reply("the Wi-Fi is slow", answer)
    for answer in ("yes", "everyone here", "my colleague has it too"):
        assert "ticket" in reply("the Wi-Fi is slow", answer)


def test_silence_is_met_with_other_words_each_time() -> None:
    said = ["my wifi is gone", "yes", "...", "um", "…"]
    answers = [reply(*said[:count]) for count in (3, 4, 5)]
    assert len({answer.split(".")[0] for answer in answers}) == 3
    assert "ticket" in answers[-1]


def test_what_is_not_understood_is_asked_in_other_words_each_time() -> None:
    said = ["my wifi is gone", "purple", "purple", "purple"]
    answers = [reply(*said[:count]) for count in (2, 3, 4)]
    assert len(set(answers)) == 3
    assert "ticket" in answers[-1]


def test_what_the_caller_has_said_is_not_asked_again() -> None:
    assert "Are other people" in reply("the Wi-Fi is slow")
    assert "Are other people" not in reply("the Wi-Fi is slow, only mine")
    assert "word for word" not in reply("VPN error, it says connection refused")


@pytest.mark.parametrize(
    ("slot", "text", "spelled"),
    [
        ("name", "Bo Lee", "B as in Bravo, O as in Oscar; L as in Lima, E as in Echo, E as in Echo"),
        ("contact", "bo.x at example dot com",
         "B as in Bravo, O as in Oscar, dot, X as in Xray, at example dot com"),
        ("contact", "z o e at firm dot com", "Z as in Zulu, O as in Oscar, E as in Echo, at firm dot com"),
        ("contact", "it's zulu oscar seven dot x at firm dot com",
         "Z as in Zulu, O as in Oscar, 7, dot, X as in Xray, at firm dot com"),
        ("contact", "555 0199", "5 5 5, 0 1 9 9"),
        ("asset", "LT 77", "L as in Lima, T as in Tango, 7 7"),
    ],
)  # fmt: skip
def test_the_second_time_it_is_spelled(slot: Slot, text: str, spelled: str) -> None:
    heard = read(slot, text)
    assert heard
    assert heard.spelled == spelled


def test_a_slot_is_asked_for_three_times_in_other_words_and_then_left() -> None:
    form = TicketForm()
    asked = [form.begin(("contact", "name"))]
    asked += [form.hear(understand("hmm blue")) for _ in range(3)]
    assert len(set(asked)) == 4
    assert asked[-1] == "Which name shall I write down?"


def test_a_known_slot_is_corrected_while_another_is_asked_for() -> None:
    form = TicketForm()
    form.begin(("contact", "asset"))
    form.hear(understand("555 0199"))
    form.hear(understand("yes"))
    assert "5 5 5, 0 1 7 7" in str(form.hear(understand("wait, the phone number is wrong, it is 555 0177")))
    assert "asset tag" in str(form.hear(understand("yes")))
    assert form.values == {"contact": "5550177"}


def test_what_is_typed_is_taken_as_it_stands() -> None:
    heard = typed("name", "  Zoë\n O'Neill-\x00Smith ")
    assert heard
    assert heard.value == "Zoë O'Neill- Smith"
    assert typed("name", " \n") is None


@given(slot=st.sampled_from(("name", "contact", "asset")), text=st.text(max_size=120))
def test_anything_typed_is_bounded_and_printable(slot: Slot, text: str) -> None:
    heard = typed(slot, text)
    assert heard is None or (0 < len(heard.value) <= 80 and heard.value.isprintable() and heard.spoken)


LINES = st.sampled_from(
    "yes|no|done|repeat|human|skip|wait|bye|my wifi is gone|everyone here is offline|I clicked a phishing link|slower|"
    "still broken|five|it works now|Anna Berg|555 0123|anna at example dot com|LT 77|I don't know|this is ridiculous|"
    "no, and also my printer is offline|um|what|I already did that|I won't do that|the phone number is wrong|"
    "excel crashes every time I open it|actually forget it, my monitor stays black|it is a Mac|purple elephants|"
    "Correction, Name: Al|Correction, Problem: it is all different|my laptop was stolen and my mail is slow".split("|")
)


@settings(max_examples=80, deadline=None)
@given(said=st.lists(LINES, min_size=1, max_size=14))
@example(said=["my laptop was stolen and my mail is slow", "purple elephants", "my wifi is gone", "um"])
def test_whatever_is_said_the_answer_can_be_spoken(said: list[str]) -> None:
    text = reply(*said)
    assert text
    assert len(text.split()) <= 75, text
    assert text.count("?") <= 2, text
    assert not re.search(r"[*_#`<>{}\[\]|]|https?:|\n|  |\.\.| \.", text), text
