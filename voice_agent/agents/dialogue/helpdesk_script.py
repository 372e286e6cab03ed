"""The helpdesk call as a script: incidents, outages and a wish for a human first; then one problem after the other.

A problem is found, confirmed where that is unsure, walked through its article (`helpdesk_walk`) and, if that does not
help, brought to people (`helpdesk_filing`). At the end the caller is asked for a rating.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import ClassVar

from voice_agent.agents.dialogue import helpdesk_wording as wording
from voice_agent.agents.dialogue.asides import Aside, aside_in
from voice_agent.agents.dialogue.engine import Answer
from voice_agent.agents.dialogue.grammar import Act, Utterance, fold, understand
from voice_agent.agents.dialogue.helpdesk_case import MAX_PROBLEM_CHARS, Case
from voice_agent.agents.dialogue.helpdesk_filing import Closed, Filing
from voice_agent.agents.dialogue.helpdesk_finder import Finder, Found
from voice_agent.agents.dialogue.helpdesk_rules import tells_outage, told, works_now
from voice_agent.agents.dialogue.helpdesk_walk import Escalate, Missed, NotThis, Outcome, Say, Solved, Walk
from voice_agent.agents.dialogue.ticket_form import TicketForm
from voice_agent.agents.dialogue.tongue import ENGLISH_ONLY, another_language
from voice_agent.agents.dialogue.wording import in_chunks, number_in
from voice_agent.agents.form import Form, corrections_in, form_of
from voice_agent.agents.helpdesk_arguments import CREATE, DRAFT, HAND_OVER, INCIDENT
from voice_agent.agents.pack_schema import Article

_URGENT = ("P1", "P2")
_MAX_LATER = 3


class State(Enum):
    INTAKE = auto()
    """The problem is not known yet."""
    CHOOSE = auto()
    """Asked whether it is about an article that may be meant."""
    WALK = auto()
    """An article is being worked through."""
    OFFER = auto()
    """A ticket was offered."""
    FILING = auto()
    """A ticket or handover is being made."""
    MORE = auto()
    """Asked whether there is anything else."""
    RATING = auto()
    ENDED = auto()


class HelpdeskScript:
    def __init__(self, finder: Finder, greeting: str, failed_steps: int) -> None:
        """`failed_steps`: so many in one article end in a ticket."""
        self._finder = finder
        self._greeting = greeting
        self._failed_steps = failed_steps
        self._state = State.INTAKE
        self._case = Case("")
        self._walk: Walk | None = None
        self._form = TicketForm()
        self._filing: Filing | None = None
        self._candidates: list[Article] = []
        self._before_choice: Walk | None = None
        self._asked_before = ""
        """What was said before the choice, and is to be answered if it was none."""
        self._misses = 0
        self._unheard = 0
        self._later: list[str] = []
        self._reported = False
        self._leaving = False
        self._paused = False
        self._last = greeting
        self.cases: list[Case] = []
        """All problems of the call that got as far as an article or a ticket, in order."""
        self.rating: int | None = None
        self.rating_asked = False

    def greeting(self) -> Answer:
        return Answer(self._greeting)

    def hear(self, text: str) -> Answer:
        utterance = understand(text)
        corrections = corrections_in(text)
        if corrections:
            answer = self._corrected(corrections)
        else:
            self._case.notice(utterance)
            answer = self._at_any_time(utterance) or self._BY_STATE[self._state](self, utterance)
        if answer.text != wording.TAKE_TIME:
            self._last = answer.text
        return answer

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
        if name not in {DRAFT, CREATE, INCIDENT, HAND_OVER}:
            return None
        filing = self._filing or self._file_for(self._case)
        answer = self._after_filing(filing.tool_result(name, result))
        self._last = answer.text
        return answer

    def form(self) -> Form:
        """What is noted of the caller, for the screen; nothing before a ticket is spoken of."""
        if self._filing is None:
            return ()
        values: dict[str, str] = {"problem": self._filing.problem}
        values.update(self._form.values.items())
        confirmed = frozenset(values)
        if self._form.offered:
            slot, value = self._form.offered
            values[slot] = value
        return form_of(values, confirmed)

    # --- at any time ------------------------------------------------------------------------------------------------

    def _at_any_time(self, utterance: Utterance) -> Answer | None:
        waiting = self._filing is not None and self._filing.waiting and self._state is State.FILING
        if not utterance.words and not waiting:
            return self._no_input()
        self._unheard = 0
        urgent = None if waiting else self._incident_or_outage(utterance)
        if urgent:
            return urgent
        if wording.MACHINE.search(fold(utterance.text)) and not waiting:
            return Answer(f"{wording.AN_AI} {self._question()}")
        if not waiting and aside_in(utterance) is Aside.WHAT_IS_KEPT:
            return Answer(f"{wording.KEPT} {self._question()}")
        handing_over = self._state is State.FILING and self._filing is not None and self._filing.handing_over
        if utterance.does(Act.HUMAN, Act.ANGRY) and not handing_over and not waiting:
            return self._hand_over(utterance)
        if utterance.brief and utterance.does(Act.REPEAT):
            return Answer(self._last)
        about_speed = self._state is State.INTAKE and self._finder.find(utterance.main) is not None
        if utterance.brief and utterance.does(Act.SLOWER) and not about_speed:
            return Answer(in_chunks(self._last))
        if utterance.does(Act.PAUSE) and utterance.brief and not utterance.does(Act.FIXED, Act.BROKEN, Act.DONE):
            self._paused = True
            return Answer(wording.TAKE_TIME)
        paused, self._paused = self._paused, False
        if paused and utterance.brief and utterance.does(Act.RESUME, Act.YES) and not utterance.does(Act.DONE):
            return Answer(self._last)
        if utterance.does(Act.END) and not utterance.does(Act.YES, Act.NO, Act.FIXED, Act.DONE):
            return self._ending()
        if utterance.does(Act.RESUME) and self._state is not State.WALK:
            return Answer(self._last)
        return None

    def _no_input(self) -> Answer:
        """Sound without words. The third time in a row a person is offered."""
        self._unheard += 1
        if self._unheard > len(wording.NOT_HEARD) and self._state not in {State.RATING, State.ENDED}:
            self._unheard = 0
            return self._offer_ticket(wording.LOST)
        return Answer(f"{wording.NOT_HEARD[min(self._unheard, len(wording.NOT_HEARD)) - 1]} {self._question()}")

    def _question(self) -> str:
        """What is open, without the greeting or the apology that stood before it."""
        if self._last == self._greeting:
            return wording.WHAT
        return wording.without((*wording.NOT_HEARD, wording.AN_AI, wording.KEPT), self._last)

    def _incident_or_outage(self, utterance: Utterance) -> Answer | None:
        found = self._finder.incident(utterance.text)
        if found and not self._reported:
            self._put_off()
            apart = found.applies(told(utterance.extra)) and self._finder.find(utterance.main) is not None
            if apart:
                self._postpone(utterance.main)
            self._begin_case(utterance.extra if apart else utterance.text, found.article)
            self._case.rule = found.rule
            return self._report()
        if self._state in {State.INTAKE, State.CHOOSE, State.WALK, State.OFFER, State.MORE} and tells_outage(
            utterance.text
        ):
            meant = self._finder.find(utterance.main)
            article = meant.best if meant else None
            asked = self._state is State.WALK and (article is None or article is self._case.article)
            if not asked:
                self._put_off()
                self._begin_case(utterance.main, article)
                self._case.impact = "high"
                rule = self._case.rule_for("others = yes") or self._case.rule_for("others = no")
                self._case.rule = rule or self._case.rule_for("steps_failed")
                return self._escalate("That sounds like an outage, so it goes to people at once.")
        return None

    def _put_off(self) -> None:
        """What was being worked on comes back later."""
        if (
            self._state in {State.WALK, State.FILING, State.OFFER}
            and not self._case.number
            and self._case.problem
            and len(self._later) < _MAX_LATER
        ):
            self._later.insert(0, self._case.problem)

    def _hand_over(self, utterance: Utterance) -> Answer:
        angry = utterance.does(Act.ANGRY)
        sorry = "I am sorry about this." if angry else "Of course."
        if self._state in {State.MORE, State.RATING, State.ENDED}:
            self._case = Case("", system=self._case.system)
        if self._state is not State.WALK and not self._case.problem and not utterance.brief:
            self._case.problem = utterance.text[:MAX_PROBLEM_CHARS]
        if self._case not in self.cases:
            self.cases.append(self._case)
        self._case.escalation = "forced"
        reason = "the caller is upset" if angry else "the caller asked for a person"
        return self._after_filing(self._file_for(self._case).handover(reason, sorry))

    def _ending(self) -> Answer | None:
        if self._state in {State.WALK, State.CHOOSE}:
            self._leaving = True
            return self._offer_ticket("Before you go: shall I write a ticket, so that someone looks into it?")
        if self._state in {State.INTAKE, State.OFFER, State.RATING, State.ENDED}:
            return self._end(wording.GOODBYE)
        return None

    def _corrected(self, values: Mapping[str, str]) -> Answer:
        if self._state is State.FILING and self._filing:
            return self._after_filing(self._filing.corrected(values))
        Filing(self._case, self._form).take(values)
        return Answer(wording.again("Thanks, I have noted that.", self._last))

    # --- finding the problem ----------------------------------------------------------------------------------------

    def _intake(self, utterance: Utterance) -> Answer:
        if wording.ANYBODY.search(fold(utterance.text)) and utterance.brief:
            return Answer("Yes, I am here. What can I help you with?")
        found = self._finder.find(utterance.main)
        other = self._finder.find(utterance.extra)
        if found and other and other.best is not found.best:
            return self._two_problems(utterance, found.best, other.best)
        if found and other:  # Two sentences about the same.
            return self._found(found, utterance.text)
        if utterance.extra:
            self._postpone(utterance.extra)
        if found:
            return self._found(found, utterance.main)
        if self._state is State.ENDED:
            return Answer(wording.GOODBYE)
        if utterance.does(Act.GREETING, Act.THANKS, Act.YES) and len(utterance.words) <= 2 and not self._misses:
            return Answer("What can I help you with?")
        if len(utterance.words) > 1:
            self._add_to_problem(utterance.text)
        self._misses += 1
        if self._misses >= len(wording.NOT_UNDERSTOOD):
            return self._offer_ticket(wording.NOT_UNDERSTOOD[-1])
        if another_language(utterance):
            return Answer(f"{ENGLISH_ONLY} {wording.WHAT}")
        return Answer(wording.NOT_UNDERSTOOD[self._misses - 1])

    def _add_to_problem(self, text: str) -> None:
        """What was not understood stays for the person who reads the ticket."""
        before = f"{self._case.problem.rstrip('.')}. " if self._case.problem else ""
        self._case.problem = f"{before}{text.strip()}"[:MAX_PROBLEM_CHARS]

    def _found(self, found: Found, problem: str) -> Answer:
        if found.sure:
            return self._open(found.best, problem)
        self._candidates = list(found.articles)
        self._add_to_problem(problem)
        self._state = State.CHOOSE
        return Answer(f"Is it about this: {found.best.title}?")

    def _two_problems(self, utterance: Utterance, first: Article, second: Article) -> Answer:
        """The more urgent one goes first; the other is taken up afterwards."""
        problem, other = utterance.main, utterance.extra
        swap = Case(other, second).priority < Case(problem, first).priority
        if swap:
            first, problem, other = second, other, problem
        self._postpone(other)
        self._begin_case(problem, first)
        return self._walk_on(f"Two things, then. {'The more urgent one first' if swap else 'First'}: {first.title}.")

    def _postpone(self, problem: str) -> None:
        if len(self._later) < _MAX_LATER:
            self._later.append(problem)

    def _choosing(self, utterance: Utterance) -> Answer:
        if works_now(utterance):
            return self._works_again()
        if utterance.does(Act.YES, Act.DONE) or (utterance.does(Act.BROKEN) and not self._finder.find(utterance.main)):
            return self._open(self._candidates[0], self._case.problem)
        found = self._finder.find(utterance.main)
        if found and len(utterance.words) > 2:
            return self._found(found, utterance.main)
        if utterance.does(Act.NO, Act.UNSURE, Act.SKIP) or wording.DEAD_END.search(fold(utterance.text)):
            self._candidates.pop(0)
            if self._candidates:
                return Answer(f"Then is it about this: {self._candidates[0].title}?")
            if self._before_choice:
                self._walk, self._before_choice, self._state = self._before_choice, None, State.WALK
                return Answer(f"Okay, then let us go on. {self._asked_before}")
            self._state = State.INTAKE
            return self._intake_again()
        return self._missed(f"Please say yes or no. Is it about this: {self._candidates[0].title}?")

    def _intake_again(self) -> Answer:
        self._misses += 1
        if self._misses >= len(wording.NOT_UNDERSTOOD):
            return self._offer_ticket(wording.NOT_UNDERSTOOD[-1])
        return Answer("Okay, not that. Please tell me in other words what is not working.")

    def _begin_case(self, problem: str, article: Article | None) -> None:
        before = self._case
        self._case = Case(problem[:MAX_PROBLEM_CHARS], article, system=before.system)
        self._case.notice(understand(problem))
        self.cases.append(self._case)
        self._walk = Walk(self._case, self._failed_steps) if article else None
        self._before_choice = None
        self._misses = 0

    def _open(self, article: Article, problem: str) -> Answer:
        self._begin_case(problem, article)
        said = self._finder.said(article, problem)
        if said:
            self._case.rule = said
            opening = (f"That sounds like: {article.title}. That needs a person.", said.advice)
            return self._escalate(" ".join(filter(None, opening)))
        return self._walk_on(f"That sounds like: {article.title}.")

    def _walk_on(self, opening: str) -> Answer:
        self._state = State.WALK
        return self._after_step(self._walk.begin(opening)) if self._walk else Answer(wording.NOT_UNDERSTOOD[0])

    def _offer_ticket(self, text: str) -> Answer:
        self._state, self._misses = State.OFFER, 0
        return Answer(text)

    def _works_again(self) -> Answer:
        """It was solved without us."""
        if self._case not in self.cases:
            self.cases.append(self._case)
        self._case.solved, self._case.escalation = True, "none"
        return self._go_on("I am glad that works. Then there is nothing to write down.")

    def _offer(self, utterance: Utterance) -> Answer:
        if works_now(utterance):
            return self._works_again()
        if utterance.does(Act.YES, Act.DONE):
            if self._case not in self.cases:
                self.cases.append(self._case)
            answer = self._escalate("All right.")
            if not self._leaving:
                self._case.escalation = "forced"
            return answer
        if utterance.does(Act.NO) and self._leaving:
            return self._end(wording.GOODBYE)
        if utterance.does(Act.NO):
            self._state, self._misses = State.INTAKE, 0
            return Answer("Okay, no ticket. What else can I help you with?")
        found = self._finder.find(utterance.main)
        if found:
            return self._found(found, utterance.main)
        self._misses += 1
        if self._misses >= len(wording.NOT_UNDERSTOOD):
            self._state, self._misses = State.INTAKE, 0
            return Answer(f"Then I write none for now. {wording.WHAT} Say human for a person.")
        return Answer("Shall I write a ticket? Please say yes or no.")

    # --- the article ------------------------------------------------------------------------------------------------

    def _walking(self, utterance: Utterance) -> Answer:
        if self._walk is None:
            return self._intake(utterance)
        folded = fold(utterance.text)
        other = self._finder.other(utterance.main, self._case.article) if wording.CHANGED_MIND.search(folded) else None
        if other:
            return self._open(other, utterance.main)
        urgent = self._finder.other(utterance.extra, self._case.article)
        if urgent and Case("", urgent).priority in _URGENT and Case("", urgent).priority < self._case.priority:
            self._put_off()
            self._begin_case(utterance.extra, urgent)
            return self._walk_on(f"Let us take the more urgent one first: {urgent.title}.")
        if utterance.extra:
            self._postpone(utterance.extra)
        outcome = self._walk.hear(utterance)
        if isinstance(outcome, Missed):
            other = self._finder.other(utterance.main, self._case.article) if len(utterance.words) > 2 else None
            if other:
                self._before_choice, self._asked_before = self._walk, self._last
                self._candidates, self._state = [other], State.CHOOSE
                return Answer(f"Is it about something else now: {other.title}?")
        return self._after_step(outcome)

    def _after_step(self, outcome: Outcome) -> Answer:
        match outcome:
            case Say(text):
                self._misses = 0
                return Answer(text)
            case Solved():
                self._case.solved = True
                return self._go_on("I am glad that works.")
            case Escalate(opening, rule):
                self._case.rule = rule or self._case.rule
                if rule and rule.priority == "P1" and not self._reported:
                    return self._report()
                return self._escalate(opening)
            case NotThis():
                self._state = State.INTAKE
                return Answer("Sorry, I misunderstood. What is not working?")
            case Missed(again):
                return self._missed(again)

    def _missed(self, text: str) -> Answer:
        """Not understood: other words the second time, and a ticket the third."""
        self._misses += 1
        if self._misses >= len(wording.NOT_UNDERSTOOD):
            return self._offer_ticket(wording.LOST)
        return Answer(text if self._misses == 1 else wording.again("Sorry, once more.", self._last))

    # --- tickets ----------------------------------------------------------------------------------------------------

    def _file_for(self, case: Case) -> Filing:
        self._filing, self._state = Filing(case, self._form), State.FILING
        return self._filing

    def _escalate(self, opening: str) -> Answer:
        self._case.escalation = "planned"
        return self._after_filing(self._file_for(self._case).ticket(opening))

    def _report(self) -> Answer:
        self._reported = True
        self._case.escalation = "planned"
        return self._after_filing(self._file_for(self._case).incident())

    def _file(self, utterance: Utterance) -> Answer:
        filing = self._filing or self._file_for(self._case)
        if works_now(utterance) and filing.asking:
            return self._works_again()
        return self._after_filing(filing.hear(utterance))

    def _after_filing(self, result: Answer | Closed) -> Answer:
        if isinstance(result, Closed):
            return self._go_on(result.text)
        return result

    # --- the end ----------------------------------------------------------------------------------------------------

    def _go_on(self, opening: str) -> Answer:
        self._state = State.MORE
        if self._later:
            return Answer(f"{opening} You also said: {self._later[0]}. Shall we look at that now?")
        return Answer(f"{opening} {wording.ANYTHING_ELSE}")

    def _more(self, utterance: Utterance) -> Answer:
        content = len(utterance.words) > 3 and not utterance.does(Act.END)
        found = self._finder.find(utterance.main) if content or not utterance.does(Act.YES, Act.NO, Act.END) else None
        sure = found is not None and found.sure
        if utterance.does(Act.BROKEN) and self._case.solved and not sure:
            return self._back_again()
        self._case = Case("", system=self._case.system)
        if found:
            return self._found(found, utterance.main)
        later = self._later.pop(0) if self._later else ""
        if utterance.does(Act.YES) and not utterance.does(Act.END):
            self._state = State.INTAKE
            return self._intake(understand(later)) if later else Answer("What is it?")
        if later and utterance.does(Act.THANKS) and not utterance.does(Act.NO, Act.END):
            self._later.insert(0, later)
            return Answer(f"You also said: {later}. Shall we look at that now, yes or no?")
        if later and utterance.does(Act.NO):
            return self._go_on("Okay.")
        if utterance.does(Act.NO, Act.END, Act.THANKS, Act.SKIP, Act.DONE):
            self._state, self.rating_asked = State.RATING, True
            return Answer(wording.RATE)
        self._state = State.INTAKE
        return self._intake(utterance)

    def _back_again(self) -> Answer:
        """It worked for a moment only."""
        self._case.solved = False
        self._case.rule = self._case.rule_for("steps_failed")
        return self._escalate("Then it is not really solved.")

    def _rate(self, utterance: Utterance) -> Answer:
        score = next((index for index in range(1, 6) if number_in(index) in utterance.words), None) or next(
            (int(word) for word in utterance.words if word in {"1", "2", "3", "4", "5"}), None
        )
        if score:
            self.rating = score
            return self._end(f"Thank you for the {number_in(score)}. Goodbye.")
        if utterance.does(Act.NO, Act.SKIP, Act.END, Act.THANKS, Act.REFUSED) or self._misses:
            return self._end(wording.GOODBYE)
        self._misses += 1
        return Answer("Please say a number from one to five, or skip.")

    def _end(self, text: str) -> Answer:
        self._state, self._misses = State.ENDED, 0
        return Answer(text)

    _BY_STATE: ClassVar[Mapping[State, Callable[[HelpdeskScript, Utterance], Answer]]] = {
        State.INTAKE: _intake,
        State.CHOOSE: _choosing,
        State.WALK: _walking,
        State.OFFER: _offer,
        State.FILING: _file,
        State.MORE: _more,
        State.RATING: _rate,
        State.ENDED: _intake,
    }
