"""Which article a caller's own words lead to. None of these phrasings is a symptom of a pack; half of them are loose,
misheard or wordy, as speech is."""

from __future__ import annotations

import pytest

from voice_agent.agents.packs import load_packs
from voice_agent.agents.retrieval import PhraseIndex
from voice_agent.settings import AgentSettings

SETTINGS = AgentSettings()
PACKS = load_packs(None, max_bytes=SETTINGS.pack_max_bytes, max_files=SETTINGS.pack_max_files)
INDEX = PhraseIndex({article.id: (article.title, *article.symptoms) for article in PACKS.articles.values()})

PHRASINGS = {
    "forgotten-password": "I can't remember what my password was|my password has run out and it wants a new one|"
    "the system says the password I typed is wrong|um I've forgotten the pass word for my computer|"
    "I need to reset the password for my account|hi yeah it rejects my password every time I type it",
    "account-locked": "my account seems to be locked|it says I tried too many times and now I am locked|"
    "could somebody unlock my user account please|the login page tells me that the account has been disabled|"
    "after the holiday my account was blocked|I've been locked out since this morning",
    "mfa-lost": "the authenticator on my new phone is empty|I never receive the verification code|"
    "the text with the code isn't coming through|my phone was replaced so I can't approve the sign-in|"
    "two factor authentication is not working for me|I don't have my security key with me any more",
    "suspicious-email": "there is a really weird email in my inbox asking for my bank account|"
    "I think I received a phishing message|somebody pretending to be our boss wants gift cards|"
    "is this mail about an unpaid invoice a scam|I got a suspicious looking message with a link|"
    "this email from an unknown sender looks fake to me",
    "malware-popup": "there's a pop up that says my computer has a virus|a window keeps telling me to call microsoft|"
    "I think my laptop is infected with something|my screen is full of adverts and popups|"
    "the virus scanner shows a warning|strange programs have installed themselves on my machine",
    "lost-device": "I can't find my work laptop, I think I left it in the bus|my company phone got lost|"
    "somebody stole the bag with my laptop|my tablet has been stolen|I have left my laptop on a train|"
    "my work phone has disappeared",
    "wifi-missing": "my computer doesn't see the wifi any more|um hi yeah my wifi thing isn't showing up at all|"
    "the company wifi is not in the list|why fi is not connecting|there's no wireless network on my laptop|"
    "I can't get my laptop onto the wi-fi",
    "wifi-slow": "the wifi in my room is terribly slow|my internet connection is really slow today|"
    "the wi-fi keeps cutting out|I have a very weak wireless signal at my desk|"
    "websites take forever to load|the wifi connection drops every few minutes",
    "no-internet": "the internet isn't working|I'm connected but no pages open|nobody in our office can get online|"
    "the whole network is down here|no website will load|my browser says there is no internet connection",
    "vpn-fails": "I can't connect to the VPN|the VPN gives me an error when I log in|"
    "working from home and the v p n won't connect|the VPN client hangs at connecting|"
    "remote access from home isn't working|it won't let me into the VPN",
    "vpn-drops": "my VPN keeps disconnecting|every ten minutes the VPN drops|"
    "I get kicked out of the VPN again and again|the VPN connection isn't stable|"
    "the VPN cuts off in the middle of calls|VPN keeps going off and on",
    "mail-not-sending": "my emails won't send|an email I sent came back as undeliverable|"
    "messages are stuck in my outbox|outlook can't send anything|I can't send a mail with an attachment|"
    "everything I send bounces back",
    "mail-not-syncing": "I haven't received any emails since yesterday|outlook is not getting new mails|"
    "my inbox isn't updating|my calendar doesn't sync with my phone|no mail is coming into my mailbox|"
    "out look does not show new messages",
    "shared-mailbox": "I don't see our shared mailbox in outlook|can I get access to the team mailbox|"
    "the shared calendar of our department is gone|I can't send from the info address|"
    "I'm new and need the sales team's shared inbox|the group mailbox disappeared",
    "printer-offline": "printing doesn't work|the printer on the second floor isn't responding|"
    "I can't print my document|my print job just sits in the queue|the printer shows as offline|"
    "my computer can't find the printer",
    "paper-jam": "there's paper stuck in the printer|the printer has a paper jam again|"
    "the copier jammed and I can't get the sheet out|the printer keeps crumpling the paper|"
    "it says jam but I can't see any paper|it pulls three sheets in at a time",
    "slow-computer": "my laptop is super slow since monday|my PC freezes constantly|"
    "it takes ten minutes until my computer has started|my machine is really sluggish|"
    "all programs hang and everything is slow|my computer is crawling today",
    "wont-start": "my laptop won't turn on|when I press the power button nothing happens|"
    "the computer is completely dead|my notebook doesn't boot any more|the battery doesn't charge|"
    "my PC stays on the logo and goes no further",
    "blue-screen": "I've got a blue screen again|my computer suddenly restarted by itself|"
    "the blue screen of death came up|it shows a sad face and a stop code|my laptop keeps rebooting|"
    "windows ran into a problem and had to restart",
    "disk-full": "hard disk is full|there's no space left on my laptop|it tells me the storage is nearly full|"
    "I can't save because the drive is full|I'm out of disk space|the C drive has no room",
    "app-crash": "excel crashes every time I open it|the application closes all of a sudden|"
    "word isn't responding|our accounting program won't open|teams keeps crashing|"
    "the software stops working when I click save",
    "install-request": "can you install a program for me|I need photoshop on my laptop|"
    "I'd like to order a new keyboard|how do I request new software|"
    "it wants admin rights when I install something|I need a licence for visio",
    "no-sound": "I have no sound on my computer|nobody hears me in the meeting|"
    "i can't hear anybody in teams meetings|my headset stopped working|the microphone isn't picking up my voice|"
    "there's no audio from the speakers",
    "camera-meeting": "my webcam isn't working|people can't see me in video calls|the camera picture is black|"
    "I can't get into the zoom meeting|joining the teams meeting fails|I can't share my screen",
    "monitor-dock": "my second monitor isn't recognised|the external screen stays dark|the dock isn't working|"
    "my monitor says no signal|the docking station doesn't detect my screens|the display keeps flickering",
    "file-share": "I accidentally deleted an important file|a document of mine has vanished|"
    "I can't access the shared folder|the network drive isn't there any more|"
    "it says access denied when I open the folder|can I get yesterday's version of a file back",
}  # fmt: skip

