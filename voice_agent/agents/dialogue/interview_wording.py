"""What the scripted interviewer says around the questions, in several wordings each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from voice_agent.agents.dialogue.answers import Analysis
from voice_agent.agents.dialogue.grammar import fold
from voice_agent.agents.dialogue.wording import number_in, vary
from voice_agent.agents.pack_schema import Marker
from voice_agent.analytics.clauses import clauses
from voice_agent.analytics.star import NUMBER, OWN_ACTION, RESULT, SHARED_ACTION

PROBES: Mapping[Marker, tuple[str, ...]] = {
    "off_topic": ("Let me bring you back to the question.", "I would like to stay with my question."),
    "short": ("Could you tell me a little more about that?", "What exactly did you do, step by step?"),
    "we_heavy": ("What did you do yourself?", "Which part of that was yours?"),
    "no_result": ("What changed in the end?", "How did it turn out?"),
    "no_number": ("Can you put a rough number on that?", "How much, or how many, was that?"),
}
THANKS = ("Thank you.", "Thanks, that is clear.", "I see.", "Good, thank you.")
SKIPPED = ("No problem, we skip that one.", "Fine, we skip it.", "All right, we leave that one out.")
MOVING_ON = ("That is fine, let us move on.", "Not every question has to fit. Here is another one.")
AGAIN = ("Let me put it another way.", "I will ask it more simply.", "Once more, in short.")
UNHEARD = (
    "Sorry, I heard no words. Could you say that again?",
    "I still hear nothing. Shall I repeat the question, or skip it?",
    "I cannot hear you, so let us pause. Say continue when you are ready.",
)
ANY_EXAMPLE = "Any example will do, from work, school or private life."
ANY_ANSWER = "Whatever comes to mind first will do."
FROM_THE_START = "Just tell it from the beginning."
ASK_JOB = "Which job are you practising for?"
EXPLAIN = "I ask you questions as in a job interview. Which job is it for? Say general if any job will do."
READY = "Shall we begin?"
PAUSED = "Paused. Say continue when you are ready."
RESTART = "Of course. Start again when you are ready."
GOODBYE = "That was the end of this practice. Goodbye, and good luck."
MACHINE = "I am an AI, and there is no person on this call. Shall we go on, or end here?"
SORRY = (
    "I am sorry that this is annoying. We can go on, skip this question, or end here.",
    "I am sorry. Say skip for another question, or end if it is enough for today.",
    "Sorry about that. Take a breath; say continue, skip or end.",
)
SKIP_OR_END = "Then say skip for the next question, or end if you want to stop here."
TAKE_TIME = "Sure, take your time."
NERVOUS = "That is normal, and here nothing is at stake."
KEPT = "No audio is kept, and you can delete the transcript."
TIPS_COME = {"practice": "You get a tip when your answer is complete.", "realistic": "I tell you at the end."}
LISTENING = "Yes, I am listening."
QUESTION = "Of course. I can say how many questions are left, or put this one another way."
WHY = "Interviewers often ask it for a job like this; you may skip it."
GO_ON = "Sorry. Then let us go on."
REALISTIC = "Realistic mode: tips come at the end."
PRACTICE = "Practice mode: a tip after each answer."
YOUR_QUESTIONS = "Good questions to bring along."

_TIPS: Mapping[Marker, tuple[str, ...]] = {
    "off_topic": ("answer the question first and add the rest later", "come to the point of the question sooner"),
    "short": ("give more detail, about a minute is good", "take a minute and tell it step by step"),
    "we_heavy": ("say I where it was you", "make your own part clearer than the team's"),
    "no_result": ("finish with what came out of it", "say what changed in the end"),
    "no_number": ("add one number", "put a figure on it, even a rough one"),
}
_PRAISE: Sequence[tuple[str, tuple[str, ...]]] = (
    ("number", ("you gave a number", "a figure makes it believable")),
    ("result", ("you said what came out of it", "the result was clear")),
    ("acted", ("you said clearly what you did", "your own part was clear")),
    ("long_enough", ("you gave enough detail", "you took your time to tell it")),
)
_STRENGTHS: Mapping[str, str] = {
    "number": "you back your examples with numbers",
    "result": "you say what came out of your work",
    "acted": "you say clearly what you did yourself",
    "long_enough": "your answers have enough detail",
    "situation": "you set the scene well",
}
_FOCUS: Mapping[str, str] = {
    "result": "finish each example with its result",
    "number": "put at least one number into each example",
    "own": "say I more often than we",
    "long_enough": "talk for about a minute per answer",
    "situation": "begin with where and when it happened",
}
_EVIDENCE: Mapping[str, re.Pattern[str]] = {"number": NUMBER, "result": RESULT, "acted": OWN_ACTION}
_LACK: Mapping[str, re.Pattern[str]] = {"own": SHARED_ACTION}
_MIN_QUOTE_WORDS, _QUOTE_WORDS = 4, 10
_DANGLING = frozenset(
    "a an the and or but of to in on at for with by which that is was are were about so i we um uh".split()
)
"""Words that a quotation does not end with."""
_JOINT = re.compile(r"^(?:and|but|so|then|well|um|uh)[\s,]+", re.IGNORECASE)
_UNSPEAKABLE = re.compile(r"[*_`#<>|{}\[\]\\\"“”]|https?:\S*")


def left(questions: int) -> str:
    """How many questions come after the one that is open."""
    if questions == 0:
        return "This is the last one."
    return f"After this one, there {'is' if questions == 1 else 'are'} {number_in(questions)} more."


def feedback(analysis: Analysis, turn: int) -> str:
    """One thing done well and one tip, or whichever there is."""
    done = analysis.on_topic and replace(analysis, acted=analysis.acted and analysis.own)
    praise = next((vary(texts, turn) for name, texts in _PRAISE if done and getattr(done, name)), "")
    lacking = analysis.lacks()
    tip = vary(_TIPS[lacking[0]], turn) if lacking else ""
    if praise and tip:
        return f"Well done: {praise}. Next time, {tip}."
    return f"Well done: {praise}." if praise else f"A tip: {tip}."


def closing(judged: Sequence[tuple[Analysis, str]]) -> str:
    """One strength and one focus over all answers, each with the caller's own words.

    `judged`: not empty; each with its answer, a line for each turn.
    """
    share = {
        name: sum(getattr(analysis, name) for analysis, _ in judged) / len(judged) for name in {*_STRENGTHS, *_FOCUS}
    }
    strength = max(_STRENGTHS, key=lambda name: share[name])
    focus = min(_FOCUS, key=lambda name: share[name])
    shown = next((answer for analysis, answer in judged if getattr(analysis, strength)), "")
    missed = next((answer for analysis, answer in judged if not getattr(analysis, focus)), "")
    quoted = _words(shown, _EVIDENCE.get(strength))
    first = f"Your strength: {_STRENGTHS[strength]}{_quoting(quoted)}."
    if not share[strength]:
        first = "Your answers were too short to show a strength yet."
    lacking = _words(missed, _LACK.get(focus))
    if share[focus] == 1:
        return f"{first} Your focus for next time: keep your examples as concrete as they are."
    return f"{first} Your focus for next time: {_FOCUS[focus]}{_quoting(lacking if lacking != quoted else '')}."


def _quoting(words: str) -> str:
    return f", for example where you said: {words}" if words else ""


def _words(answer: str, evidence: re.Pattern[str] | None) -> str:
    """A few words of the answer, word for word: those that show it, else the beginning of its last sentence."""
    pieces = [piece for turn in answer.splitlines() for piece in clauses(_UNSPEAKABLE.sub(" ", turn))]
    piece = next((each for each in pieces if evidence and evidence.search(each)), pieces[-1] if pieces else "")
    match = evidence.search(piece) if evidence else None
    words = piece.split()
    before = len(piece[: match.start()].split()) if match else 0
    first = 0 if before < _QUOTE_WORDS - 1 else min(before - _QUOTE_WORDS // 2, max(0, len(words) - _QUOTE_WORDS))
    shown = words[first : first + _QUOTE_WORDS]
    while shown and fold(shown[-1]) in _DANGLING:
        shown.pop()
    return _JOINT.sub("", " ".join(shown)).strip(" .,;:!?") if len(shown) >= _MIN_QUOTE_WORDS else ""
