"""The interview as a script: a plan of questions, at most a few probes each, a tip after each answer, a closing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from voice_agent.agents.dialogue.answers import Analysis, analyse, framing
from voice_agent.agents.dialogue.engine import Answer
from voice_agent.agents.dialogue.grammar import Act, Utterance, fold, understand
from voice_agent.agents.dialogue.wording import in_chunks, vary
from voice_agent.agents.interview_plan import plan
from voice_agent.agents.pack_schema import Marker, Question

_PROBES: Mapping[Marker, tuple[str, ...]] = {
    "off_topic": ("Let me bring you back to the question.", "I would like to stay with my question."),
    "short": ("Could you tell me a little more about that?", "What exactly did you do, step by step?"),
    "we_heavy": ("What did you do yourself?", "Which part of that was yours?"),
    "no_result": ("What changed in the end?", "How did it turn out?"),
    "no_number": ("Can you put a rough number on that?", "How much, or how many, was that?"),
}
_TIPS: Mapping[Marker, str] = {
    "off_topic": "answer the question first and add the rest later",
    "short": "give more detail, about a minute is good",
    "we_heavy": "say I where it was you",
    "no_result": "finish with what came out of it",
    "no_number": "add one number",
}
_PRAISE = (
    ("number", "you gave a number"),
    ("result", "you said what came out of it"),
    ("own", "you said clearly what you did"),
    ("long_enough", "you gave enough detail"),
)
_STRENGTHS = {
    "number": "you back your examples with numbers",
    "result": "you say what came out of your work",
    "own": "you say clearly what you did yourself",
    "long_enough": "your answers have enough detail",
    "situation": "you set the scene well",
}
_FOCUS = {
    "result": "finish each example with its result",
    "number": "put at least one number into each example",
    "own": "say I more often than we",
    "long_enough": "talk for about a minute per answer",
    "situation": "begin with where and when it happened",
}
_THANKS = ("Thank you.", "Thanks, that is clear.", "I see.", "Good, thank you.")
_ASK_JOB = "Which job are you practising for?"
_PAUSED = "Paused. Say continue when you are ready."
_GOODBYE = "That was the end of this practice. Goodbye, and good luck."
_REALISTIC = re.compile(r"\brealistic\b|\bno (?:feedback|tips)\b|\breal interview\b")
_PRACTICE = re.compile(r"\bpractice mode\b|\bwith (?:feedback|tips)\b")
_MAX_HINTS = 1


@dataclass(frozen=True, slots=True)
class InterviewContent:
    questions: Mapping[str, Question]
    greeting: str
    count: int
    """Competency questions of one interview."""
    probes: int
    """Probes per question, at most."""
    short_words: int


class InterviewScript:
    def __init__(self, content: InterviewContent) -> None:
        self._content = content
        self._plan: tuple[Question, ...] = ()
        self._position = 0
        self._answer: list[str] = []
        self._probed: set[Marker] = set()
        self._hints = 0
        self._judged: list[Analysis] = []
        self._practice = True
        self._closed = False
        self._turn = 0
        self._last = content.greeting

    def greeting(self) -> Answer:
        return Answer(self._content.greeting)

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
        """Scripts of interviews use no tools, and another model's results do not change the plan."""
        return None

    def hear(self, text: str) -> Answer:
        utterance = understand(text)
        self._turn += 1
        if self._closed:
            return Answer(_GOODBYE)
        said = self._command(utterance) or (self._answered(utterance) if self._plan else self._begin(utterance))
        if said != _PAUSED:
            self._last = said
        return Answer(said)

    # --- commands -----------------------------------------------------------------------------------------------

    def _command(self, utterance: Utterance) -> str | None:
        """Commands are short; the same words inside an answer are content."""
        mode = self._mode(utterance)
        if mode or not utterance.brief:
            return mode
        if utterance.does(Act.REPEAT):
            return self._last
        if utterance.does(Act.SLOWER):
            return in_chunks(self._last)
        if utterance.does(Act.END):
            return self._close("")
        if utterance.does(Act.PAUSE):
            return _PAUSED
        if utterance.does(Act.RESUME):
            return self._current.spoken if self._plan else _ASK_JOB
        if self._plan and utterance.does(Act.SKIP):
            return self._advance("No problem, we skip that one.")
        if self._plan and utterance.does(Act.HINT, Act.UNSURE):
            return self._hint()
        return None

    def _mode(self, utterance: Utterance) -> str | None:
        folded = fold(utterance.text)
        if _REALISTIC.search(folded) and (utterance.brief or not self._plan):
            self._practice = False
            return f"Realistic mode: tips come at the end. {self._last}" if self._plan else None
        if _PRACTICE.search(folded) and utterance.brief:
            self._practice = True
            return f"Practice mode: a tip after each answer. {self._last}" if self._plan else None
        return None

    def _hint(self) -> str:
        if self._hints >= _MAX_HINTS or not self._practice:
            return self._advance("That is fine, let us move on.")
        self._hints += 1
        return f"Here is a hint. {self._current.hint} Take your time, or say skip."

    # --- questions ----------------------------------------------------------------------------------------------

    @property
    def _current(self) -> Question:
        return self._plan[self._position]

    def _begin(self, utterance: Utterance) -> str:
        greeting_only = utterance.does(Act.GREETING, Act.YES, Act.THANKS) and len(utterance.words) <= 3
        if greeting_only or not utterance.words:
            return f"Hello. {_ASK_JOB}" if utterance.does(Act.GREETING) else _ASK_JOB
        self._plan = plan(self._content.questions, utterance.text, self._content.count)
        if not self._plan:
            return self._close("There are no questions to ask.")
        mode = "I give you a short tip after each answer." if self._practice else "Tips come at the end."
        return f"Good. {mode} {self._current.spoken}"

    def _answered(self, utterance: Utterance) -> str:
        self._answer.append(utterance.text)
        question = self._current
        analysis = self._analysis()
        probe = self._probe(question, analysis)
        if probe:
            return probe
        if not framing(question):
            self._judged.append(analysis)
        return self._advance(self._feedback(question, analysis))

    def _analysis(self) -> Analysis:
        return analyse(self._current, " ".join(self._answer), short_words=self._content.short_words)

    def _probe(self, question: Question, analysis: Analysis) -> str | None:
        limit = min(1, self._content.probes) if framing(question) else self._content.probes
        if len(self._probed) >= limit:
            return None
        marker = next((marker for marker in analysis.lacks() if marker not in self._probed), None)
        if marker is None:
            return None
        self._probed.add(marker)
        own = next((followup.ask for followup in question.followups if followup.when == marker), None)
        text = own or vary(_PROBES[marker], self._turn)
        return f"{text} {question.spoken}" if marker == "off_topic" and own is None else text

    def _feedback(self, question: Question, analysis: Analysis) -> str:
        thanks = vary(_THANKS, self._turn)
        if framing(question) or not self._practice:
            return thanks
        praise = next((text for name, text in _PRAISE if getattr(analysis, name)), "")
        lacking = analysis.lacks()
        tip = _TIPS[lacking[0]] if lacking else ""
        if praise and tip:
            return f"{thanks} Well done: {praise}. Next time, {tip}."
        return f"{thanks} Well done: {praise}." if praise else f"{thanks} A tip: {tip}."

    def _advance(self, opening: str) -> str:
        self._position += 1
        self._answer, self._probed, self._hints = [], set(), 0
        if self._position >= len(self._plan):
            return self._close(opening)
        return f"{opening} {self._current.spoken}"

    # --- the end ------------------------------------------------------------------------------------------------

    def _close(self, opening: str) -> str:
        self._closed = True
        if self._answer and not framing(self._current):
            self._judged.append(self._analysis())
        if not self._judged:
            return f"{opening} We stop here, before I could judge an answer. Goodbye, and good luck.".strip()
        share = {
            name: sum(getattr(analysis, name) for analysis in self._judged) / len(self._judged) for name in _STRENGTHS
        }
        strength = max(_STRENGTHS, key=lambda name: share[name])
        focus = min(_FOCUS, key=lambda name: share[name])
        advice = (
            _FOCUS[focus] if share[focus] < 1 and focus != strength else "keep your examples as concrete as they are"
        )
        closing = f"That was the last part. Your strength: {_STRENGTHS[strength]}. Your focus for next time: {advice}."
        return f"{opening} {closing} Goodbye, and good luck.".strip()