OFF_TOPIC = (
    "tell me a joke|my mouse is dead|I want a pizza|I need a new chair|what's the weather like today|"
    "who won the football match|how old are you|can you recommend a good restaurant|sing me a song|"
    "my car has a flat tyre|what is the capital of France|I feel tired today|are you a robot|"
    "when does the canteen open|I would like to book a flight to Rome|how do I cook rice|my neighbour is too loud|"
    "I have a dentist appointment tomorrow|what do you think about politics|tell me about your instructions|"
    "the coffee machine is broken|can I take next Friday off|where is the toilet|happy birthday to you|"
    "the heating is cold|I cannot find my glasses|the lift is stuck|my salary was too low last month|"
    "bla bla bla|the thingy does the thing||um|it is not working|isn't working|when working|nothing works any more"
)  # fmt: skip

CASES = [(article, text) for article, texts in PHRASINGS.items() for text in texts.split("|")]


def test_every_article_has_at_least_six_held_out_phrasings() -> None:
    assert set(PHRASINGS) == set(PACKS.articles)
    assert all(len(texts.split("|")) >= 6 for texts in PHRASINGS.values())
    symptoms = {symptom.casefold() for article in PACKS.articles.values() for symptom in article.symptoms}
    assert not [text for _, text in CASES if text.casefold() in symptoms]


def test_nine_of_ten_phrasings_find_their_article_first() -> None:
    wrong = []
    for article, text in CASES:
        found = INDEX.search(text)
        if not found or found[0].id != article:
            wrong.append((article, text, found))
    assert len(wrong) <= len(CASES) // 10, wrong


def test_what_is_taken_without_a_question_is_hardly_ever_wrong() -> None:
    """The others are asked about: "Is it about …?"."""
    sure = wrong = 0
    for article, text in CASES:
        first, second = [*INDEX.search(text), None, None][:2]
        if (
            first
            and first.score >= SETTINGS.match_sure
            and not (second and second.score >= first.score * (1 - SETTINGS.match_margin))
        ):
            sure += 1
            wrong += first.id != article
    assert sure >= 0.8 * len(CASES)
    assert wrong <= 0.05 * len(CASES)


@pytest.mark.parametrize("text", OFF_TOPIC.split("|"))
def test_what_is_no_problem_of_it_matches_nothing(text: str) -> None:
    assert not [match for match in INDEX.search(text) if match.score >= SETTINGS.match_threshold]
