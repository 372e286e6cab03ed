"""The voice of the tests: the same words give the same sound, whatever was said before."""

from __future__ import annotations

from scripts.speech import speak_timed


def test_an_utterance_does_not_depend_on_those_before_it() -> None:
    text = "the printer is offline"
    first = speak_timed.__wrapped__(text)
    speak_timed.__wrapped__("something quite different", voice="en-us+f4", words_per_minute=120, pitch=80)
    assert speak_timed.__wrapped__(text) == first
