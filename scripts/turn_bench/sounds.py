"""Everything in the corpus that is not speech: noises behind the caller, sounds of a throat, and echo. NumPy only.

All functions give 16 kHz samples; backgrounds have an RMS of 1 and are scaled where they are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from scripts.turn_bench.voices import ESPEAK_VOICES, RATE_HZ, Samples, say

Random = np.random.Generator


def white(rng: Random, samples: int) -> Samples:
    return rng.normal(0, 1, samples)


def pink(rng: Random, samples: int) -> Samples:
    """Power falls by 3 dB an octave: fans, traffic, ventilation."""
    spectrum = np.fft.rfft(rng.normal(0, 1, samples))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return _unit(np.fft.irfft(spectrum, samples))


def babble(rng: Random, samples: int) -> Samples:
    """Six people at other tables."""
    sentences = (
        "the train leaves at half past nine from the other platform so we have a lot of time",
        "and then she said that nobody had told her about the meeting before this morning",
        "I am not sure whether they will send the new tables today or on Thursday afternoon",
    )
    mixed = np.zeros(samples)
    for index in range(6):
        talk = say(sentences[index % 3], ESPEAK_VOICES[index]).samples
        mixed += np.roll(np.resize(talk, samples), int(rng.integers(samples)))
    return _unit(mixed)


def keyboard(rng: Random, samples: int) -> Samples:
    """Keys pressed four to eight times a second: two short bursts each."""
    out = np.zeros(samples)
    at = 0
    while True:
        at += int(rng.uniform(0.12, 0.26) * RATE_HZ)
        for offset_s, level in ((0.0, 1.0), (float(rng.uniform(0.05, 0.09)), 0.5)):
            length = int(rng.uniform(0.006, 0.015) * RATE_HZ)
            start = at + int(offset_s * RATE_HZ)
            if start + length >= samples:
                return _unit(out)
            out[start : start + length] += level * rng.normal(0, 1, length) * np.exp(-np.linspace(0, 5, length))


def music(rng: Random, samples: int) -> Samples:
    """Four chords with overtones, two a second, and a beat."""
    at = np.arange(samples) / RATE_HZ
    out = np.zeros(samples)
    half_second = RATE_HZ // 2
    chords = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9))
    shift = int(rng.integers(4))
    for number, start in enumerate(range(0, samples, half_second)):
        part = slice(start, min(start + half_second, samples))
        local = at[part] - at[start]
        for note in chords[(number // 2 + shift) % 4]:
            for overtone in range(1, 6):
                out[part] += np.sin(2 * np.pi * note * overtone * at[part]) / overtone**1.5 * np.exp(-2 * local)
        length = min(RATE_HZ // 25, part.stop - start)
        out[start : start + length] += 2 * rng.normal(0, 1, length) * np.exp(-np.linspace(0, 6, length))
    return _unit(out)


BACKGROUNDS: Mapping[str, Callable[[Random, int], Samples]] = {
    "white": white,
    "pink": pink,
    "babble": babble,
    "keyboard": keyboard,
    "music": music,
}


def cough(rng: Random) -> Samples:
    """One to three bursts of coloured noise with a sharp onset."""
    bursts = []
    for _ in range(int(rng.integers(1, 4))):
        length = int(rng.uniform(0.12, 0.25) * RATE_HZ)
        noise = _formants(rng, rng.normal(0, 1, length), (600, 1400, 2600))
        bursts += [noise * np.exp(-np.linspace(0, 5, length)), np.zeros(int(rng.uniform(0.08, 0.2) * RATE_HZ))]
    return _peak(np.concatenate(bursts[:-1]))


def throat(rng: Random) -> Samples:
    """A rasp: low noise, chopped thirty times a second."""
    length = int(rng.uniform(0.3, 0.6) * RATE_HZ)
    chop = 0.5 * (1 + np.sign(np.sin(2 * np.pi * rng.uniform(25, 40) * np.arange(length) / RATE_HZ)))
    noise = _formants(rng, rng.normal(0, 1, length) * (0.2 + chop), (350, 900, 1800))
    return _peak(noise * np.hanning(length))


def laugh(rng: Random) -> Samples:
    """Three to six voiced puffs, five a second, falling in pitch."""
    puffs = []
    for number in range(int(rng.integers(3, 7))):
        length = int(0.12 * RATE_HZ)
        pitch = rng.uniform(190, 260) * 0.95**number
        at = np.arange(length) / RATE_HZ
        voice = sum((np.sin(2 * np.pi * pitch * h * at) / h for h in range(1, 12)), np.zeros(length))
        noise = rng.normal(0, 0.6, length)
        puffs += [_formants(rng, voice + noise, (700, 1200, 2500)) * np.hanning(length), np.zeros(int(0.08 * RATE_HZ))]
    return _peak(np.concatenate(puffs[:-1]))


BODILY: Mapping[str, Callable[[Random], Samples]] = {"cough": cough, "throat": throat, "laugh": laugh}


def room_response(rng: Random) -> Samples:
    """From the loudspeaker to the microphone of the same device: a dull direct sound and 40 ms of room."""
    taps = int(0.04 * RATE_HZ)
    response = 0.1 * rng.normal(0, 1, taps) * np.exp(-np.linspace(0, 6, taps))
    response[:8] += np.hanning(8)
    return response / float(np.sqrt(np.sum(np.square(response))))


def _formants(rng: Random, samples: Samples, centres_hz: tuple[int, ...]) -> Samples:
    """Weighs a sound by the resonances of a mouth, each a little elsewhere every time."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    weight = np.full(len(frequency), 0.05)
    for centre in centres_hz:
        weight += np.exp(-np.square((frequency - centre * rng.uniform(0.9, 1.1)) / 250))
    shaped: Samples = np.fft.irfft(spectrum * weight, len(samples))
    return shaped


def _unit(samples: Samples) -> Samples:
    return samples / float(np.sqrt(np.mean(np.square(samples))))


def _peak(samples: Samples) -> Samples:
    """As loud as a person at the same microphone."""
    return samples * (0.5 / float(np.max(np.abs(samples))))
