"""What the callers of the corpus say. A bar is a pause within the utterance; two bars are a pause behind words that a
reader would take for a whole sentence, so that no rule on words can tell that more follows. There is no punctuation, as
in speech.

Every kind has phrases that the rules of `call/endpointing` and the defaults were tuned with, and others that are held
out: written by another hand, who knew neither the rules nor the phrases before. Look at their figures, not at their
misses: a rule mended by one of them makes it one of the others.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    tuned: tuple[str, ...]
    held_out: tuple[str, ...]


def _kind(name: str, tuned: str, held_out: str) -> Kind:
    def lines(text: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in text.strip().splitlines())

    return Kind(name, lines(tuned), lines(held_out))


COMPLETE = (
    _kind(
        "short answer",
        """
        done
        yes please
        no
        okay
        yes that worked
        not yet
        no thanks
        the second one
        Windows
        in the office
        since yesterday
        just me
        I don't know
        marketing
        repeat
        next question please
        yep all done
        nope
        that's right
        correct
        only mine
        on the third floor
        Monday morning
        never
        a laptop
        not really
        go ahead
        skip this one
        maybe later
        four
        nope
        the second floor
        yeah it does
        just the one monitor
        since Tuesday
        not that I know of
        Windows eleven
        about twenty minutes ago
        German mostly
        both of them
        I think so
        only on wifi
        a bit better
        not yet
        five years
        yes please
        """,
        """
        yeah it's plugged in
        nope still nothing
        Windows eleven
        just the one monitor
        about twenty minutes ago
        on the third floor
        all of them
        it's blinking orange
        roughly six years
        yes I do actually
        mostly in retail
        not at the moment
        two weeks' notice
        probably my patience
        no I've never managed anyone
        Python and a bit of SQL
        I am from Brazil
        intermediate I think
        maybe the past tense
        every day
        with my sister
        it was delicious
        no I don't understand
        the pronunciation
        """,
    ),
    _kind(
        "sentence",
        """
        my printer says it is offline
        I can't connect to the wifi
        the screen stays black after I log in
        Outlook keeps asking for my password
        I restarted the laptop and nothing changed
        my badge does not open the door anymore
        the headset works but the microphone does not
        I led a team of five engineers for two years
        in the end we delivered the project on time
        I would like to talk to a person
        the VPN disconnects every ten minutes
        yesterday I went to the market with my sister
        I have worked in sales since I finished school
        it started after the update last night
        they told me to call you
        nobody in our department can open the shared drive
        my account is locked and I need it unlocked
        the projector in the meeting room shows a blue picture
        I lost my phone so I cannot approve the sign in
        the invoice from March is missing
        we cut the waiting time in half by asking customers first
        my manager was happy with the result
        last summer I visited my aunt in Portugal
        I have already tried turning it off
        somebody sent me a strange link and I clicked it
        I would handle it the same way again
        the keyboard types the wrong letters
        my laptop won't turn on
        I've been locked out of my account again
        the sound cuts out whenever I share my screen
        it just says access denied
        I would like to improve my pronunciation for presentations
        I left my last job because the company was relocating
        somebody's changed the password on the shared mailbox
        me computer's dead slow today
        I am having one problem with the email
        we moved house last summer so now I work from home
        please reset my PIN
        I tried that and it made no difference
        she don't have access to the folder
        I managed a team of six people at the warehouse
        ah it's working now
        the wifi keeps dropping on the train
        """,
        """
        my laptop keeps freezing whenever I open a big spreadsheet
        the wifi dropped out again during my meeting this morning
        I've been locked out of my account since I came back from leave
        good morning I'd like to report a broken keyboard please
        somebody spilled coffee all over the printer on our floor
        it says the certificate has expired and it won't let me in
        I restarted it twice and it's doing exactly the same thing
        your last guy told me to ring back if it happened again
        I led a small team that moved our billing onto the cloud
        what attracted me was the chance to work with younger people
        I left because the company was bought and they closed our office
        honestly I think I handle stress better than most of my colleagues
        my manager would probably say that I'm a bit of a perfectionist
        in five years I would like to be running my own kitchen
        we cut the waiting time in half by changing the shift pattern
        I don't have a degree but I learned everything on the job
        yesterday I go to the market with my mother and buy some fish
        I want to improve my English because I will move to Canada
        in my country we don't eat so late like here
        my teacher say me that my accent is too strong
        I have lived in this city since ten years
        last summer we rented a small house near the beach
        please speak more slowly I can't follow you
        I'm very agree with you about the social media
        """,
    ),
    _kind(
        "question",
        """
        can you say that again
        where do I find the settings
        how long will that take
        is it my cable
        which button do you mean
        what should I do now
        could you send me a ticket number
        do I have to restart
        what is that for
        who should I contact
        why does it ask me twice
        are you still there
        would you like an example
        when will somebody call me back
        what do you need it for
        is there anything else I can try
        how do you spell that
        can you hear me
        how long is that going to take
        what's the difference between affect and effect
        do I have to restart it now
        could you say that again slowly please
        when would I start if I got the job
        is it safe to open this attachment
        why it's asking for a code
        you want me to unplug it
        who do I speak to about a new headset
        """,
        """
        can you reset my password please
        how long is this going to take
        is the server down or is it just me
        do I need to be in the office for that
        why does it keep asking me to sign in
        could you repeat the second part of the question
        do you want an example from my current job
        what does a normal day look like in this role
        should I talk about school or only work
        did that answer sound too long
        what is the difference between say and tell
        how do you pronounce this word
        is it correct if I say more better
        can we try that one again
        """,
    ),
    _kind(
        "number and name",
        """
        my extension is four four seven one
        it's asset number one zero zero two nine three
        my name is Anna Lindqvist
        you can call me on five five five zero one four two
        the ticket is seven seven two
        error code eight zero zero
        I have three monitors
        my employee number is two zero nine one eight
        the pin is nine four one six
        I am in room two one five
        the model is a Latitude seven four
        call me at zero one seven six five five five three two one zero
        it's Peter Okafor
        there are twenty people here
        the code it shows is three three one nine zero five
        my desk is number twelve
        it's Margaret Oyelaran
        five five five zero one seven eight
        extension two three nine
        asset number four zero eight eight one
        my name is Dmitri
        error six five one
        the fourteenth of October
        Tom Hargreaves from accounts
        """,
        """
        it's extension four seven one nine
        the asset tag is L T zero zero three eight two
        zero seven seven zero zero nine zero zero one two three
        it's Daniel Okafor calling from accounts
        between thirty eight and forty thousand
        I worked for Hartley and Sons from twenty fourteen
        Marcus Lindqvist
        my name is Priya Raghunathan
        I'm Yuki Tanaka nice to meet you
        I was born in nineteen ninety seven
        """,
    ),
)
"""Said in one breath."""

PAUSED = (
    _kind(
        "list",
        """
        we have | Word || Excel | and Outlook
        I tried the cable || the power button | and another socket
        my skills are planning | budgeting | and talking to customers
        I need access to the finance folder || the shared calendar | and the printer
        on Saturday I bought apples || some bread | and | a bottle of milk
        first I asked my colleagues || then I made a plan || and then we tested it
        it happens in Chrome || in Firefox | and also in Edge
        there were three of us || a designer | a developer | and me
        please install Teams || Zoom | and Slack
        I speak German || French | and a little | Italian
        the affected people are Maria | Tom | Hussein | and I
        I checked the router || the switch | the wall plug | everything
        my tasks were hiring | training | and | writing the schedule
        we visited Rome || Naples | and Palermo
        it says the disk | the fan | or the battery
        there are three things broken | the mouse | the keyboard | and the webcam
        I restarted it || and I unplugged the dock || and I swapped the cable
        so first it asks for my password | and then | it just goes white
        on weekends I play football || and I cook with my wife
        it's either the router | or the cable || or I don't know what
        I need a charger || a bag | and one of them privacy screens
        it happens in Word || and in Excel || and sometimes Outlook too
        my duties were answering phones | booking meetings | and ordering supplies
        two reasons | the salary is one | and the other is | my family
        Monday Tuesday | and Thursday I'm at home
        I know Java || and SQL || and a little bit of | Kotlin
        it's me || Priya from finance || and | the new lad Callum
        """,
        """
        it's affecting Outlook || Teams || and the shared drive
        I need a keyboard a mouse and | one of those docking stations
        first I turned it off then | checked the cables and then | called you
        so there's three of us with the problem me | Javier | and the new girl
        my strengths are communication || teamwork || and I'm very organised
        I've used Excel || Salesforce || a little bit of Tableau
        there were two reasons first the salary | and second the commute
        I've worked as a waiter a | a barista and most recently | a shift supervisor
        I like cooking || dancing || reading
        for breakfast I eat bread with | cheese and | sometimes an egg
        on Saturday I cleaned the house || washed the clothes || and after I slept
        I have two brothers || one sister || and many many cousins
        """,
    ),
    _kind(
        "number",
        """
        my number is five five five | zero one four two
        it's zero one seven | six six four | nine eight two one
        the serial number is four seven two | nine one three | five five
        my phone number is | two zero seven | nine four six | zero nine five eight
        the asset tag is one two | three four | five six
        sure it's eight eight | four two | seven one | nine three
        ticket number three five | nine nine two
        the code is seven | two | nine | four
        you can reach me at four four | seven seven zero zero | nine zero zero | one two three
        the key starts with nine nine eight | one zero four | two two six
        my staff id is six zero | one one | eight four
        yes double five | three | eight two | triple one
        the address is one nine two | one six eight | zero | five
        dial zero eight hundred | two two three | four five five
        invoice two zero two six | one one | zero four seven
        my mobile's oh seven seven double two | nine one four | three six one
        the serial number is five c d | nine one | four seven k x two
        error code zero x | eight zero zero seven || zero zero zero five
        the asset tag says I T | zero zero four || eight one
        it started on the twenty | third of March
        I was earning around thirty eight || thousand pounds a year
        call me on five five five | zero one nine | two two seven four
        extension four four || one nine
        my birthday is the ninth of July nineteen | eighty eight
        the address is ten dot | zero dot | fourteen | dot six
        """,
        """
        my number is zero seven nine | four six two | one one eight five
        the ticket is I N C | zero zero four | seven two nine
        employee number eight eight one five || two
        IP address is one nine two dot | one six eight dot | one dot forty
        I'm looking for something around forty five || to fifty thousand a year
        I started in two thousand and | sixteen I believe
        you can reach me on five five five | zero one nine eight
        we grew from twelve people to a hundred and | thirty in one year
        I am twenty || twenty four years old
        the train was at six || forty in the morning
        it's plus three four | six one two | zero zero nine || eight one four
        I pay one thousand || and two hundred for my room
        """,
    ),
    _kind(
        "spelling",
        """
        my e-mail is anna dot | lindqvist | at example dot org
        it's spelled L I | N D Q | V I S T
        write to support | at | contoso dot com
        the user name is m jones | underscore | two five
        my surname is O K | A F O R
        the host is print | dash | zero four | dot local
        that is B as in Bravo | R as in Romeo | O W N
        send it to p okafor | at mail dot | example dot com
        J A N | S S E N
        the serial is C as in Charlie | four four | X as in X ray
        the share is called team | underscore | photos
        my address is first dot last | at | university dot e d u
        it's Kowalczyk k o w | a l c | z y k
        my surname is spelled n g u | y e n
        it's j dot martins at | outlook dot | com
        the host name is l o n dash | w s dash | zero four
        the server's called print zero two || dash east
        my surname's p as in Peter | f as in Frank | a double f
        my email is maria underscore | lopez eighty two | at gmail dot com
        it's Jon || j o n || no h
        """,
        """
        it's Nguyen N G | U Y | E N
        the username is J dot | M C | A L I S T E R
        that's K as in kilo | A | R as in Romeo | I N
        my surname is Kowalczyk that's K O W | A L C | Z Y K
        S I O | B H A N Siobhan
        email is tom dot | B R A D Y | at gmail dot com
        how I spell it is B E A | U T I | F U L
        you write it like C Z E | C H O W S K A
        """,
    ),
    _kind(
        "filler",
        """
        um | my laptop is very slow
        I was uh | trying to print a letter
        it's the um | the big one in the hallway
        well | it depends on the project
        I think it was um | about three weeks ago
        hmm | let me think | I would ask my manager first
        so basically | the mail does not arrive
        I mean | I did not write it myself
        you know | the thing that holds the paper
        okay so | I opened the menu
        er | I would say | teamwork
        uh | could you repeat the question
        it was like | really loud
        the one with the um | red light
        well you see | we never had a budget
        so | what happened then was a strike
        let me see | it says connected
        I guess um | the best part was the people
        erm | yesterday we goed | we went to the cinema
        right so | I clicked on install
        to be honest | uh | I forgot
        um | my screen's gone all green
        well | it sort of | it comes and goes
        I was like | you know | trying to log in
        uh | yeah || I did that already
        so | basically | nothing loads
        it says um | profile cannot be found
        let me think | er | maybe last Wednesday
        hmm | good question | I would say teamwork
        the thing is | like | I never got an invite
        how do you say | the | the small light is blinking
        I usually uh | take the bus to work
        okay so um | I've got this laptop right | and it won't charge
        it's not the battery || I mean | I don't think so
        my strength is probably | well | I'm patient with people
        """,
        """
        um | my screen is kind of flickering
        it just goes like uh | it goes black for a second
        I think it's uh | the one next to the kitchen
        so | yeah | I can't log in
        the thing is called er | Global something
        hmm let me think | I'd say my attention to detail
        well you know | I wasn't really happy there
        that's a good question um | probably the warehouse project
        I would say uh | flexible || and um | easy to work with
        okay so basically | I was in charge of the uh | the rota
        yesterday I uh | I visited my grandmother
        how do you say | the thing for to open the bottle
        eh | in my country is uh | very different
        my favourite um | how to say | season is autumn
        I was very mm | embarrassed
        it was last year I think uh | in November
        """,
    ),
    _kind(
        "restart",
        """
        I tried to | I tried to open the file
        my boss | my former boss asked me to do it
        can you | could you reset my phone
        the first | no the second screen is dark
        we had a | we had a problem with the supplier
        I am going to | I will travel next week
        it was my | it was our idea
        yesterday I have | yesterday I saw a film
        the error is | it says access denied
        could I | may I ask something
        we wanted to | well they wanted to close the office
        he don't | he doesn't like coffee
        I sent the | the wrong attachment
        there was | there were ten people in the room
        my calendar is | my calendars are empty
        can you send it to | actually no | call me instead
        I was at the | I was in the Leeds office
        my password is | sorry my username is wrong
        she go to | she goes to work by train
        it's on the third floor || no sorry | the fourth
        I've had it since May || wait no | June
        we haven't got | we don't have admin rights on these
        yesterday I have | I had a problem with the VPN
        it keeps | well it used to keep | kicking me out
        is there a | do you have a loaner I could borrow
        """,
        """
        I tried to I | no sorry I did update it last night
        it's the blue no | the green light that's on
        can you | could somebody come up to my desk
        my password | well not mine my boss's password has expired
        I was working at | I mean I had just joined a startup
        we we had | the client wanted everything by Friday
        I'd been there two years || no sorry nearly three
        my role was | so what I actually did was sales support
        he go | he went to the hospital by ambulance
        I have seen | I saw her the last week
        she is more tall || taller than me
        we was | we were waiting for | for the bus
        """,
    ),
    _kind(
        "mid-clause",
        """
        my printer and | my scanner are both offline
        I can't open the | folder on the server
        the computer in the | meeting room is broken
        I have been waiting for | two days now
        when I press the button | nothing happens
        because of the | storm we had no power
        I would like to | change my password
        if I remember correctly | it was in April
        the biggest challenge was that | nobody had time
        my sister who lives in | Spain is a doctor
        we decided to | hire a second person
        I asked them whether | they could help
        the reason is | the old contract
        after the meeting | I called the customer
        it only works without | the docking station
        every time I try to | save it crashes
        the man that I met at | the conference offered me a job
        although we were late | we finished the report
        since the upgrade | the fan is very noisy
        I need a new | charger for the laptop
        she told me about | a course in the evening
        my role was to | keep everybody informed
        they replaced the | toner last week
        in my opinion | the training helped most
        what I learned is | to ask earlier
        before I joined the company | I studied law
        whenever I open Teams the whole thing | just crashes
        the reason I'm calling is | my badge doesn't work
        I can't connect to the | guest network
        if I unplug the monitor will I | lose my work
        when I was in university I used to | tutor the younger students
        I'd like to | book a meeting room for Friday
        my manager told me that | I should ring youse
        because | the old one got coffee in it
        do you know whether | the server's down for everyone
        I'm looking for a role where | I can lead people
        it's been doing this ever since the | update
        the guy from facilities who | came round this morning said | it's the socket
        although I don't have a degree | I have plenty experience
        there's a wee red light beside | the power button
        could you please | transfer me to someone else
        my daughter she wants | that I learn better English
        I put it in a | drawer and forgot about it
        what happens when | the licence runs out
        """,
        """
        the printer on the second floor is | making a weird noise
        whenever I plug in my headset the | whole computer freezes
        I can't get into the | payroll system
        it was working fine until | they did that update on Monday
        hi there I'm calling because | my badge doesn't open the door
        if I click on the link it | takes me back to the login page
        could you tell me whether | the backup ran last night
        I need access to | Claire's mailbox while she's away
        I can't open the file || that Henrik sent me
        it's not connecting || to the guest network
        I would describe myself as | somebody who gets things done
        the biggest challenge was | getting everyone to agree
        after I finished university I | went travelling for a bit
        we had a customer who | refused to pay the invoice
        I'm applying for this job because I | really believe in public transport
        when my manager resigned | I had to step in
        I learned how to | listen before I jump in
        I was responsible for the budget || of the whole department
        I'd rather work in a team || than on my own
        my last company didn't really | invest in training
        last weekend I went to | the mountains with my friends
        I think that the people in London are | very polite
        my father works in a | factory of shoes
        when I was a child | I lived with my grandparents
        I would like to | travel to Japan one day
        the film was about a man who | lost his memory
        I am learning English || since three years
        if I will have money I | buy a new bicycle
        I don't like the winter || when it rains all the time
        she told me that | she is getting married in | June
        """,
    ),
    _kind(
        "afterthought",
        """
        my laptop is slow || since the update
        it worked yesterday || but not today
        I restarted it || and it still beeps
        we won the customer back || because we listened
        I like my job || most of the time
        the door was open || when I came in
        the picture is blurry || on the left side
        I called them twice || on Friday
        nobody answered || so I drove there
        I cook every evening || for my family
        the team was small || only four people
        I tried the other cable || as well
        nobody can print || on our floor anyway
        yes || but only in the mornings
        I've worked there six years || well | nearly six
        it's in the cupboard || next to the kettle || I think
        no || oh wait | it's just come back on
        we live in Porto || me and my husband
        that's fixed it || cheers || oh and one more thing | my calendar's gone
        """,
        """
        it won't turn on at all || oh and it smells of burning
        no that's everything || actually can you check my voicemail too
        I'd say leadership || and languages I suppose
        yes I have || although not in this country
        I went with my cousin || by train
        it's very expensive || for me at least
        """,
    ),
)
"""With pauses inside."""

BACKCHANNELS = _kind(
    "backchannel",
    """
    uh huh
    mhm
    okay
    right
    yeah
    I see
    got it
    mm
    okay yeah
    all right
    sure
    yes yes
    oh okay
    ah I see
    makes sense
    yep
    hmm
    cool
    oh really
    that's right
    mm hmm
    uh huh
    right
    okay
    yeah
    I see
    got it
    sure
    oh right
    gotcha
    yeah yeah
    aye makes sense
    """,
    """
    uh huh
    mm hmm
    right
    okay
    yeah yeah
    I see
    got it
    sure
    oh okay
    makes sense
    ah yes
    mm
    """,
)

INTERRUPTIONS = _kind(
    "interruption",
    """
    wait
    stop
    no stop
    hold on a second
    actually it is the other printer
    sorry can you repeat that
    no that's not what I meant
    I already did that
    human please
    excuse me I have a question
    but I don't have that menu
    okay but where is the button
    yes but it is a laptop
    hang on
    pause please
    let me stop you there
    one moment please
    I don't have a printer
    it's working now
    what does that mean
    that is not my problem
    skip this
    can I talk to a person
    right but which cable
    no
    wait
    hang on
    no no that's not it
    sorry can I stop you there
    hold on a second I can't find that button
    stop
    actually I've already done that
    excuse me I have a question
    but it's a Mac
    you're going too fast
    what does that mean
    no I said Thursday
    yeah but I don't have admin rights
    can I just talk to a person please
    """,
    """
    hang on a second
    I already did that
    actually it just came back on
    no no that's not what I asked
    hold on someone's at the door
    sorry can I stop you there
    could I just add something
    sorry I meant the other job
    can I start that answer again
    excuse me what was the question
    stop please
    what means that word
    too fast too fast
    wait I don't understand
    """,
)
