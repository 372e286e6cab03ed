"""What the stub provider transcribes where a caller pauses within an utterance."""

from __future__ import annotations

from scripts.stub_script import Script, TimedWords

WORDS = TimedWords("my laptop is slow", (200.0, 500.0, 700.0, 1000.0))


def test_a_word_belongs_to_the_piece_in_which_it_began() -> None:
    assert WORDS.split(heard_ms=450) == ("my laptop", TimedWords("is slow", (200.0, 500.0)))


def test_a_whole_utterance_is_one_piece() -> None:
    assert WORDS.split(heard_ms=1000) == ("my laptop is slow", None)


def test_what_follows_a_pause_is_transcribed_next() -> None:
    script = Script()
    script.transcripts.append(WORDS)
    assert [script.transcript(0.5, heard_ms=450), script.transcript(0.6, heard_ms=600)] == ["my laptop", "is slow"]
    assert not script.transcripts
