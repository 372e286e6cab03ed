"""What the helpdesk says in set situations, and what it listens for whatever is being talked about."""

from __future__ import annotations

import re

NOT_UNDERSTOOD = (
    "I did not quite get that. What is not working?",
    "Sorry, I still did not get it. Please say it in a few words, for example: the printer is offline.",
    "I cannot match that to what I know. Shall I write a ticket, so that a person looks into it?",
)
WHAT = "What is not working?"
NOT_HEARD = ("I did not hear any words.", "I still cannot hear you well.")
LOST = "We do not understand each other well. Shall I write a ticket, so that a person calls you?"
AN_AI = "I am an AI. Say human if a person should call you back."
KEPT = "No audio is kept; a ticket keeps only text."
TAKE_TIME = "Sure, take your time. Say ready when you want to go on."
ANYTHING_ELSE = "Is there anything else?"
RATE = "How was this call, from one, poor, to five, very good?"
GOODBYE = "Thank you for calling. Goodbye."

CHANGED_MIND = re.compile(
    r"\b(?:forget (?:it|that|about|the|my)|never ?mind|actually|wait|instead|leave (?:it|that)|different problem"
    r"|another problem|more important)\b"
)
ANYBODY = re.compile(r"\b(?:can you hear me|are you (?:there|listening)|is (?:this|that) the (?:it )?help ?desk)\b")
MACHINE = re.compile(
    r"\b(?:are you|is this|am i (?:talking|speaking) (?:to|with)) (?:an? |really |just )*"
    r"(?:robot|bot|ai|machine|computer|real|human|person)\b|^who are you\b"
)
DEAD_END = re.compile(r"\b(?:nothing|none of (?:these|those|that)|neither)\b")


def without(openings: tuple[str, ...], text: str) -> str:
    """What was said before, without the apology that already stood before it."""
    for opening in openings:
        text = text.removeprefix(opening).lstrip()
    return text


def again(opening: str, text: str) -> str:
    """What was said before, behind this opening, which is not said twice."""
    return f"{opening} {without((opening,), text)}"
