"""What a finished interview was: which questions were asked, skipped and answered, from the messages alone.

A script is replayed. A language model asks in its own words, so its turns are matched with the questions of the plan by
their words; what it asks besides belongs to the question before.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from voice_agent.agents.dialogue.asides import Aside, aside_in
from voice_agent.agents.dialogue.engine import joined
from voice_agent.agents.dialogue.grammar import Act, fold
from voice_agent.agents.dialogue.interview_script import InterviewScript, Mode, mode_wanted, understood
from voice_agent.agents.interview_plan import Plan, Planned
from voice_agent.agents.pack_schema import Question, SeniorityLevel
from voice_agent.briefing import Briefing
from voice_agent.engines.ports import Message
from voice_agent.facts import AskedQuestion, InterviewFacts

_SAME = 0.5
"""Share of a question's weighted words that a turn must hold to count as that question (our judgement).

Tried on the built-in questions in 20 plans for different jobs: each of the 240, said word for word, is nearest to
itself, and shares up to 0.61 with another of its plan. How far a language model's paraphrase may go was not measured.
"""
_STEM = 5
_PLAIN = frozenset(
    """a about an and any are as at be been but by can could did do does for from had has have he her his how i if in
    into is it its me my no not of on one or our please she so some tell that the their them then there they think this
    time to us was we were what when which who why will with would you your""".split()
)
_CLOSING = re.compile(r"\b(?:goodbye|good luck|your (?:main |biggest )?strength)\b", re.IGNORECASE)
_COMMANDS = (Act.REPEAT, Act.SLOWER, Act.PAUSE, Act.RESUME, Act.HINT, Act.UNSURE, Act.SKIP, Act.END, Act.GREETING)


@dataclass(slots=True)
class _Heard:
    planned: Planned
    asked: bool = False
    skipped: bool = False
    probes: int = 0
    answers: list[str] = field(default_factory=list)


def interview_facts(
    messages: Sequence[Message],
    *,
    start: Callable[[], InterviewScript],
    briefing: Briefing,
    plan: Callable[[Briefing, SeniorityLevel | None], Plan],
    plan_tool: str,
    asides: Sequence[str],
    set_phrases: Sequence[str],
) -> InterviewFacts:
    """`start`: makes a fresh script. `briefing`: what the agent was given; a plan that a model asked for by `plan_tool`
    takes its place. `set_phrases`: what the agent says in a silence or a trouble, which is part of no interview."""
    said = tuple(fold(phrase) for phrase in set_phrases)
    messages = [message for message in joined(messages, asides) if not _is_set(message, said)]
    script = start()
    if _led(messages, script):
        return _replayed(script)
    known = _planned(messages, briefing, plan, plan_tool)
    if known is None:
        return InterviewFacts(mode=_mode(messages, briefing))
    heard = [_Heard(planned) for planned in known.questions]
    _match(messages, heard)
    return InterviewFacts(
        role=known.role,
        level=known.level,
        mode=_mode(messages, briefing),
        questions=tuple(_asked(each) for each in heard),
        required_skills=known.required_skills,
        finished=any(message.role == "assistant" and _CLOSING.search(message.text) for message in messages[1:]),
    )


def _is_set(message: Message, phrases: Sequence[str]) -> bool:
    """Whether the agent only said one of these, perhaps cut short."""
    text = fold(message.text)
    return (
        message.role == "assistant"
        and bool(text)
        and not message.tool_calls
        and any(phrase.startswith(text) for phrase in phrases)
    )


def _led(messages: Sequence[Message], script: InterviewScript) -> bool:
    """Leads the script through the call. Whether most of the agent's turns are what the script says there; a turn may
    have been cut short. True also where the agent said nothing after its greeting."""
    answer = ""
    compared = same = 0
    for message in messages:
        if message.role == "user" and message.text.strip():
            answer = fold(script.hear(message.text).text)
        elif message.role == "assistant" and message.text.strip() and answer:
            compared += 1
            same += answer.startswith(fold(message.text))
    return same * 2 > compared or not compared


def _replayed(script: InterviewScript) -> InterviewFacts:
    return InterviewFacts(
        role=script.plan.role if script.plan else script.briefing.role,
        level=script.plan.level if script.plan else "",
        mode=script.briefing.mode,
        questions=tuple(
            _asked(_Heard(record.planned, record.asked, record.skipped, len(record.probed), record.answers))
            for record in script.records
        ),
        required_skills=script.plan.required_skills if script.plan else (),
        finished=script.closed,
    )


def _asked(heard: _Heard) -> AskedQuestion:
    question = heard.planned.question
    return AskedQuestion(
        id=question.id,
        competency=question.competency,
        text=question.text,
        why=heard.planned.why,
        rubric=dict(question.rubric),
        target_s=question.target_s,
        model_outline=question.model_outline,
        asked=heard.asked,
        skipped=heard.skipped and not heard.answers,
        probes=heard.probes,
        answers=tuple(heard.answers),
    )


def _mode(messages: Sequence[Message], briefing: Briefing) -> Mode:
    """The mode that the caller asked for last, as a script would hear it."""
    mode, begun = briefing.mode, False
    for message in messages:
        if message.role == "user":
            utterance = understood(message.text)
            mode = mode_wanted(utterance, " ".join(utterance.words), begun=begun) or mode
            begun = begun or bool(utterance.words)
    return mode


def _planned(
    messages: Sequence[Message],
    briefing: Briefing,
    plan: Callable[[Briefing, SeniorityLevel | None], Plan],
    plan_tool: str,
) -> Plan | None:
    """The last plan that a model was given, made again from what it asked for; else that of the briefing."""
    for message in reversed(messages):
        for call in message.tool_calls:
            arguments = _arguments(call.arguments) if call.name == plan_tool else None
            if arguments:
                job, level = arguments
                return plan(briefing.model_copy(update={"role": job}), level)
    known = briefing.role or briefing.job_description or briefing.resume
    return plan(briefing, None) if known else None


def _arguments(text: str) -> tuple[str, SeniorityLevel] | None:
    try:
        given = json.loads(text)
    except ValueError:
        return None
    job, level = (given.get("job"), given.get("level")) if isinstance(given, dict) else (None, None)
    if not isinstance(job, str) or level not in ("junior", "mid", "senior"):
        return None
    return job.strip(), level


def _match(messages: Sequence[Message], heard: Sequence[_Heard]) -> None:
    """Goes through the turns with the question that is open, and fills in what became of each."""
    likeness = _Likeness([each.planned.question for each in heard])
    current: _Heard | None = None
    for message in messages:
        if message.role == "assistant" and message.text:
            found = likeness.best(message.text)
            if found is None or heard[found] is current:
                # It asks on, after an answer: a follow-up. Before one, it only says the question again.
                if current and current.answers and "?" in message.text:
                    current.probes += 1
                continue
            current = heard[found]
            current.asked = True
        elif message.role == "user" and current:
            utterance = understood(message.text)
            beside = None if _asks_back(current) else aside_in(utterance)
            if beside is Aside.RATHER_NOT or (utterance.brief and utterance.does(Act.SKIP)):
                current.skipped = True
            elif utterance.words and not beside and not (utterance.brief and utterance.does(*_COMMANDS)):
                current.answers.append(message.text)


def _asks_back(heard: _Heard) -> bool:
    return heard.planned.question.competency == "closing"


class _Likeness:
    """How much of a question a turn holds: shared word stems, the rarer in the plan the heavier."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._stems = [(_stems(question.text), _stems(question.spoken)) for question in questions]
        known = Counter(stem for text, spoken in self._stems for stem in text | spoken)
        self._weight = {stem: math.log(1 + len(questions) / count) for stem, count in known.items()}

    def best(self, turn: str) -> int | None:
        """The question that the turn asks; None if it asks none of them."""
        said = _stems(turn)
        shares = [max(self._share(text, said), self._share(spoken, said)) for text, spoken in self._stems]
        best = max(range(len(shares)), key=shares.__getitem__, default=None)
        return best if best is not None and shares[best] >= _SAME else None

    def _share(self, question: frozenset[str], said: frozenset[str]) -> float:
        whole = sum(self._weight[stem] for stem in question)
        return sum(self._weight[stem] for stem in question & said) / whole if whole else 0.0


def _stems(text: str) -> frozenset[str]:
    return frozenset(_each_stem(text))


def _each_stem(text: str) -> Iterator[str]:
    for word in fold(text).split():
        if word not in _PLAIN:
            yield word[:_STEM]
