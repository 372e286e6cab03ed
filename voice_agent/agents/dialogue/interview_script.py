"""The interview as a script: a plan of questions, at most a few probes each, a tip after each answer, a closing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from voice_agent.agents.dialogue import interview_wording as wording
from voice_agent.agents.dialogue.answers import Analysis, analyse, framing
from voice_agent.agents.dialogue.asides import Aside, aside_in
from voice_agent.agents.dialogue.engine import Answer
from voice_agent.agents.dialogue.grammar import Act, Utterance, fold, understand, wants_end
from voice_agent.agents.dialogue.tongue import ENGLISH_ONLY, another_language
from voice_agent.agents.dialogue.wording import in_chunks, vary
from voice_agent.agents.interview_plan import Plan, Planned
from voice_agent.agents.pack_schema import Marker
from voice_agent.agents.resume_claims import RESUME_ID
from voice_agent.briefing import Briefing

Mode = Literal["practice", "realistic"]

_REALISTIC = re.compile(
    r"\brealistic\b|\bno (?:feedback|tips)\b|\breal interview\b|\b(?:feedback|tips) (?:only )?at the end\b"
    r"|\b(?:stop|without) (?:the |any |giving (?:me )?)?(?:feedback|tips)\b"
)
_PRACTICE = re.compile(r"\bpractice mode\b|\b(?:with|more|give me|want|need) (?:some )?(?:feedback|tips)\b")
_MINUTES = re.compile(r"\b(?:(\d{1,2})|(half an hour|an hour|five|ten|fifteen|twenty|thirty|forty))\b(?: minutes?)?")
_GO_ON = re.compile(
    r"^(?:(?:sorry|ok|okay|yes|please|lets|no|all right|well|fine) )*(?:go on|continue|carry on|resume|keep going)\b"
    r"|^(?:(?:ok|okay|im|i am|sorry) )*back$"
)
_BREAK = re.compile(r"\b(?:take|need|have) a (?:short |quick |little )?(?:break|minute|moment|second)\b")
_EXAMPLE = re.compile(r"\bexample answer\b|\bwhat would you (?:say|answer)\b|\b(?:good|model|sample) answer\b")
_SAID_ALL = re.compile(
    r"^(?:(?:i think |so |and |yes |ok |okay )*(?:thats|that is|that was) (?:all|it|everything|about it|enough)"
    r"|nothing else|no more|(?:im|i am) (?:done|finished)(?: with (?:this|that))?|next please)\b"
)
_NO_EXAMPLE = re.compile(
    r"\bcant (?:really )?think of\b|\bnothing comes\b|\bmy mind (?:is|went) blank\b"
    r"|\bno (?:example|number|figure|idea)s?\b|\b(?:dont|do not) have (?:an? |any |one)"
    r"|\b(?:thats|that|it|this) never happened\b|\bnever had (?:that|one|any)\b"
)
_RESTART = re.compile(
    r"\bstart (?:over|again|from the beginning)\b|\btry (?:that|it) again\b"
    r"|\b(?:forget|scratch|ignore) (?:that|what i said)\b"
    r"|\blet me (?:rephrase|answer (?:that|it) again|try again)\b|\bchange my answer\b"
)
_BACK = re.compile(r"\b(?:go|get) back\b|\b(?:previous|last) question\b|\bquestion before\b")
_REPHRASE = re.compile(
    r"\brephrase\b|\b(?:put|say|ask) (?:it|that) (?:another|a different|differently|in another|in other)\b"
    r"|\banother way\b"
    r"|\bwhat do you mean\b|\bclarify\b|\bwhat kind of\b|\bdont (?:really )?(?:understand|get)\b|\bin other words\b"
)
_MACHINE = re.compile(
    r"\b(?:real|actual|live) (?:person|human)\b|\bhumans?(?: please)?$"
    r"|\bare you (?:an? )?(?:robot|bot|ai|machine|real|human|computer|person)\b|^who are you$"
)
_OTHER_JOB = re.compile(r"\b(?:actually|sorry|i meant|no|rather|wait)\b.{0,20}\b(?:for|as|job|role|position)\b")
_NAMED_JOB = re.compile(
    r"\b(?:practi[sc](?:e|ing)|appl(?:y|ying)|interview(?:ing)?)\b(?: for| as| of)*(?: an?| the)?"
    r"(?: job| role| position)?(?: as| of)?(?: an?| the)? (?P<job>[^,.;!?]+)",
    re.IGNORECASE,
)
_WANTED_JOB = re.compile(
    r"\b(?:want|like|love|hope|plan|going) to (?:be|become|work)\b(?: as| in| at| for| with)*(?: an?| the)? "
    r"(?P<job>[^,.;!?]+)",
    re.IGNORECASE,
)
_MORE = re.compile(r" (?:and|but|because|so) (?:i|im|i'm|it|its|we|my|this|that)\b.*$", re.IGNORECASE)
_SENIORITY = re.compile(r"\b(senior|junior|entry[- ]level|trainee|lead)\b", re.IGNORECASE)
_WISH = re.compile(
    r"^(?:(?:ok|okay|please|actually|sorry|um|and|but) )*(?:can|could|lets|id like|i would like|i want"
    r"|switch|change|go|give me|skip|repeat)\b"
)
_MODE_WORDS = 12
_ASKING = re.compile(
    r"(?:(?:um|uh|er|and|so|but|well|ok|okay|hi|hello) )*"
    r"(?:what|how|who|why|when|can you|do you|is (?:this|it)|are you)\b"
)
_ANY_JOB = re.compile(r"^(?:general|any(?:thing)?|any job|no job|whatever|nothing special)\b")
_JOB_LEAD = frozenset(
    """um uh er well hi hello hey yes yeah ok okay so like im i am id would the a an my it its is for as to job role
    position of practising practicing practise practice applying apply interview interviewing actually sorry no meant
    rather wait i'm i'd it's please be want become""".split()
)
_BESIDE_JOB = re.compile(
    r"\b(?:realistic|practice)(?: mode)?\b|\b(?:no|with|without) (?:feedback|tips)\b"
    r"|\b(?:i )?(?:only |just )?(?:have |got )?(?:only |about )?(?:\w+|half an) (?:minutes?|hour)\b",
    re.IGNORECASE,
)
_NUMBERS = {
    "five": 5, "ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "an hour": 60, "half an hour": 30,
}  # fmt: skip
_BARE_WORDS = 3
_TIMES_ASKED = 2
"""So often the job is asked for; after that the general questions are taken."""
_CONTENT_WORDS = 30
_ROLE_CHARS = 80


