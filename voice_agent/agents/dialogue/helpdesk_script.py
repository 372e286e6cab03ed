"""The helpdesk call as a script: find the article, ask its key question, try its steps, else write a ticket.

Security incidents and a wish for a human go before everything else; a ticket is read back before it is created.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from voice_agent.agents.dialogue.engine import Answer, Call
from voice_agent.agents.dialogue.grammar import Act, Utterance, fold, understand
from voice_agent.agents.dialogue.helpdesk_case import Case, SaysRule, answer_to, told
from voice_agent.agents.dialogue.ticket_form import TicketForm
from voice_agent.agents.dialogue.wording import in_chunks, number_in
from voice_agent.agents.helpdesk_tools import CREATE, HAND_OVER, weights_of
from voice_agent.agents.pack_schema import ESCALATE, NEXT, STEPS, Article, Ask, Escalation, Slot, Step
from voice_agent.agents.retrieval import PhraseIndex

_NOT_UNDERSTOOD = (
    "I did not quite get that. What is not working?",
    "Sorry, I still did not get it. Please say it in a few words, for example: the printer is offline.",
    "I cannot match that to what I know. Shall I write a ticket, so that a person looks into it?",
)
_OTHER_PROBLEM = re.compile(
    r"\b(?:thats|that is|its|it is) not (?:it|my problem|the problem|what i)\b|\bwrong problem\b"
)
_BY_ITSELF = re.compile(r"\b(?:now|again|fixed|solved|resolved)\b")
_TAKE_TIME = "Sure, take your time. Say ready when you want to go on."
_ANYTHING_ELSE = "Is there anything else?"
_RATE = "How was this call, from one, poor, to five, very good?"
_GOODBYE = "Thank you for calling. Goodbye."
_CONTAIN = "Please disconnect that device from the network, and leave it switched on."
_MAX_PROBLEM_CHARS = 300


class State(Enum):
    INTAKE = auto()
    """The problem is not known yet."""
    OFFER = auto()
    """A ticket was offered."""
    ASK = auto()
    """A key question of the article was asked."""
    SYSTEM = auto()
    """Asked which operating system it is."""
    STEP = auto()
    """A step was given; waiting until it is done."""
    VERIFY = auto()
    """Asked whether the problem is gone."""
    FORM = auto()
    """Asking for name, contact, asset."""
    CONFIRM = auto()
    """The summary was read back."""
    CHANGE = auto()
    """Asked what to change in the summary."""
    CALLING = auto()
    """A tool was called; its result is not here yet."""
    MORE = auto()
    """Asked whether there is anything else."""
    RATING = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a helpdesk script works with. `says`: the conditions on what callers say; `incidents`: those of P1."""

    articles: Mapping[str, Article]
    index: PhraseIndex
    greeting: str
    threshold: float
    failed_steps: int
    says: tuple[SaysRule, ...]
    incidents: tuple[SaysRule, ...]


