"""The cases: sounds of one caller with their true words and times. The same seed gives the same corpus.

    background ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    caller            ######  pause  ####
                      |words: text, start and end in ms
                      ^ start_ms         ^ end_ms

A turn is said while the agent is silent; an overlap while it speaks, and then time 0 is the agent's first sound.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from scripts.turn_bench.phrases import BACKCHANNELS, COMPLETE, INTERRUPTIONS, PAUSED, Kind
from scripts.turn_bench.sounds import BACKGROUNDS, BODILY
from scripts.turn_bench.voices import RATE_HZ, SPEECH_DBFS, Samples, Voice, say, voices

LEAD_MS = 500
TAIL_MS = 2500
SPELT_PAUSES_S = (0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.2, 1.5)

_FLOOR_DBFS = -75.0
"""What a microphone gives in a quiet room."""
_CONDITIONS = (
    ("clean", 0.0),
    ("clean", 0.0),
    ("pink", 20.0),
    ("clean", 0.0),
    ("white", 20.0),
    ("clean", 0.0),
    ("keyboard", 20.0),
    ("clean", 0.0),
    ("pink", 10.0),
    ("clean", 0.0),
    ("babble", 20.0),
    ("clean", 0.0),
    ("music", 20.0),
)
"""(background, speech to noise in dB), taken in turn."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Pause:
    start_ms: int
    end_ms: int
    whole: bool
    """A reader would take the words before it for a whole sentence."""

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    kind: str
    group: str
    """complete | paused | interruption | listener (sounds that are no interruption) | nobody (while the agent waits)"""
    held_out: bool
    background: str
    pcm: bytes
    """Mono s16le, 16 kHz."""
    words: tuple[Word, ...] = ()
    pauses: tuple[Pause, ...] = ()
    start_ms: int = 0
    end_ms: int = 0
    """Of the caller's sound."""
    punctuated: bool = False
    """The transcriber ends every transcript with a mark and writes digits, as Whisper and its kin do."""
    echo_seed: int | None = None
    """The caller's microphone hears the agent at -20 dB."""

    @property
    def over_agent(self) -> bool:
        return self.group in ("interruption", "listener")


def corpus(seed: int = 1) -> list[Case]:
    """All cases, in a fixed order. No case depends on those before it."""
    cases: list[Case] = []
    for kind in COMPLETE:
        cases += _spoken(seed, kind, "complete", takes=1)
    for kind in PAUSED:
        cases += _spoken(seed, kind, "paused", takes=2)
    cases += _spoken(seed, INTERRUPTIONS, "interruption", takes=1)
    cases += _spoken(seed, BACKCHANNELS, "listener", takes=2)
    for name, make in BODILY.items():
        for take in range(6):
            rng = _random(seed, name, take)
            sound = _sound(rng, make(rng), f"{name} {take}", name, held_out=take % 2 == 1)
            cases.append(sound)
    for name in BACKGROUNDS:
        for group in ("listener", "nobody"):
            for take in range(2):
                noise = _noise(
                    _random(seed, f"{name} {group}", take), name, group, f"{name} {take}", held_out=take % 2 == 1
                )
                cases.append(noise)
    for take in range(8):
        silence = _pcm(_random(seed, "echo", take), np.zeros(RATE_HZ * 8), "clean", 0)
        cases.append(
            Case(f"echo {take}", "echo", "listener", take % 2 == 1, "clean", silence, end_ms=8000, echo_seed=take)
        )
    return cases


def with_errors(case: Case, rate: float, seed: int = 1) -> Case:
    """The same sound, of which the transcriber gets so many words wrong (0 to 1)."""
    rng = np.random.default_rng([seed, len(case.name), case.start_ms, case.end_ms])
    wrong = ("the", "paper", "in", "a", "sink", "and", "it", "prince", "there", "off")
    words = tuple(
        replace(word, text=wrong[int(rng.integers(len(wrong)))]) if rng.random() < rate else word for word in case.words
    )
    return replace(case, words=words)


