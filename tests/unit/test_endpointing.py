"""Has the caller finished? The grammar that `endpointing` goes by, in examples: none of them is the benchmark's."""

from __future__ import annotations

import random

import pytest

from scripts.turn_bench.engines import written
from voice_agent.call.endpointing import completeness
from voice_agent.call.endpointing.words import CLASS_OF

FINISHED = 0.6
GOES_ON = 0.4

PAUSED = """
    it started fine and suddenly | it was gone
    first I open the lid then | I press the button
    it's the grey mm | switch
    it's the small no | the large one
    the sticker says | hang on | a padlock
    I asked about the refund || about the delivery | and about the bill
    I tried Chrome || Go | and something else
    what we need is | a cable
    do you think we might | talk to somebody
    there is a sticker that says | do not remove
    my cousin's tablet | is fine
    my husband never | writes anything down
    my screen's not | lighting up
    the app called | sunrise does not open
    about the order from last week | where is it
    without the badge | I can't open the door
    me and my neighbour | share a line
    one it's too small | two it's too loud
    I was hoping that maybe | you know it
    every time I dock it | the screen goes dark
    the code is zero x eight | zero zero four two one
    my biggest strength is simply that | I listen
    I'm trying to | print a letter
    it went well last week but now | it is slow again
    it is a sort of ah | small box
    listen | I have to leave at five
    I wanted to how to say | make it clear
    the screen on the left | keeps flickering
    the printer in the hallway | doesn't respond
    everyone in my team | has the same problem
    can I quickly | ask something
    would it be possible to | get a new mouse
    it keeps asking for my | pin
    it says something about a | certificate
    even though I changed the password | it still locks me out
    in case it helps | I'm on the third floor
    instead of the login page | I get an error
    I've got a brand new | monitor
    it's a very old | machine
    there's this little | triangle in the corner
    it's one of those | docking stations
    the person who normally | does this is away
    the person I spoke to yesterday | said it would be fixed
    the laptop that I got last week | is already broken
    I need to know how to | share my screen
    is it possible that | the server is down
    how do I | get back to the menu
    it won't let me | sign in
    we recently changed | our provider
    it usually | takes five minutes
    it's probably | the network cable
    it has never | happened before
    I almost | lost everything
    it's supposed to | sync every night
    I'd rather | speak to a person
    I'd better | write that down
    I have two questions | the first one is about my email
    there are a couple of issues | my mouse is broken | and my screen is dark
    the first problem is the sound | and the second one is the camera
    either the battery | or the charger
    both the laptop | and the phone
    it's not only slow | but also very loud
    neither the mouse | nor the keyboard
    on Tuesday Wednesday | and Friday
    from nine | to five
    between nine | and ten
    at half | past ten
    at quarter | past two
    version two point | five
    I've been here for twenty | five years
    it was in nineteen | ninety nine
    my card ends in four | two
    it's p | e | t
    I clicked on it and it | said no
    so I thought | maybe it's the driver
    due to the | update
    the guy next to me | has the same laptop
    my colleague | she has the same
    people on our floor | can't print
    nobody in the office | can log in
    all of our files | are gone
    once I enter the password | it goes back to the start
    before you go | one more question
    although it's plugged in | it's not charging
    sorry I meant | the other laptop
    I believe the problem | is the cable
    he said the server | was down
    they told me the part | would arrive today
    can you tell me who | is responsible
    could you tell the technician to | bring a cable
    please put me through to | someone
    let me | check
    I'm currently | on the train
    in my last job | I led a small team
    in my previous role I was responsible for | the budget
    as a team leader | I had to make decisions
    I think leadership means | listening to people
    I learned that | planning matters
    I had to make sure that | everyone was informed
    on the one hand I like the freedom | on the other hand it is stressful
    I'm looking for | a new challenge
    I'd like to become | a team leader
    people would say that I'm | reliable
    I was responsible for hiring | and training new people
    at the end of the project the customer | was very happy
    the team I was leading | was quite small
    in my country we | eat late
    in my country people | don't do that
    my favourite food is | pasta
    I have two | brothers
    next summer we will | travel to Italy
    when I was a child | I lived in a village
    there are many | tourists in summer
    I enjoy | swimming
    I'm afraid of | spiders
    I think somebody | changed my password
    the technician who came yesterday | couldn't fix it
    the form you sent me | doesn't open
    I can see the icon but when I click it | nothing opens
    the last time this happened | you sent somebody
    could you send somebody to | the second floor
    could someone | come and have a look
    is anyone | able to come over
    do I need to | bring it in
    did you say | the blue one
    are you able to | see my screen
    it's regarding | the order from last week
    it's more like | a clicking sound
    I'd say it's roughly | ten years old
    my name's | Laura
    my staff number is | four two one
    my manager is called | Susan
    my room is three oh | five
    I'm in building | seven
    my postcode is s w | one a
    I pay nearly two | thousand a month
    the ip is ten dot one | dot zero dot four
    right so um | where was I
    no it's not that it's | something else
    please make sure | it's the right one
    just tell me what | I should do
    there seems to be | a problem
    that's why I | called
    that's when it | started
    which is why | I'm calling
    there are a few | things that bother me
    I see two advantages | it's cheaper and it's faster
    I worked for a company that | made shoes
    I did an internship at | a bank
    I've got over ten years of | experience
    I'd ask them what | they expect
    I once had a colleague who | never answered
    one of my colleagues | got sick
    my biggest challenge at that time | was the language
    the deadline was so | tight
    my role was mainly | testing
    my weekends are usually | very quiet
    I'd never | seen snow before
    when I am on holiday I | read a lot
    is it correct to | say that
    I want that my children | learn it
    my jobs were opening the shop | counting the till | and training new starters
    there were four issues | the cable | the adapter | the driver | and my own mistake
    I'd tried three things | restarting | unplugging it | and shouting at it
    there's two things really | one is the sound | and the other's the video
    the apps I use are Slack | Jira | and Figma
    the ticket's I N C | zero zero four | one seven two
    policy number seven eight | k | three two two | one
    it happened on the thirtieth | of January
    my last salary was twenty seven | thousand
    the mac address is zero zero | one b | four four
    I finished school in two thousand | and eight
    the domain is green leaf | dot co | dot uk
    my user's j underscore | patel | ninety one
    it's c for Charlie | l for Lima | three three
    er | so my camera's | not showing up
    it's like | you know | stuck on the logo
    well I suppose | it's been about a week
    let me see | it says version | four something
    hmm | how can I put this | my boss is difficult
    what do you call it | the thingy for the projector
    the light's | well there's no light at all
    after my maternity leave | I went back part time
    I got a message saying | my storage is full
    I can't open anything that | somebody else sent me
    the colleague I shared an office with | taught me a lot
    my wife and I | want to move to Canada
    she asked me how long | I'd been there
    my screen goes dark as soon as | I unplug it
    by the time I got to work | the whole network was down
    unless somebody comes | I can't do any work
    I'm responsible for making sure | orders go out on time
    would you be able to | push the update tonight
    the woman at reception | told me to ring you
    two of the keys on my keyboard | don't do anything
    it depends on how | busy we are
    I think what happened is | I deleted the wrong one
    nothing I've tried so far | has worked
    they gave me three options | stay | leave | or move to Leeds
    both my screen | and the projector
    neither my phone | nor my laptop
    my student ID is b | three four | nine zero one
    it cost me about two hundred and | fifty pounds
    I'm on extension | four four nine
    the meeting's at quarter | past eleven
    that's zed | a | k
    um it's | it's the cursor
    so yeah | anyway | the invoice is wrong
    well to be honest with you | I'm a bit lost
    you know what | I'll just buy one
    it was er | a Thursday
    there's no | there isn't a start button
    the thing that | what annoys me is the noise
    the minute I sit down | the phone rings
    given that I work part time | I can't do mornings
    the more I click | the slower it gets
    my point is that | we need two of them
    ever since they changed the lock | my card hasn't worked
    having worked in retail | I know how to handle people
    instead of calling | I wrote an email
    not only did it crash | it also deleted my work
    it's so loud that | nobody can talk
    could it be that | the toner's empty
    do you happen to know | what the code is
    every single person in our office | is affected
    with my previous laptop | it was no problem
    it is forbidden to | smoke there
    the main problems are noise | heat | and dust
    two things | first my badge | and second the parking
    the error's four | zero | three
    our postcode is l s | six | two a b
    I get paid on the twenty | eighth
    it's on the corner of fifty | second street
    the folder is called team | underscore | photos
    you can email me on sam | dot | lee at | mail dot com
    that's n for November | not m
    it's erm | what's it called | the router thing
    can you give me | can you send me the link
    the girl who started last month | needs an account
    every time the phone rings | my speakers buzz
    because of that | we lost the client
    it's the only printer that | prints in colour
    I always make sure | everyone knows the plan
    is it true that | you can do it remotely
    which of the two | should I take
    do you know how long | it's going to take
    the laptop I was given | is really heavy
    both of my monitors | went black
    whatever I do it | comes back
    it looks a bit | weird
    she gave me some | advice
    I have lived in this | town for two years
    in the summer we usually | go to the sea
    I spilled some | water on it
    is there any chance you | could do it now
    how am I supposed | to know that
    whoever set this up | didn't finish
    somebody from your team | promised to call me
    every couple of | minutes it beeps
    it used to work but since | the move it doesn't
    the second I touch it | it goes off
    I'd like to know what | the plan is
    I convinced them by | showing the numbers
    I speak three | languages
    after two years I | was promoted
    I was the one who | wrote the report
    most people in my class | are from Asia
    I need more | practice
    do you have any | recommendations
    they don't let us | use the phone
    it was on the second | of April
    I've been there since nineteen | ninety
    extension two | eight eight
    room number | four eleven
    it's about fifteen | minutes away
    capital A | small b | nine
    erm what was it | oh the toner
    it's um you know | the finance one
    the app on my tablet | won't update
    I was hoping you could | tell me
    what I don't understand is why | it works for her
    if it happens again should I | call this number
    the email I got from you | had no attachment
    do you think I should | buy a new one
    the lady before you | said something else
    since I'm working from home | I can't use the office printer
    apart from the screen | everything is fine
    I've got about five | of those messages
    once the update has finished will it | restart by itself
    my responsibilities include | training and support
    I'm convinced that | we can do better
    I applied because the role | sounds exciting
    I have to learn more | vocabulary
    I didn't know how to | answer
    my passport number is x | four four | nine eight one
    it costs nineteen | ninety nine
    the meeting is from two | to four
    we have three | printers two scanners and a plotter
    either I restart it | or I wait
    both the sound | and the picture
    not only the mouse | but also the keyboard
    does it | will it cost anything
    the blue | no the green cable
    our office manager said that | you handle this
    it's one of the older | models
    can somebody please | just fix it
    I'm trying to figure out how | this works
    the USB port on the side | is loose
    a colleague from accounting | has the same issue
    I was in a video call when suddenly | the sound went
    if I could just | get an hour of your time
    I would say about | half of them
    what would happen if I | unplugged it
    do I need admin rights to | do that
    is this something that | you could do remotely
    I used to be a | chef
    people often tell me I'm | a good listener
    my son is studying to be | a doctor
    on Sundays my family and I | go hiking
    the most beautiful place I have ever | seen is Iceland
    my English isn't good but | I practise every day
    I don't like when people | are late
    the order is w b | nine zero | four
    it arrived on the twenty | first
    you write it m a | double t
    the link is docs dot | company | dot io
    I've got a feeling that it's | the motherboard
    what do I do if the | light stays red
    she wanted to know why nobody | had called her
    the phone you gave me is | too small
    the name on the account should be | Fiona Walsh
    before I answer may I | ask a question
    in spring the trees | are beautiful
    it's asset tag l p | zero nine | three
    I was gonna | I was going to ask
    does the app need | an update
    can the server | reach it
"""
"""At each bar more must follow; at a double one it need not."""