class HelpdeskScript:
    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._state = State.INTAKE
        self._case = Case("")
        self._ask: Ask | None = None
        self._step: Step | None = None
        self._form = TicketForm(())
        self._handover = ""
        self._call: Call | None = None
        self._call_failures = 0
        self._misses = 0
        self._later: list[str] = []
        self._reported = False
        self._leaving = False
        self._paused = False
        self._last = knowledge.greeting
        self._handlers: Mapping[State, Callable[[Utterance], Answer]] = {
            State.INTAKE: self._intake,
            State.OFFER: self._offer,
            State.ASK: self._asked,
            State.SYSTEM: self._system,
            State.STEP: self._stepping,
            State.VERIFY: self._verifying,
            State.FORM: self._filling,
            State.CONFIRM: self._confirming,
            State.CHANGE: self._changing,
            State.CALLING: self._waiting,
            State.MORE: self._more,
            State.RATING: self._rating,
            State.ENDED: self._intake,
        }

    def greeting(self) -> Answer:
        return Answer(self._knowledge.greeting)

    def hear(self, text: str) -> Answer:
        utterance = understand(text)
        self._case.notice(utterance)
        answer = self._at_any_time(utterance)
        if answer is None:
            if utterance.extra and self._state in {State.INTAKE, State.ASK, State.STEP, State.VERIFY}:
                self._later.append(utterance.extra)
            answer = self._handlers[self._state](utterance)
        if answer.text != _TAKE_TIME:
            self._last = answer.text
        return answer

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
        if name not in {CREATE, HAND_OVER}:
            return None
        number = result.get("number")
        answer = self._created(str(number), str(result.get("priority", ""))) if number else self._not_created()
        self._last = answer.text
        return answer

    # --- at any time --------------------------------------------------------------------------------------------

    def _at_any_time(self, utterance: Utterance) -> Answer | None:
        if not self._reported and self._state is not State.CALLING:
            words = told(utterance.text)
            found = next((rule for rule in self._knowledge.incidents if rule.applies(words)), None)
            if found:
                self._case = Case(utterance.text[:_MAX_PROBLEM_CHARS], article=found.article, rule=found.rule)
                return self._report()
        if utterance.does(Act.HUMAN, Act.ANGRY) and not self._handover and self._state is not State.CALLING:
            sorry = "I am sorry about this. " if utterance.does(Act.ANGRY) else "Of course. "
            self._handover = "the caller is upset" if utterance.does(Act.ANGRY) else "the caller asked for a person"
            if self._state is State.INTAKE and not utterance.brief:
                self._case.problem = utterance.text[:_MAX_PROBLEM_CHARS]
            return self._fill(sorry + "I will ask a person to call you back.", self._missing_slots(("contact",)))
        if utterance.brief and utterance.does(Act.REPEAT):
            return Answer(self._last)
        if utterance.brief and utterance.does(Act.SLOWER):
            return Answer(in_chunks(self._last))
        if utterance.does(Act.PAUSE) and not utterance.does(Act.FIXED, Act.BROKEN, Act.DONE):
            self._paused = True
            return Answer(_TAKE_TIME)
        paused, self._paused = self._paused, False
        if paused and utterance.brief and utterance.does(Act.RESUME, Act.YES) and not utterance.does(Act.DONE):
            return Answer(self._last)
        if utterance.does(Act.END) and not utterance.does(Act.YES, Act.NO, Act.FIXED, Act.DONE):
            return self._ending()
        if utterance.does(Act.RESUME) and self._state not in {State.STEP, State.FORM}:
            return Answer(self._last)
        return None

    def _ending(self) -> Answer | None:
        if self._state in {State.ASK, State.SYSTEM, State.STEP, State.VERIFY}:
            self._state, self._leaving = State.OFFER, True
            return Answer("Before you go: shall I write a ticket, so that someone looks into it?")
        if self._state in {State.INTAKE, State.OFFER, State.RATING, State.ENDED}:
            return self._end(_GOODBYE)
        return None

    # --- finding the problem ------------------------------------------------------------------------------------

    def _intake(self, utterance: Utterance) -> Answer:
        article = self._find(utterance.main)
        if article:
            return self._open(article, utterance.main)
        if self._state is State.ENDED:
            return Answer(_GOODBYE)
        if utterance.does(Act.GREETING, Act.THANKS, Act.YES) and len(utterance.words) <= 2 and not self._misses:
            return Answer("What can I help you with?")
        self._case.problem = f"{self._case.problem} {utterance.text.rstrip('.')}.".strip()[:_MAX_PROBLEM_CHARS]
        text = _NOT_UNDERSTOOD[min(self._misses, 2)]
        self._misses += 1
        if self._misses >= len(_NOT_UNDERSTOOD):
            self._state = State.OFFER
        return Answer(text)

    def _find(self, text: str) -> Article | None:
        matches = self._knowledge.index.search(text, limit=1)
        if matches and matches[0].score >= self._knowledge.threshold:
            return self._knowledge.articles[matches[0].id]
        return None

    def _open(self, article: Article, problem: str) -> Answer:
        self._case = Case(problem[:_MAX_PROBLEM_CHARS], article, everyone=self._case.everyone, system=self._case.system)
        self._misses = 0
        words = told(problem)
        said = next((rule for rule in self._knowledge.says if rule.article is article and rule.applies(words)), None)
        if said:
            return self._escalate("That needs a person.", said.rule)
        heading = f"That sounds like: {article.title}."
        if article.ask:
            self._ask, self._state = article.ask[0], State.ASK
            return Answer(f"{heading} {self._ask.spoken}")
        return self._give(self._case.step_from(None), heading)

    def _offer(self, utterance: Utterance) -> Answer:
        if utterance.does(Act.YES, Act.DONE):
            return self._escalate("All right.", self._case.rule)
        if utterance.does(Act.NO) and self._leaving:
            return self._end(_GOODBYE)
        if utterance.does(Act.NO):
            self._state, self._misses = State.INTAKE, 0
            return Answer("Okay, no ticket. What else can I help you with?")
        article = self._find(utterance.main)
        if article:
            return self._open(article, utterance.main)
        return Answer("Shall I write a ticket? Please say yes or no.")

    # --- the article --------------------------------------------------------------------------------------------

    def _asked(self, utterance: Utterance) -> Answer:
        ask = self._ask
        if ask is None or _OTHER_PROBLEM.search(fold(utterance.text)):
            self._state = State.INTAKE
            return Answer("Sorry, I misunderstood. What is not working?")
        if utterance.does(Act.FIXED) and _BY_ITSELF.search(fold(utterance.text)):
            return self._solved()
        answer = answer_to(ask, utterance)
        if answer is None:
            return self._missed(f"Please answer yes, no or not sure. {ask.spoken}")
        self._misses = 0
        self._case.details.append(f"{ask.spoken} {answer.capitalize()}.")
        rule = self._case.rule_for(f"{ask.id} = {answer}")
        target = ask.answers.get(answer, NEXT)
        if rule and rule.priority == "P1":
            self._case.rule = rule
            return self._report()
        if rule or target == ESCALATE:
            return self._escalate("That needs a person.", rule)
        following = self._case.ask(target) or (self._case.ask_after(ask) if target == NEXT else None)
        if following:
            self._ask = following
            return Answer(following.spoken)
        return self._give(self._case.step_from(None if target in {NEXT, STEPS} else target), "Okay.")

    def _give(self, step: Step | None, opening: str) -> Answer:
        if step is None:
            return self._escalate("I have no more steps for this.", self._case.rule_for("steps_failed"))
        self._step = step
        if self._case.system is None and not self._case.general(step):
            self._state = State.SYSTEM
            return Answer(f"{opening} Is it a Windows computer or a Mac?")
        self._state = State.STEP
        expect = f" {step.expect}" if step.expect else ""
        return Answer(f"{opening} {step.spoken}{expect} Tell me when you have done it.")

    def _system(self, utterance: Utterance) -> Answer:
        if self._case.system is None and not utterance.does(Act.UNSURE, Act.SKIP):
            return self._missed("Please say Windows, Mac, or not sure.")
        step = self._case.step_from(self._step.id if self._step else None, after=self._case.system is None)
        return self._give(step, "Thanks.")

    def _stepping(self, utterance: Utterance) -> Answer:
        if utterance.does(Act.BROKEN):
            return self._failed()
        if utterance.does(Act.FIXED):
            return self._solved()
        if utterance.does(Act.DONE, Act.YES, Act.RESUME):
            self._state = State.VERIFY
            return Answer(self._case.article.verify if self._case.article else "Did that fix it?")
        if utterance.does(Act.NO, Act.SKIP, Act.UNSURE, Act.HINT):
            return self._failed()
        return self._missed("Tell me done when you have tried it, or say skip for another way.")

    def _verifying(self, utterance: Utterance) -> Answer:
        if utterance.does(Act.NO, Act.BROKEN):
            return self._failed()
        if utterance.does(Act.YES, Act.FIXED):
            return self._solved()
        return self._missed("Please try once more what you wanted to do. Does it work now, yes or no?")

    def _failed(self) -> Answer:
        step = self._step
        self._misses = 0
        self._case.failed += 1
        if step:
            self._case.tried.append(step.spoken)
        if step is None or step.on_fail == ESCALATE or self._case.failed >= self._knowledge.failed_steps:
            return self._escalate("I am sorry that did not help.", self._case.rule_for("steps_failed"))
        after = step.on_fail == NEXT
        return self._give(self._case.step_from(step.id if after else step.on_fail, after=after), "Okay, another way.")

    def _solved(self) -> Answer:
        return self._go_on("I am glad that works.")

    def _missed(self, text: str) -> Answer:
        """Not understood inside an article: other words, and a ticket after the third time."""
        self._misses += 1
        if self._misses >= len(_NOT_UNDERSTOOD):
            self._misses, self._state = 0, State.OFFER
            return Answer("We do not understand each other well. Shall I write a ticket, so that a person calls you?")
        return Answer(text if self._misses == 1 else f"Sorry, once more. {self._last}")

    # --- tickets ------------------------------------------------------------------------------------------------

    def _escalate(self, opening: str, rule: Escalation | None) -> Answer:
        self._case.rule = rule or self._case.rule
        slots = self._case.article.slots if self._case.article else ("name", "contact")
        return self._fill(f"{opening} I will write a ticket.", self._missing_slots(slots))

    def _missing_slots(self, slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        return tuple(slot for slot in slots if slot == "asset" or slot not in self._form.values)

    def _fill(self, opening: str, slots: tuple[Slot, ...]) -> Answer:
        known, spoken = self._form.values, self._form.spoken
        self._form = TicketForm(slots)
        self._form.values.update((slot, value) for slot, value in known.items() if slot != "asset")
        self._form.spoken.update(spoken)
        question = self._form.question()
        if question is None:
            return self._filled(opening)
        self._state = State.FORM
        return Answer(f"{opening} {question}")

    def _filling(self, utterance: Utterance) -> Answer:
        text = self._form.hear(utterance)
        return Answer(text) if text is not None else self._filled("Thanks.")

    def _filled(self, opening: str) -> Answer:
        if self._handover and self._reported and "contact" not in self._form.values:
            return self._go_on("The security team knows.")
        if self._handover:
            return self._run(f"{opening} One moment, I am passing it on.", Call(HAND_OVER, self._handover_arguments()))
        return self._read_back(opening)

    def _read_back(self, opening: str) -> Answer:
        self._state = State.CONFIRM
        self._call = Call(CREATE, self._ticket_arguments())
        tried = len(self._case.tried)
        steps = f", {number_in(tried)} step{'s' * (tried != 1)} tried" if tried else ""
        contact = self._form.spoken.get("contact")
        reach = f" We reach you at {contact}." if contact else ""
        summary = f"{self._case.title.rstrip('.')}, priority {self._case.priority[1]}{steps}."
        return Answer(f"{opening} The ticket says: {summary}{reach} Shall I create it?")

    def _confirming(self, utterance: Utterance) -> Answer:
        if utterance.does(Act.SKIP, Act.END):
            return self._go_on("Okay, no ticket.")
        if utterance.does(Act.NO) and self._call and self._call.name == HAND_OVER:
            return self._go_on("Okay, no call back.")
        if utterance.does(Act.NO):
            self._state = State.CHANGE
            return Answer("What shall I change or add? You can also say no ticket.")
        if utterance.does(Act.YES) and self._call:
            return self._run("One moment.", self._call)
        return Answer("Shall I save it? Please say yes or no.")

    def _changing(self, utterance: Utterance) -> Answer:
        folded = fold(utterance.text)
        if "no ticket" in folded or "cancel" in folded or folded in {"nothing", "no"}:
            return self._go_on("Okay, no ticket.")
        self._case.details.append(utterance.text[:_MAX_PROBLEM_CHARS])
        return self._read_back("I have added that.")

    def _report(self) -> Answer:
        self._reported = True
        self._form = TicketForm(())
        return self._run(
            "This is a security incident, so I am reporting it right now.", Call(CREATE, self._ticket_arguments())
        )

    def _run(self, text: str, call: Call) -> Answer:
        self._state, self._call = State.CALLING, call
        return Answer(text, call)

    def _waiting(self, _utterance: Utterance) -> Answer:
        """Without its result the call may not have run: it is not repeated unasked, or there might be two tickets."""
        self._state = State.CONFIRM
        return Answer("That is not saved yet. Shall I do it now?")

    def _created(self, number: str, priority: str) -> Answer:
        handed_over = self._call is not None and self._call.name == HAND_OVER
        self._call, self._call_failures, self._handover = None, 0, ""
        if handed_over:
            return self._go_on(f"A person will call you back. Your number for that is {number}.")
        if priority == "P1" and self._reported and "contact" not in self._form.values:
            self._handover = f"security incident {number}"
            team = self._case.rule.team if self._case.rule else "security"
            return self._fill(f"It is with the {team} team as {number}. {_CONTAIN}", ("contact",))
        return self._go_on(f"Your ticket is {number}, priority {priority[1:] or 'normal'}.")

    def _not_created(self) -> Answer:
        self._call_failures += 1
        if self._call_failures > 1 or self._call is None:
            self._call, self._handover, self._call_failures = None, "", 0
            return self._go_on("I am sorry, I cannot save it. Please contact your service desk directly.")
        self._state = State.CONFIRM
        return Answer("I am sorry, I could not save that. Shall I try again?")

    def _ticket_arguments(self) -> Mapping[str, object]:
        case = self._case
        impact, urgency = weights_of(case.priority)
        asset = self._form.values.get("asset")
        description = [case.problem, *case.details, *([f"Asset {asset}."] if asset else [])]
        return {
            "summary": case.title[:200].ljust(3, "."),
            "description": "\n".join(description)[:2000],
            "category": case.category,
            "impact": impact,
            "urgency": urgency,
            "contact": self._contact(),
            "steps_tried": list(case.tried),
            "article_id": case.article.id if case.article else "",
        }

    def _handover_arguments(self) -> Mapping[str, object]:
        urgent = self._case.priority in {"P1", "P2"}
        return {
            "reason": self._handover,
            "summary": "\n".join(dict.fromkeys([self._case.title, self._case.problem, *self._case.details]))[:2000],
            "urgency": "high" if urgent else "medium",
            "contact": self._contact(),
            "steps_tried": list(self._case.tried),
        }

    def _contact(self) -> str:
        values = self._form.values
        return ", ".join(value for value in (values.get("name"), values.get("contact")) if value)[:200]

    # --- the end ------------------------------------------------------------------------------------------------

    def _go_on(self, opening: str) -> Answer:
        self._handover = ""
        self._state = State.MORE
        if self._later:
            return Answer(f"{opening} You also said: {self._later[0]}. Shall we look at that now?")
        return Answer(f"{opening} {_ANYTHING_ELSE}")

    def _more(self, utterance: Utterance) -> Answer:
        content = len(utterance.words) > 3 and not utterance.does(Act.END)
        article = self._find(utterance.main) if content or not utterance.does(Act.YES, Act.NO, Act.END) else None
        self._case = Case("", system=self._case.system)
        if article:
            return self._open(article, utterance.main)
        later = self._later.pop(0) if self._later else ""
        if utterance.does(Act.YES) and not utterance.does(Act.END):
            self._state = State.INTAKE
            return self._intake(understand(later)) if later else Answer("What is it?")
        if later and utterance.does(Act.NO):
            return self._go_on("Okay.")
        if utterance.does(Act.NO, Act.END, Act.THANKS, Act.SKIP):
            self._state = State.RATING
            return Answer(_RATE)
        self._state = State.INTAKE
        return self._intake(utterance)

    def _rating(self, utterance: Utterance) -> Answer:
        score = next((index for index in range(1, 6) if number_in(index) in utterance.words), None) or next(
            (int(word) for word in utterance.words if word in {"1", "2", "3", "4", "5"}), None
        )
        if score:
            return self._end(f"Thank you for the {number_in(score)}. Goodbye.")
        if utterance.does(Act.NO, Act.SKIP, Act.END, Act.THANKS) or self._misses:
            return self._end(_GOODBYE)
        self._misses += 1
        return Answer("Please say a number from one to five, or skip.")

    def _end(self, text: str) -> Answer:
        self._state, self._misses = State.ENDED, 0
        return Answer(text)