@dataclass(frozen=True, slots=True)
class InterviewContent:
    plan: Callable[[Briefing], Plan]
    greeting: str
    briefing: Briefing
    """What is known before the first word."""
    probes: int
    """Probes per question, at most."""
    short_words: int


@dataclass(slots=True)
class Record:
    """What became of one question."""

    planned: Planned
    asked: bool = False
    skipped: bool = False
    rephrased: bool = False
    hinted: bool = False
    probed: list[Marker] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """Those of all answers, folded."""
    analysis: Analysis | None = None
    """Of these answers, once it was needed: it is asked for several times, and a script is replayed for every reply."""

    def take(self, utterance: Utterance) -> None:
        self.answers.append(utterance.text)
        self.words += utterance.words
        self.analysis = None

    def forget(self) -> None:
        self.answers.clear()
        self.words.clear()
        self.analysis = None
        self.probed.clear()


class InterviewScript:
    def __init__(self, content: InterviewContent) -> None:
        self._content = content
        self.briefing = content.briefing
        self.plan: Plan | None = None
        self.records: list[Record] = []
        self.closed = False
        self._position = 0
        self._known = bool(content.briefing.role or content.briefing.job_description or content.briefing.resume)
        self._prompt = content.greeting
        self._turn = 0
        self._unheard = 0
        self._job_asked = 0

    @property
    def practice(self) -> bool:
        return self.briefing.mode == "practice"

    def greeting(self) -> Answer:
        return Answer(self._content.greeting)

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
        """Scripts of interviews use no tools, and another model's results do not change the plan."""
        return None

    def hear(self, text: str) -> Answer:
        utterance = understood(text)
        self._turn += 1
        if self.closed:
            return Answer(wording.GOODBYE)
        if not utterance.words:
            self._unheard += 1
            return Answer(wording.UNHEARD[min(self._unheard, len(wording.UNHEARD)) - 1])
        self._unheard = 0
        said = self._command(utterance) or (self._answered(utterance) if self.records else self._begin(utterance))
        return Answer(said)

    # --- commands -----------------------------------------------------------------------------------------------

    def _command(self, utterance: Utterance) -> str | None:
        """Commands are short; the same words inside an answer are content."""
        if not utterance.acts and not utterance.brief and self.records and len(utterance.words) > _MODE_WORDS:
            return None
        folded = " ".join(utterance.words)
        mode = self._mode(utterance, folded)
        wish = utterance.brief or (len(utterance.words) <= _MODE_WORDS and _WISH.search(folded))
        if mode or not wish:
            return mode or (self._beside(utterance) if self.records else None)
        if self.records and _REPHRASE.search(folded):
            return self._rephrase()
        if self.records and utterance.does(Act.SKIP) and utterance.does(Act.REPEAT, Act.SLOWER):
            return self._skip()
        if utterance.does(Act.REPEAT):
            return self._prompt
        if utterance.does(Act.SLOWER):
            return in_chunks(self._prompt)
        if wants_end(folded):
            return self._close("Then we end here.")
        changed = self._change(utterance, folded) if self.records else None
        if changed:
            return changed
        if _MACHINE.search(folded):
            return wording.MACHINE
        beside = self._beside(utterance) if self.records else None
        if beside:
            return beside
        if utterance.does(Act.PAUSE) or _BREAK.search(folded):
            return wording.PAUSED
        if utterance.does(Act.ANGRY):
            return vary(wording.SORRY, self._turn)
        return self._question_command(utterance, folded) if self.records and utterance.brief else None

    def _beside(self, utterance: Utterance) -> str | None:
        """What is no answer; of the caller's own questions at the end anything may be one."""
        found = None if self._closing else aside_in(utterance)
        match found:
            case None:
                return None
            case Aside.HOW_MUCH_LEFT:
                return f"{wording.left(len(self.records) - self._position - 1)} {self._prompt}"
            case Aside.HOW_WAS_IT:
                return f"{wording.TIPS_COME[self.briefing.mode]} {self._prompt}"
            case Aside.WHAT_IS_KEPT:
                return f"{wording.KEPT} {self._prompt}"
            case Aside.NERVOUS:
                return f"{wording.NERVOUS} {self._prompt}"
            case Aside.THINKING:
                return wording.TAKE_TIME
            case Aside.ANSWERED:
                return self._complete() if self._current.answers else self._advance(wording.GO_ON)
            case Aside.HEARING:
                return f"{wording.LISTENING} {self._prompt}"
            case Aside.QUESTION:
                return wording.QUESTION
            case Aside.WHY:
                return f"{wording.WHY} {self._prompt}"
            case Aside.RATHER_NOT:
                return self._skip()

    def _change(self, utterance: Utterance, folded: str) -> str | None:
        """Another go at the answer, or another question."""
        if _RESTART.search(folded):
            self._current.forget()
            return wording.RESTART
        if _BACK.search(folded):
            return self._back()
        return self._skip() if utterance.does(Act.SKIP) else None

    def _question_command(self, utterance: Utterance, folded: str) -> str | None:
        """Help with the question that is open."""
        bare = len(utterance.words) <= _BARE_WORDS
        if _SAID_ALL.search(folded):
            return self._complete() if self._current.answers else wording.SKIP_OR_END
        if utterance.does(Act.RESUME) or _GO_ON.search(folded):
            return self._prompt
        if utterance.does(Act.HINT) or (_EXAMPLE.search(folded) and not self._closing):
            return self._hint()
        if _NO_EXAMPLE.search(folded):
            return self._stuck()
        if _REPHRASE.search(folded) or (bare and utterance.does(Act.YES)):
            return self._rephrase()
        if utterance.does(Act.UNSURE) or (bare and utterance.does(Act.NO)):
            return self._stuck()
        return None

    def _mode(self, utterance: Utterance, folded: str) -> str | None:
        """Sets the mode where one is named; an answer only if that was all. With "skip", both are done."""
        name = mode_wanted(utterance, folded, begun=bool(self.records))
        if name is None:
            return None
        mode = wording.REALISTIC if name == "realistic" else wording.PRACTICE
        self.briefing = self.briefing.model_copy(update={"mode": name})
        if not self.records:
            return None
        return f"{mode} {self._skip() if utterance.does(Act.SKIP) else self._prompt}"

    def _stuck(self) -> str:
        """Another wording, then a hint, then the next question; to a follow-up, the answer before it is enough."""
        if self._closing:
            return self._advance(
                wording.YOUR_QUESTIONS if self._current.answers else "Bring one or two to the real one."
            )
        if self._current.answers:
            return self._complete()
        return self._hint() if self._current.rephrased else self._rephrase()

    def _rephrase(self) -> str:
        record = self._current
        if record.rephrased:
            return self._hint()
        record.rephrased = True
        question = record.planned.question
        if question.id.startswith(RESUME_ID):
            ease = wording.FROM_THE_START
        else:
            ease = wording.ANY_ANSWER if framing(question) else wording.ANY_EXAMPLE
        return self._ask(f"{vary(wording.AGAIN, self._turn)} {question.text} {ease}")

    def _hint(self) -> str:
        record = self._current
        if record.hinted or not self.practice:
            record.skipped = not record.answers
            return self._advance(vary(wording.MOVING_ON, self._turn))
        record.hinted = True
        return f"Here is a hint. {record.planned.question.hint} Take your time, or say skip."

    def _skip(self) -> str:
        record = self._current
        record.skipped = not record.answers
        return self._advance(vary(wording.SKIPPED, self._turn))

    def _back(self) -> str:
        self._position = max(0, self._position - 1)
        record = self._current
        record.skipped = False
        return self._ask(f"Back to this one. {record.planned.question.spoken}")

    # --- the beginning ------------------------------------------------------------------------------------------

    def _begin(self, utterance: Utterance) -> str:
        folded = fold(utterance.text)
        self._set_minutes(folded)
        brief = len(utterance.words) <= _BARE_WORDS
        if another_language(utterance) and self._job_asked < _TIMES_ASKED:
            self._job_asked += not self._known
            return f"{ENGLISH_ONLY} {self._ask(wording.READY if self._known else wording.ASK_JOB)}"
        if self._known and not _OTHER_JOB.search(folded):
            if not (brief and utterance.does(Act.NO)):
                return self._start()
            self._known = False
            return self._ask(wording.ASK_JOB)
        if aside_in(utterance) is Aside.WHAT_IS_KEPT:
            return f"{wording.KEPT} {self._ask(wording.READY if self._known else wording.ASK_JOB)}"
        asks = "?" in utterance.text or bool(_ASKING.match(folded))
        role = "" if asks or utterance.does(Act.UNSURE) or _ANY_JOB.search(folded) else role_of(utterance.text)
        empty = (brief and utterance.does(Act.GREETING, Act.YES, Act.NO, Act.THANKS)) or asks or not role
        general = _ANY_JOB.search(folded) or utterance.does(Act.UNSURE) or self._job_asked >= _TIMES_ASKED
        if empty and not general:
            self._job_asked += 1
            return self._ask(wording.EXPLAIN if asks else wording.ASK_JOB)
        self.briefing = self.briefing.model_copy(update={"role": "" if empty else role})
        return self._start()

    def _set_minutes(self, folded: str) -> None:
        match = _MINUTES.search(folded) if "minute" in folded or "hour" in folded else None
        if match:
            minutes = int(match[1]) if match[1] else _NUMBERS[match[2]]
            self.briefing = self.briefing.model_copy(update={"minutes": minutes})

    def _start(self) -> str:
        self.plan = self._content.plan(self.briefing)
        self.records = [Record(planned) for planned in self.plan.questions]
        if not self.records:
            return self._close("There are no questions to ask.")
        mode = "I give you a short tip after each answer." if self.practice else "Tips come at the end."
        return f"Good. {mode} {self._ask_current()}"

    # --- questions ----------------------------------------------------------------------------------------------

    @property
    def _current(self) -> Record:
        return self.records[self._position]

    @property
    def _closing(self) -> bool:
        """The caller's own questions are asked for."""
        return self._current.planned.question.competency == "closing"

    def _ask(self, text: str) -> str:
        self._prompt = text
        return text

    def _ask_current(self) -> str:
        self._current.asked = True
        return self._ask(self._current.planned.question.spoken)

    def _answered(self, utterance: Utterance) -> str:
        if self._position == 0 and not self._current.answers:
            folded = fold(utterance.text)
            late = not self._known and not self.briefing.role and _NAMED_JOB.search(utterance.text)
            if late or (utterance.brief and _OTHER_JOB.search(folded)):
                self.briefing = self.briefing.model_copy(update={"role": role_of(utterance.text)})
                return self._start()
        if another_language(utterance):
            return f"{ENGLISH_ONLY} {self._prompt}"
        self._current.take(utterance)
        probe = self._probe(self._current, self._analysis(self._current))
        return self._ask(probe) if probe else self._complete()

    def _complete(self) -> str:
        """The answer is taken as it is."""
        question = self._current.planned.question
        if self._closing:
            return self._advance(wording.YOUR_QUESTIONS)
        thanks = vary(wording.THANKS, self._turn)
        if framing(question) or not self.practice:
            return self._advance(thanks)
        return self._advance(f"{thanks} {wording.feedback(self._analysis(self._current), self._turn)}")

    def _analysis(self, record: Record) -> Analysis:
        if record.analysis is None:
            question, short_words = record.planned.question, self._content.short_words
            record.analysis = analyse(question, record.words, short_words=short_words)
        return record.analysis

    def _probe(self, record: Record, analysis: Analysis) -> str | None:
        question = record.planned.question
        limit = min(1, self._content.probes) if framing(question) else self._content.probes
        if len(record.probed) >= limit:
            return None
        marker = next((marker for marker in analysis.lacks() if marker not in record.probed), None)
        if marker is None:
            return None
        record.probed.append(marker)
        own = next((followup.ask for followup in question.followups if followup.when == marker), None)
        text = own or vary(wording.PROBES[marker], self._turn)
        return f"{text} {question.spoken}" if marker == "off_topic" and own is None else text

    def _advance(self, opening: str) -> str:
        self._position += 1
        if self._position >= len(self.records):
            return self._close(f"{opening} That was the last part.")
        return f"{opening} {self._ask_current()}"

    # --- the end ------------------------------------------------------------------------------------------------

    def _close(self, opening: str) -> str:
        self.closed = True
        judged = [
            (self._analysis(record), "\n".join(record.answers))
            for record in self.records
            if record.answers and not framing(record.planned.question)
        ]
        if not judged:
            return f"{opening} There was no answer yet that I could judge. Goodbye, and good luck."
        return f"{opening} {wording.closing(judged)} Goodbye, and good luck."


