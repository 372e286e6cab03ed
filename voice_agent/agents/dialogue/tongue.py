"""Hears that a caller speaks, or asks for, another language than the English of a script.

By a few words that English does not have: enough to say so kindly instead of not understanding, not to name a language
surely. A transcriber that is set to English rarely lets another language through; typed text does.
"""

from __future__ import annotations

import re

from voice_agent.agents.dialogue.grammar import Utterance, fold

ENGLISH_ONLY = "I am sorry, I speak English only."

_ENGLISH = frozenset(
    """a an and are at be but can did do for from had has have how i in is it me my not of on or our please she so
    some that the them then there they this to was we were what when which who why with you your""".split()
)
_FOREIGN = frozenset(
    """der das und sie ist sind nicht ein eine ich wir haben habe wie auf zu mein meine kann können geht bitte danke
    hilfe nein weiß verstehe weiter möchte usted una que para como qué está por hola gracias ayuda puedo tengo quiero
    muy vous sont avec votre nous je bonjour merci suis voudrais mon ma une""".split()
)
_ENOUGH = 5
"""From so many words on, one foreign word may be a name or a quotation."""
_WISH = re.compile(
    r"^(?:(?:um|uh|sorry|hi|hello|please) )*(?:can|could|do|may|shall|is it possible|please|lets|speak|switch|id like"
    r"|i want|i would like|auf)\b.{0,40}\b(?:german|deutsch|spanish|español|french|français|italian|polish|turkish"
    r"|arabic|russian|chinese|dutch|portuguese|ukrainian|another language|my language)\b"
)


def another_language(utterance: Utterance) -> bool:
    """Whether the caller speaks another language than English, or asks for one."""
    if utterance.brief and _WISH.search(fold(utterance.text)):
        return True
    words = set(utterance.words)
    least = 1 if len(utterance.words) < _ENOUGH else 2
    return len(words & _FOREIGN) >= least and words.isdisjoint(_ENGLISH)