COMPLETE = """
    the scanner wants a code every time
    it has been slow ever since
    that's somebody else's
    it's my neighbour's
    what's the difference between send and give
    how long's it been off for
    none that I know of
    it failed yesterday and today
    the code is zero x eight zero zero four two one
    I turned the laptop off
    I plugged the cable in
    I can't log in
    where is it from
    where do I find it
    can you send it to me
    can you help me
    is the server down
    what do I press
    what are you doing
    which one should I use
    I don't know what it is
    I don't know where it is
    I don't know what to do
    I have no idea
    that's the one I need
    that's the printer I told you about
    that's all I need
    that's what I said
    that's what I'm looking for
    I'll call you back later
    I'll try that
    no I haven't
    yes it is
    I don't think so
    I don't think it is
    I hope so
    I already told you
    it's the blue one
    none of them
    a little
    just a little
    not really
    since yesterday
    since last week
    at home
    half past nine
    last night
    every morning
    in March
    two hundred
    five minutes
    because I need it
    because of the weather
    when I open it it crashes
    if I restart it it works
    when I click print nothing happens
    when I plug it in the light turns red
    after the update everything was slow
    before that I worked in a bank
    it's still broken
    it doesn't work either
    it's already installed
    it was sent
    everything is open
    nobody knows
    I have everything I need
    there's nothing to worry about
    there's nothing I can do
    I have a lot to do
    it's exactly the same
    it's the same
    I need it today
    I want that
    I tried that
    I like it
    I know
    I know that
    I understand
    I forgot
    I can't remember
    sounds good
    looks good
    never mind
    okay I'll do that
    okay it's done
    yes I can see it
    yes it's on
    it's switched off
    it's turned on
    it's back up
    I'm in
    I'm done
    I'm ready
    my mouse isn't working
    the server is down
    the website is slow
    the shared drive is gone
    please reset my password
    please open a ticket
    please tell them to call me
    I want to speak to a person
    put me through to a human
    could you speak more slowly
    I led a team of five people
    I really enjoyed it
    it was hard but we made it
    the customer was happy
    I moved here two years ago
    I'm twenty
    I was born in nineteen eighty
    we went there by car
    is that correct
    I told them
    so do I
    me too
    neither do I
    it depends
    of course I can
    more or less
    probably not
    not yet no
    no problem
    no that's all
    that's everything
    that's all for now
    bye for now
    I've had this for three weeks
    the form doesn't open
    I get an error message
    I've lost it
    nothing happens
    it didn't help
    it still doesn't work
    it did
    I did
    I will
    yes they are
    that's the problem
    it's already on
    I tried turning it off and on
    I took the battery out
    can I call back later
    is it possible to change that
    have you tried that
    do you have my number
    what if it doesn't work
    where did it go
    where are you from
    who is this
    how are you
    since when
    in room five
    on floor three
    in front of the printer
    on the left side
    at the back
    for my daughter
    with my team
    a black screen
    most of the time
    all the time
    all day
    a week ago
    a long time ago
    the big one
    both
    nobody
    myself
    Outlook and Teams
    Monday or Tuesday
    the IT department
    the marketing department
    Susan Miller
    Laura with a U
    it's number four
    I'm in building seven
    more than ten
    less than five
    half an hour
    yes that's correct
    yes go ahead
    no that's it
    not on my laptop
    not since yesterday
    almost done
    nearly there
    just checking
    just once
    only one
    I quit my job last year
    I'm proud of it
    I'm looking forward to it
    it took three months
    patience
    I have never been there
    I go running every day
    it tastes good
    it looks fine
    I got lost
    it's the same as before
    on the train
    no luck
    only since the update
    third floor
    sort of
    I reckon so
    twice a week
    a while ago
    not that I can see
    half past four
    my mouse has packed in
    I can hear you but you can't hear me
    somebody's using my account
    I need to get into the building on Sunday
    I keep getting logged out
    it was working this morning
    I've been waiting for an hour
    I get on well with everyone
    I took a year off to travel
    I'd love to see that
    she told me not to worry
    it makes a funny noise when it starts up
    everything I open is in German
    nobody's told me what to do
    I haven't got one
    the password you gave me doesn't work
    which of these is mine
    how come it's so slow
    who's in charge of that
    could it be the cable
    have you got a minute
    am I doing it wrong
    was there anything else
    gate number nine
    badge four four two one eight
    version eleven point two
    twenty past three
    it starts with a B
    the serial is four four nine k two seven
    the grey one with the sticker
    neither
    I wish I could
    just before lunch
    a teacher actually
    whenever you like
    not as bad as before
    the shared folder has disappeared
    my colleague can see it but I can't
    I've forgotten what my username is
    it logs me out every five minutes
    the update failed twice
    I handle most of the complaints
    I'd say I'm a good listener
    I've never managed anyone
    we had to lay people off
    my sister is getting married next week
    we don't have that in my country
    would you mind repeating that
    how far away is it
    when's the next appointment
    what's the point of that
    the pin's four four one nine
    the first of June
    a quarter to four
    it's Brown with an E
    line four
    a long time
    since about ten
    my own laptop
    once or twice
    I just did
    that one
    by tomorrow
    I've been promoted twice
    my weakness is that I'm impatient
    I learned to be more patient
    that was the hardest part
    we live near the sea
    my grandmother taught me how to cook
    when did that change
    how much longer will it take
    could you spell that for me
    what do you want me to do
    my name is Chidi Okonkwo
    it's asset seven seven one zero four
    third of September
    it's Sean with an S
    terminal five
    I've no idea where it went
    the cables are fine
    I lost it on the way to work
    it beeps every couple of minutes
    I was promoted after two years
    ten years
    spring I think
    I need some more time
    not enough
    I was tired so I went to bed
    I would if I could
    how many people are there
    can I have it back
    is it still there
    who's calling
    do you think so
    could you explain that
    could you wait a second
    what was the last step
    whose is it
    that was me
    the two of us
    four of them
    one
    May
    seven hundred
    in nineteen ninety nine
    it ends in dot org
    it's all lower case
    go on
    do it
    try again
    let's do that
    let me know
    I'd prefer that
    we're out
    my time is up
    I'm with the team
    how do you know
    the same as hers
    quality
    I repair bicycles
    we stayed inside
    I waited for a week
    the green cable
    it won't
    how annoying
    I have no further questions
    no more questions
    nothing comes to mind
    it's all set
    that makes sense
    whatever works for you
    either one
    the top left
    under the battery
    it's an older model
    about half of them
    economics
    two years in Japan
    the USB port
    a colleague
    I don't like it when people are late
    at university
    you're breaking up
    sorry what was that
    sorry I missed that
    say that again
    one more time please
    that works for me
    I'll try again
    same problem
    no difference
    nope still broken
    there it is
    it's asking for a code
    which password
    where
    what now
    does the printer work
    will my laptop restart
    could the cable break
    are the files safe
    what does the light mean
    would a screenshot help
    why does the screen flicker
    it's not even a week old
    somewhere in the building
    as fast as possible
    that's a yes
    problem solving
    I need new software installed
    they ordered twenty percent more
    it was off already
    please slow down
    what's the weather like
    end the interview
    you choose please
    since then both of us use one plan
    yes I did actually
    I worked there from nineteen ninety to twenty twelve
    they've changed it again haven't they
    it isn't really my fault is it
    it fell off the desk so it did
    I hear it in one ear only
    they moved the whole office over
    come by if you want to pass by
    how long's that meant to take
    what are you looking for exactly
    have you seen this before
    it happened twice when I tried before
    my sister did
    so that's probably why
    it starts whenever the heating kicks in
    it is fixed so never mind
    my key broke and I don't have one
    where is the plug on one of these
    does it go all the way in
    please read me the whole line
    thank you very much you were kind
    thank you so much
    not that I'm aware of
    ten people give or take
    K O V A L E N K O
"""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def _pauses(phrase: str) -> list[list[str]]:
    """The runs of speech before each single bar."""
    parts = [part.strip() for part in phrase.replace("||", "|=").split("|")]
    runs = [part.removeprefix("=").strip() for part in parts]
    return [runs[: at + 1] for at in range(len(parts) - 1) if not parts[at + 1].startswith("=")]


