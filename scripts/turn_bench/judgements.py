"""What a language model says of the callers of the corpus when it is asked, in each of their pauses, whether they have
finished (`voice_agent.agents.unfinished`).

`readings.tsv` holds, for every pause and every end, A (answers) or W (waits) and the words so far, with bars for the
pauses before. A large language model wrote the letters: under that instruction, from the words alone, of each utterance
one pause only, so that nothing told it how the utterance goes on. It stands in for the model of a call, which here is a
stub; a smaller one will be wrong more often.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from scripts.stub_engines import Script, answering
from scripts.turn_bench.engines import Delays, written
from voice_agent.agents.unfinished import RULE
from voice_agent.engines.ports import EngineError, Finished, ReplyEvent, ReplyRequest, TextDelta, Usage
from voice_agent.text.words import folded

_READINGS = Path(__file__).with_name("readings.tsv")


@cache
def waited_for() -> frozenset[str]:
    """The words with which the model takes a caller for unfinished, as a transcriber writes them, folded."""
    words = set()
    for line in _READINGS.read_text().splitlines():
        letter, _, text = line.partition("\t")
        if letter == "W":
            pieces = re.split(r" \| ", text)
            words |= {folded(" ".join(pieces)), folded(" ".join(written(piece.split()) for piece in pieces))}
    return frozenset(words)


def judging(answer: str, delays: Delays) -> Script:
    """A model that answers with these words, or waits where it may and the readings say so."""
    answers = answering(answer, first_token_s=delays.first_token_ms / 1000, tokens_per_s=delays.tokens_per_s)

    def script(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        if request.instructions.endswith(RULE) and folded(request.messages[-1].text) in waited_for():
            return [delays.first_token_ms / 1000, TextDelta("…"), Usage(50, 1), Finished("stop")]
        return answers(request)

    return script
