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
        """
        no still the same
        third floor by the lifts
        a Lenovo I reckon
        yep that's sorted it
        not that I can see
        since about Tuesday
        the blue one
        just me
        both of them actually
        orange and blinking
        Windows eleven
        half past two would suit me
        neither
        oh brilliant it's come back
        on my phone
        nah it's gone grey
        all of us in payroll
        twice this morning
        I haven't tried that
        eight years in August
        only at home
        wireless
        more or less
        she's my line manager
        from Portugal
        about a kilometre from the site office
        it says access denied
        never in my life
        Friday's better for me
        the second option please
        ground floor
        nope still dead
        the second one
        aye it's on
        Windows eleven I reckon
        yesterday teatime
        only mine
        a bit yeah
        not that I'm aware of
        Warehouse B
        green and flashing
        twice
        Edge usually
        can't say I have
        about three years give or take
        just says please wait
        it did actually
        neither of them
        since the clocks changed
        sort of a burning smell
        no joy I'm afraid
        left hand side
        my manager does
        on the train
        yes please go ahead
        never heard of it
        in Portuguese mostly
        the big grey one by the kitchen
        either's fine by me
        I think so
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
        """
        my laptop's making a noise like a hairdryer
        I can't get into the rota thing again
        somebody's moved my desk and now the phone's dead
        the wee scanner on ward six won't read the wristbands
        I've spilt tea all over my keyboard
        every time I open the spreadsheet the whole lot freezes
        they told me you'd ring back yesterday and nobody did
        I got locked out because I fat fingered my password three times
        the mouse pointer has gone absolutely massive
        I left my badge on the train this morning
        our new starter still hasn't got a mailbox
        y'all sent me a link that doesn't go anywhere
        the projector in the lecture hall keeps showing everything upside down
        I think I clicked on something I shouldn't have
        my authenticator's on my old phone and I traded that in on Saturday
        Outlook reckons I'm offline but I'm clearly not
        there's no sound whatsoever when I join a call
        the till froze right in the middle of the lunch rush
        please I need to install the program for drawing pipes
        it's been updating for two hours and it's only on nine percent
        I'd rather you didn't take over my screen right now
        someone in Leeds had the exact same trouble last week
        the printer's chewing up every label I send it
        I'm back on the wifi but the shared drive has vanished
        my screen went black when the cleaner unplugged something
        I can hear you but you're ever so faint
        I cannot find where is the button for the camera
        we had a power cut last night and the server room's beeping
        it wants a code but it never sends me one
        that's the third headset I've gone through this year
        I ran a kitchen of twelve people for most of my thirties
        in my last job I cut our delivery mistakes by nearly half
        I ended up retraining as an electrician after the steelworks shut
        my biggest weakness is I take on too much and then sulk about it
        I talked the customer down and we parted on good terms
        when my manager was off sick I did the whole stocktake on my own
        yesterday I have visited my aunt in the hospital
        I am learning English since four years with my neighbour
        in my village the winter is more long than here
        I would like to speak without thinking all the time in Polish
        the till's frozen and I've got a queue out the door
        my laptop won't charge unless I hold the cable at a funny angle
        somebody's gone and unplugged the router again
        I've been locked out of payroll and it's month end
        we moved desks on Friday and now none of the phones ring
        every email I send comes straight back to me
        I dropped my work mobile in the sink this morning
        Teams keeps telling me I'm offline when I'm clearly not
        the wifi up on ward six is absolutely shocking today
        I'm ringing on behalf of Doctor Okonkwo who can't see any of his scans
        there's a wee padlock on the folder that wasn't there before
        y'all sent me a new headset and it don't fit my computer
        I clicked on a link I probably shouldn't have clicked on
        my screen went pink halfway through a presentation
        it's asking me for a code but my old phone was stolen
        I start Monday and nobody has given me a login yet
        that printer has had it in for me since the day I got here
        the scanner reads the labels but nothing comes up on the stock sheet
        I cannot to open the file what my boss has sent
        she'll be right for now but the fan's making a hell of a racket
        I've turned it off and on about six times already mate
        half my calendar has vanished overnight
        the projector in the boardroom only shows the left half of the slide
        I'd rather you rang me back after lunch
        he told me it would be sorted by Wednesday and here we are
        I spilled a full mug of coffee over the keyboard
        my password runs out today apparently
        we've only the one computer in the shed and it's on the blink
        I ran a team of eleven drivers out of the Leeds depot for four years
        in my last job I was basically the person everyone came to when the spreadsheets broke
        I'd describe myself as stubborn in a good way
        I left because the commute was killing me
        what I enjoy most is seeing a junior nurse get her confidence
        we lost the client but I learned never to promise a date I can't keep
        I am living in Manchester since two years with my wife and her mother
        yesterday I have cooked for my neighbours a big soup from my country
        my son corrects my English all the time and it makes me crazy
        I want to speak more fast without thinking in Turkish first
        at the weekend we went to the sea but the weather was not so kind
        the hardest thing for me is when people speak on the phone
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
        """
        can you see my screen from where you are
        how long's this going to take
        why does it keep asking me to sign in
        is it just our building or is everyone down
        do I need to bring the laptop in or can you do it from there
        which cable am I meant to be looking at
        could you put me through to an actual person
        what happens to my photos if you wipe it
        has anybody even looked at my ticket yet
        am I supposed to click allow
        where would I find the serial number
        you couldn't unlock my account for us could you
        will I lose everything if I turn it off now
        who do I speak to about getting a bigger monitor
        should I hold the button down or just tap it
        did my manager approve that licence
        would you like an example from my current job
        how do you say when a person is always late
        what is the difference between borrow and lend
        was that answer too long do you think
        any idea how long this is gonna take
        can you see my screen from where you are
        do I need to be in the office for that
        is it just us or is the whole building down
        who do I talk to about getting a second monitor
        what happens to my photos if you wipe it
        have you got a direct number I can call
        you couldn't send someone over could you
        why's it asking for my birthday
        where did all my bookmarks go
        would it be daft to just buy my own mouse
        which button did you say
        am I meant to see a blue box
        so should I leave it plugged in overnight then
        is that with a capital letter
        how come Sandra's works and mine doesn't
        could you repeat the last part of the question please
        do you want an example from work or from university
        what is the difference between borrow and lend
        it is correct to say I am agree
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
        """
        it's Siobhan Gallagher
        my staff number's four one double seven nine
        K O W A L S K I
        oh seven seven double one four six two nine oh five
        extension three three oh eight
        this is Dwayne from the loading dock
        asset tag L T dash zero zero five eight one
        Nguyen spelt N G U Y E N
        room two fourteen in the Hargreaves building
        the ticket is I N C six six oh two three
        I was born on the ninth of March nineteen eighty four
        Priya with a Y
        it was forty two pounds fifty
        put it under Oluwaseun Adeyemi please
        it's Siobhan Gallagher in accounts
        four four one nine two
        Rajesh Venkataraman
        extension three oh seven
        my staff number's K double two nine eight one
        Mrs Pemberton
        the ticket is I N C zero zero eight three five one
        surname's Nowak N O W A K
        asset tag L T seven six four
        Tyrone with a Y
        oh one six three two nine six oh one double four
        room two eighteen
        first name Mei Ling last name Tan
        it ends in nine five
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
        """
        I've got two monitors || a dock | and one of those bendy webcams
        so that's Word || Excel || and the thing for expenses
        it's happening in reception || in the canteen || and upstairs as well
        I'll be needing a laptop || a headset || and a pass for the car park
        we tried turning it off || swapping the cable || and swearing at it
        it could be the battery || or | the charger or whatever
        the people affected are me | Gareth || and the two temps
        I've worked in bars || warehouses || a call centre for a bit
        my strengths are probably | patience || organisation || and I don't panic
        in the morning I drink coffee || I feed the cat || and I go to the bus
        first it went slow | then it went blue || then nothing
        both the | finance folder and | the one called archive
        I speak Tagalog || English || and a small | Japanese
        there's a red light || a green light | and one that's not doing anything
        I'll be needing a dock || two screens | and one of them wrist rest things
        it's Outlook || Teams | SharePoint | the whole lot really
        so far I've tried a different socket || a new cable | and swearing at it
        the people affected are me | Dave | and the lass on reception
        we've got three in the front office || two upstairs | and a knackered one in the van
        at home I speak Tamil with my parents || French with my wife | and English with the cat
        my strengths would be patience | um | attention to detail | and I'm good with angry customers
        there's the badge reader || the camera | and the intercom and none of them work
        I can get into email || the intranet | but not the | the rota
        on Saturdays I clean the house || I do shopping || I call my grandmother
        could you put on there Photoshop || Illustrator | and whatever the PDF one is called
        either the battery | or the charger || or the little socket it goes into
        I've worked in kitchens || on building sites | and for a short while in a | a funeral home
        first it beeps | then the lights go round || then it just sits there
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
        """
        my number is oh seven nine | four six one | double two eight
        yeah so it's four four | one nine | seven three oh
        the error code says zero x | eight zero zero || seven
        the employee ID is six | oh | no sorry nine | double four
        I started there in two thousand and | eleven I think
        it's on the | twenty third of | November
        that'd be about three hundred and | sixty invoices a month
        the IP starts with one nine two || one six eight || then zero dot fifteen
        the postcode's B S | six | five T U
        extension | two nine || one seven
        on the back it says model five five || zero zero || G
        we're talking somewhere between forty | and fifty thousand a year
        area code six one four || five five five | oh one | nine two
        my ticket number ends in | three eight || eight one
        my mobile is oh seven seven | double oh nine | one five two
        it's two four six || eight one || no sorry eight seven
        the serial number goes five C G | nine one four || three X
        that'd be the fourteenth of | no the fifteenth of March
        reference one one zero || six six || two
        I'd say we take between forty | and fifty calls an hour
        call me on three one two | five five five | oh one | eight eight
        the error says zero x | eight zero zero seven || zero zero five
        my ID is seven seven three || uh | nine one
        it cost six hundred || and twenty euro || with the delivery
        the meeting was meant to be at half | half past ten
        IP address is ten dot | forty dot | one nine dot | two
        born nineteen | eighty eight
        we're on floor twenty || twenty three
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
        it's Nguyen N G | U Y | E N
        the username is J dot | M C | A L I S T E R
        that's K as in kilo | A | R as in Romeo | I N
        my surname is Kowalczyk that's K O W | A L C | Z Y K
        S I O | B H A N Siobhan
        email is tom dot | B R A D Y | at gmail dot com
        how I spell it is B E A | U T I | F U L
        you write it like C Z E | C H O W S K A
        """,
        """
        it's M C | capital G | R A | T H
        my surname is spelt W O J | C I E | C H O W S K I
        my login is J dot | F E R || N A N D E Z
        S for sugar | A for apple | D I Q
        that's Bhattacharya so B H A | double T | A C H | A R Y A
        user name's all lower case | T K || underscore | M O Y O
        email is R O Z | at | hillview dot org
        the computer's called W S || dash | P L Y M || zero four
        Aoife like | A O I | F E
        it begins with X I A || then O || then L I N G
        it's Krzysztof so K R Z | Y S Z | T O F
        my last name is M C | capital G R | A T H
        Fitzwilliam F I T Z | W I double L | I A M
        that's J for Juliet | A | Q for Quebec | U E S
        username is B dot | O D U || Y A
        the laptop's called D E S K || T O P dash | four R
        Nguyen is N G | U Y | E N
        it's Catherine || with a C || A T H | E R I N E
        the street is spelled W O | R C E | S T E R
        email is H | hang on | H L I N D at | northgate dot org
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
        """
        um | I can't seem to log on
        it's the uh | the dongle thing for the bank
        so | basically my emails have stopped
        well | you know | it sort of flickers and then goes off
        let me think | it was before the bank holiday
        er | hang on | it says certificate expired
        I was like | totally in the middle of a presentation
        what's it called || the um | the taskbar
        right so | uh | I've plugged it in now
        I think it's the | erm | the router maybe
        it's kind of | I dunno | sluggish
        hmm | probably the second one
        okay so uh | where do I type that
        my boss wants me to | um | get added to the mailing list
        that's a good question || let me see | I'd say my first management role
        we were | uh | understaffed basically
        eh | how do you say | the cable of the electricity
        I have um | I have two brothers and they are | uh | fishermen
        oh God | um | Bernadette something
        the file was in | like | a shared folder on the N drive
        I mean | it's not urgent urgent
        you see | the thing is | I've got a deadline at noon
        could you | er | maybe send it to my personal email
        well um | what motivates me is | I suppose | seeing patients go home
        it's a | oh what d'you call it | a token
        let's see now | it's | uh | just a white page
        so I was just wondering if | um | I could get a new password
        it's the er | what do you call it | the dongle
        well it's | you know | it's not great
        I think it was | let me think | the Tuesday before last
        the message says something like uh | certificate not trusted
        my role was more | how can I put it | more behind the scenes
        there's this | like | grey bar going across everything
        um | Priya from the night shift
        it takes | oh | ten minutes just to log on
        yeah no it's | erm | it's doing the thing again
        I've got like | a million tabs open
        how do you say | hmm | the opposite of generous
        we use the uh | the old version
        I suppose my biggest weakness is | um | saying yes to everything
        he works in | oh what's it called | Facilities
        right so basically | uh | the whole drive has gone
        I feel | how to say | ashamed when I make mistake
        let me see | it says build one nine oh four five
        the fella who came out was | er | Gareth was it
        and then it kind of | I don't know | jumps
        you see the | ah | the arrow at the bottom
        could you maybe | um | send that to me in an email
        it'd be around | ooh | eighty percent full
        I went to | I mean | we went as a team to the supplier
        hmm | the one that says repair
        it works || um | most of the time
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
        """
        I want to | I need to get my password changed
        it won't even | well it will turn on but it just sits there
        can you | is there a way to undo that
        the | my manager says you have to do it
        I've been | so yesterday I was on the train and it cut out
        when I go to | if I click on save it shuts down
        there's this | okay every morning a box pops up
        we didn't get | nobody told us it was being switched off
        she was the | he was the one who set it up
        I was going to | never mind I'll start from the beginning
        what I | what happened was the lid got bent
        do you | would it be easier if I came down
        it's in the | no it's under settings
        I had a | there was a colleague who never turned up on time
        my role was | I mainly looked after the apprentices
        he don't | he doesn't like the spicy food
        I have went | I went to the market with my sister
        they should have | surely there's somebody on call at weekends
        that's the | hold on I've got the wrong laptop here
        so the screen | the left screen goes fuzzy round lunchtime
        I can't get my | I'm not able to get on the VPN
        have you had | did anyone ring you about this already
        it was all | they were all fine last night
        can I get a | would it be possible to speak to a person
        when I try to | so I open the lid and there's nothing
        my boss wants | well he needs it by noon
        the thing is I | we share the one login between us
        I have been in the | I was in Spain for six months
        if you could just | actually could you ring my desk phone
        what I did was | no hang on first I restarted it
        is there a | do you have a form for that
        she said we | he said I should call you lot
        we didn't get any | nobody told us it was being switched off
        I used to work as | I trained as an electrician originally
        it keeps | every hour or so it kicks me out
        the customer was | so this gentleman came in absolutely fuming
        where do I | which screen am I supposed to be on
        I'm trying to | I've tried to install it from the shop
        my daughter she | my daughters they speak better than me
        why would my | how does it even know where I am
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
        """
        I've been trying to | get hold of you lot since eight
        the thing on the left | doesn't light up
        when I press it | nothing happens
        it started after | the clocks went back
        I can't print because | it says there's no paper
        about the ticket from yesterday | is there any news
        my wife's account and | mine have got mixed up
        I'm looking for | the form to order toner
        it keeps telling me that | my session's expired
        could you have a look at | the calendar for room nine
        I'd be lost without the | magnifier
        if I unplug the dock | it's perfectly fine
        the guy who fixed it last time | said to ask for a new hinge
        we're supposed to | have it running by Monday
        whenever the phone rings | the wifi drops
        I'm in the middle of | a clinic so can we be quick
        what I can't understand is why | it worked on Sunday
        the password that you gave me | isn't being accepted
        since they put in the new system | I can't see my payslips
        I need someone to | come out to the depot
        all of the | customer records are showing twice
        my old laptop had | a proper network socket
        even though I restarted it | the clock's still wrong
        I was wondering whether | I could borrow a projector
        there's something wrong with | the badge reader by the goods lift
        as soon as I walk away from my desk | it logs me out
        it looks as if | somebody's been using my account
        the folder where we keep | the drawings has gone read only
        instead of opening the file it | downloads about six copies
        you know that email you sent round | was that genuine
        I can get into everything except | the timesheets
        my fingerprint isn't | being recognised since I burnt my thumb
        before you do anything | I've got unsaved work open
        the one with the cracked | corner is Michelle's
        he told me I should | ring you straight away
        for some reason | the letters come out in Greek
        I only ever use it for | ordering stock
        every single person in my | team has had that message
        at my previous company | I was responsible for the night shift
        the most difficult part was | telling the families
        I decided that we | had to scrap the whole plan
        one time when I was driving the forklift | a pallet slipped
        I'd describe myself as | stubborn but in a good way
        what I learned from that was | to ask sooner
        I left because | the commute was killing me
        in my country | we eat very late in the evening
        I am agree with | this opinion of the journalist
        my daughter she wants | to study the medicine
        if I will have enough money | I will buy a small boat
        yesterday evening I was cooking and | my neighbour knocked on the door
        the monitor on the right hand side | has gone all fuzzy
        I've been waiting for | a call back since nine
        we can't take card payments because | the machine says no connection
        if I unplug the mouse | the keyboard stops as well
        about that laptop you collected last week | is it fixed
        my colleague who sits opposite | has exactly the same model
        I tried to move it into | the shared folder
        whenever somebody uses the microwave | we lose the internet
        it won't let me || change the margins
        I'm calling from the | Aberdeen office
        the lad before you told me to take | the battery out
        what I'd really like is | a straight answer
        there's a sticker underneath with | a barcode on it
        so | nobody can clock in
        she's the one that | looks after the licences
        we were supposed to be getting | moved over in June
        after the update finished | all my icons were huge
        I don't know whether | it's the cable or the port
        the reason I'm ringing is | my account's been suspended
        it sounds as though it's | about to take off
        could you check if | my mailbox is full
        I have to present to the board in | twenty minutes
        every single time that I | plug in the projector it restarts
        the new girl needs access to | the booking system and the door
        my biggest achievement was probably | getting the school a new library
        in that situation I'd | go and speak to them privately
        we had a supplier who | kept delivering the wrong bolts
        and | then it asked me for the admin password
        what surprised me was that | the patients actually preferred it
        I left the army in | twenty sixteen
        being the youngest supervisor there | I had to do the rotas and the appraisals
        I would like to improve || my pronunciation
        in my country people | eat dinner very late
        I am afraid of | speaking with the teacher of my son
        when I was a child we | didn't have a television
        it's the same but | in blue
        not the black one the | silver one
        the sound comes out of | the laptop instead of my headphones
        somebody from your team was | going to drop off a replacement
        by the time I got back to my desk | the screen was black
        you know the scanner in goods in | well it's eating the labels
        apart from the phone | everything's grand
        I'd have called sooner only | I couldn't find the number
        it says I don't have | permission
        from what they tell me | it's only the colour ones
        our receptionist is | off sick so I'm on my own here
        do you reckon it's | worth repairing
        I've got a | meeting
        that file took me the best part of | three weeks
        since we went over to the new system the invoices | come out sideways
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
        it won't turn on at all || oh and it smells of burning
        no that's everything || actually can you check my voicemail too
        I'd say leadership || and languages I suppose
        yes I have || although not in this country
        I went with my cousin || by train
        it's very expensive || for me at least
        """,
        """
        it's broken again || same as last week
        I can't open the attachment || the one from Karen
        yes that worked || I think
        I'd like to book a repair please || when you've got a minute
        my camera's not working || only in Teams though
        I was a postman for nine years || in Cork mostly
        we lost the connection || me and the whole of accounts
        I like very much this city || but not in the summer
        my camera's not working || in Zoom I mean
        I'd like to cancel the ticket || if that's alright
        the whole site's down || well apart from the canteen
        I managed a budget of two million || pounds not dollars
        yeah it's plugged in || I think
        can you reset it for me || only I'm with a customer
        I was very nervous that day || and also it was raining
        no || not since you rebooted it anyway
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
    """
    mhm
    right okay
    uh huh
    yeah yeah
    oh I see
    gotcha
    aye
    sure
    ah okay
    hmm right
    fair enough
    yep
    oh really
    lovely
    mhm
    right okay
    uh huh
    gotcha
    oh aye
    yeah yeah
    ah I see
    fair enough
    mm yeah
    sure sure
    oh wow
    okay cool
    lovely
    hm right
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
    """
    no wait that's wrong
    sorry can I just
    hang on hang on
    whoa slow down a sec
    I've already done all that
    stop stop it's doing something
    excuse me I didn't catch that
    no no not that one the other printer
    hold your horses I'm not even at my desk
    actually forget it it's come back on
    can you say again please I am lost
    let me stop you there
    yeah but that's not what I asked
    oi listen
    one moment there's someone at the door
    okay okay I get it
    but I don't have a start button
    pardon me could I go back to the first question
    no wait that's the wrong one
    sorry can I just stop you there
    hang on hang on
    you're going too fast for me
    I've already done that
    whoa slow down a sec love
    that's not what I asked
    excuse me what means this word
    hold up somebody's at my door
    no no not the printer the scanner
    stop please
    yeah I know all that just get me a human
    can we skip this bit
    oh it's just come back on
    actually forget about it
    let me finish
    wait which menu
    pardon me I didn't catch any of that
    """,
)