@pytest.mark.parametrize("phrase", _lines(PAUSED))
def test_a_sentence_under_way_is_waited_for_as_it_was_said_and_as_it_is_written(phrase: str) -> None:
    for runs in _pauses(phrase):
        assert completeness("\n".join(runs)) <= GOES_ON
        assert completeness("\n".join(written(run.split()) for run in runs)) <= GOES_ON


@pytest.mark.parametrize("phrase", _lines(COMPLETE))
def test_whatever_is_complete_is_answered_soon(phrase: str) -> None:
    assert completeness(phrase) >= FINISHED
    assert completeness(written(phrase.split())) >= FINISHED


CLOSED_CLASSES = {
    "the problem started": "about above after against among at before behind below beneath beside between by despite "
    "during except for from into like near of onto past per since than throughout till to toward "
    "towards under until upon via with within without regarding including",
    "it is broken": "because if although while whereas unless when since until but and or than as",
    "we have got": "a an the my your its our their every each another no some several many",
    "I asked them": "who whose which when where why how whether if",
    "the printer": "is are was were has had can could will would shall should may might must does did isn't won't",
    "I": "just very quite rather only even almost nearly really probably usually always never still already also "
    "completely mostly currently definitely actually literally maybe",
    "we can": "need use make get send bring find say keep replace include open close change explain describe avoid",
}


@pytest.mark.parametrize("begun", CLOSED_CLASSES)
def test_every_word_of_a_closed_class_wants_another(begun: str) -> None:
    complete = [word for word in CLOSED_CLASSES[begun].split() if completeness(f"{begun} {word}") > GOES_ON]
    assert complete == []


@pytest.mark.parametrize("marked", ["", ".", "?", ","])
def test_any_words_in_any_order_are_judged(marked: str) -> None:
    chance = random.Random(1)
    words = [*(word.replace("_", " ") for word in CLASS_OF), "x", "7", "555", "foo", "bar's", "dot"]
    for _ in range(1000):
        text = " ".join(chance.choice(words) + chance.choice(["", "", "\n"]) for _ in range(chance.randint(1, 7)))
        assert 0 <= completeness(text + marked) <= 1


def test_what_a_preposition_begins_behind_a_pause_is_soon_an_end() -> None:
    assert completeness("it does not connect\nto the network") >= FINISHED
    assert completeness("it does not connect\nthis morning") >= FINISHED
    assert completeness("we have Word\nExcel") <= GOES_ON
