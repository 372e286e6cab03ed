"""Whether a transcript's silence about "um" means anything.

Whisper-family models leave hesitation sounds out unless a prompt shows them that they are wanted; others strip them
without saying so. A transcript counts as verbatim only where the model is known to follow such a prompt and has one, or
the operator vouches for it (TRANSCRIBER_VERBATIM).
"""

from __future__ import annotations

import re

_SOUND = re.compile(r"\b(?:um+|uh+|erm?|ah|hm+)\b")
_ENOUGH = 2


def seeds_fillers(prompt: str) -> bool:
    """Whether the prompt shows at least two different hesitation sounds ("Um, uh, hmm.")."""
    return len(set(_SOUND.findall(prompt.lower()))) >= _ENOUGH


def is_whisper(model: str) -> bool:
    """Whether the name of a model says that it is of the Whisper family."""
    return "whisper" in model.lower()