def _spoken(seed: int, kind: Kind, group: str, takes: int) -> list[Case]:
    cases: list[Case] = []
    for held_out, phrases in ((False, kind.tuned), (True, kind.held_out)):
        for phrase in phrases:
            for take in range(takes):
                number = len(cases)
                cases.append(
                    utterance(phrase, kind.name, group, held_out=held_out, seed=seed, take=take, number=number)
                )
    return cases


def utterance(
    phrase: str, kind: str, group: str, *, held_out: bool = False, seed: int = 1, take: int = 0, number: int = 0
) -> Case:
    """A phrase (as in `phrases`) in some voice with pauses of some length, by `seed` and `take`. `number` chooses the
    background in turn, and every second one is written with marks and digits; 0 is quiet and has neither."""
    rng = _random(seed, phrase, take)
    known = voices()
    voice: Voice = known[int(rng.integers(len(known)))]
    at_ms = LEAD_MS if group in ("complete", "paused") else int(rng.uniform(2000, 4000))
    start_ms = at_ms
    pieces: list[Samples] = [np.zeros(at_ms * RATE_HZ // 1000)]
    words: list[Word] = []
    pauses: list[Pause] = []
    for part, bar in _parts(phrase):
        if bar:
            spelt = SPELT_PAUSES_S[int(rng.integers(len(SPELT_PAUSES_S)))]
            pause_ms = round(1000 * spelt * float(rng.uniform(0.9, 1.1)))
            pauses.append(Pause(at_ms, at_ms + pause_ms, whole=bar == "||"))
            pieces.append(np.zeros(pause_ms * RATE_HZ // 1000))
            at_ms += pause_ms
        spoken = say(part, voice)
        words += [Word(text, at_ms + start, at_ms + end) for text, start, end in spoken.words]
        pieces.append(spoken.samples)
        at_ms += spoken.length_ms
    background, snr_db = _CONDITIONS[number % len(_CONDITIONS)]
    tail = np.zeros(TAIL_MS * RATE_HZ // 1000)
    name = f"{phrase} [{voice.name} {voice.words_per_minute}, {_label(background, snr_db)}]"
    return Case(
        name,
        kind,
        group,
        held_out,
        _label(background, snr_db),
        _pcm(rng, np.concatenate([*pieces, tail]), background, snr_db),
        tuple(words),
        tuple(pauses),
        start_ms,
        at_ms,
        punctuated=number % 2 == 1,
    )


def _random(seed: int, name: str, take: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode()), take])


def _parts(phrase: str) -> Iterator[tuple[str, str]]:
    """(words, the bar before them)."""
    bar = ""
    for piece in re.split(r"(\|+)", phrase):
        if piece.startswith("|"):
            bar = piece
        else:
            yield piece.strip(), bar


def _sound(rng: np.random.Generator, sound: Samples, name: str, kind: str, *, held_out: bool) -> Case:
    start_ms = int(rng.uniform(2000, 4000))
    lead = np.zeros(start_ms * RATE_HZ // 1000)
    end_ms = start_ms + len(sound) * 1000 // RATE_HZ
    pcm = _pcm(rng, np.concatenate([lead, sound]), "clean", 0)
    return Case(name, kind, "listener", held_out, "clean", pcm, start_ms=start_ms, end_ms=end_ms)


def _noise(rng: np.random.Generator, background: str, group: str, name: str, *, held_out: bool) -> Case:
    """Six seconds of a background 10 dB below a voice, and no voice."""
    label = _label(background, 10)
    pcm = _pcm(rng, np.zeros(6 * RATE_HZ), background, 10)
    return Case(name, f"{background} alone", group, held_out, label, pcm, end_ms=6000)


def _label(background: str, snr_db: float) -> str:
    return background if background == "clean" else f"{background} {snr_db:.0f} dB"


def _pcm(rng: np.random.Generator, samples: Samples, background: str, snr_db: float) -> bytes:
    mixed = samples + 10 ** (_FLOOR_DBFS / 20) * rng.normal(0, 1, len(samples))
    if background != "clean":
        level = 10 ** ((SPEECH_DBFS - snr_db) / 20)
        mixed = mixed + level * BACKGROUNDS[background](rng, len(samples))
    return (np.clip(mixed, -1, 1) * 32767).astype("<i2").tobytes()