def mode_wanted(utterance: Utterance, folded: str, *, begun: bool) -> Mode | None:
    """The mode that the caller asks for; within an interview only in a short sentence, or one that is a request."""
    wish = utterance.brief or utterance.does(Act.SKIP)
    wish = wish or (len(utterance.words) <= _MODE_WORDS and _WISH.search(folded) is not None)
    if begun and not wish:
        return None
    return "realistic" if _REALISTIC.search(folded) else "practice" if _PRACTICE.search(folded) else None


def understood(text: str) -> Utterance:
    """A long answer is content: it is not searched for commands, which would take most of the time of a replay."""
    if text.count(" ") < _CONTENT_WORDS:
        return understand(text)
    return Utterance(text, text, tuple(fold(text).split()), frozenset(), "")


def role_of(text: str) -> str:
    """The job in what the caller said: "um I'm applying as a senior nurse, realistic please" is "senior nurse"."""
    named = _NAMED_JOB.search(text) or _WANTED_JOB.search(text)
    seniority = _SENIORITY.search(text)
    for piece in re.split(r"[,.;!?]+", named["job"] if named else text):
        words = _MORE.sub("", _BESIDE_JOB.sub(" ", piece)).split()
        while words and fold(words[0]) in _JOB_LEAD | {""}:
            words.pop(0)
        while words and fold(words[-1]) in {"please", "job", "role", "position", "thanks"}:
            words.pop()
        if words:
            role = " ".join(words)
            level = f"{seniority[1]} " if seniority and not _SENIORITY.search(role) else ""
            return f"{level}{role}"[:_ROLE_CHARS]
    return ""
