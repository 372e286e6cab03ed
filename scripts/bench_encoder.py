"""What the effort and the bit rate of the Opus encoder cost, and what is lost to hearing: how the defaults were chosen.

    python -m scripts.bench_encoder

Speech of every local voice is encoded with CELT and decoded again. Noise (decoded minus original) is compared with what
the speech itself masks, by critical bands (half a Bark each; a masker spreads 27 dB per Bark down and 10 up, and hides
what is 16 dB below it: rules of thumb after Zwicker), in windows of 20 ms; and in windows of 5 ms just before onsets,
where an encoder smears a plosive forward in time. Lower noise is better; compare rows, not with other measures.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from voice_agent.audio.opus import FRAME_MS, Decoder, Encoder
from voice_agent.engines.local import catalog
from voice_agent.engines.ports import Pcm, SpeechOptions
from voice_agent.settings import EngineSettings

Signal = NDArray[np.float64]

_RATE_HZ = 24_000
_VOICES = {"flite": ("slt", "rms", "awb", "kal16"), "espeak": ("en-us", "en-gb", "de", "fr", "en-us+f3", "en-us+m7")}
_TEXT = (
    "Okay, the printer is offline, and nothing happened. Please check that it is switched on, then press the button "
    "twice. The zip code is nine four one oh three; take care, pick up the packet, and stop."
)
_ROWS = ((5, 40_000), (0, 40_000), (0, 44_000), (1, 40_000), (1, 44_000), (4, 40_000), (4, 44_000), (10, 40_000))
_STEADY, _SHORT = _RATE_HZ // 50, _RATE_HZ // 200
_MASKED_DB, _DOWN_DB, _UP_DB = 16, 27, 10
_QUIET = 1.0
"""Power per sample and line that counts as inaudible: about the last of 16 bits."""
_ONSET_DB, _ONSET_WINDOWS = 15, 4
_MAX_DELAY = 400


class Quality(NamedTuple):
    """Means over a voice. `us`: processor time of a packet. Decibels, `snr` by segments of 20 ms."""

    us: float
    kbits: float
    noise: float
    noise_p95: float
    before_onsets: float
    snr: float
    spectral_distance: float


async def voices() -> list[Signal]:
    """The same sentences by every local voice, at 24 kHz."""
    spoken = []
    for engine, names in _VOICES.items():
        synthesizer = catalog.synthesizer(engine, EngineSettings(synthesizer_workers=1))
        for name in names:
            chunks = [c async for c in synthesizer.speak(_TEXT, SpeechOptions(name, 1.0, "en")) if isinstance(c, Pcm)]
            samples = np.frombuffer(b"".join(chunk.data for chunk in chunks), "<i2").astype(np.float64)
            spoken.append(soxr.resample(samples, chunks[0].rate_hz, _RATE_HZ, "VHQ"))
        await synthesizer.aclose()
    return spoken


def quality(speech: Signal, complexity: int, bitrate: int) -> Quality:
    size = _RATE_HZ * FRAME_MS // 1000
    pcm = np.pad(np.clip(np.round(speech), -32768, 32767), (0, -speech.size % size + 2 * size)).astype("<i2").tobytes()
    frames = [pcm[at : at + 2 * size] for at in range(0, len(pcm), 2 * size)]
    encoder, decoder = Encoder(_RATE_HZ, bitrate=bitrate, complexity=complexity, mode="celt"), Decoder(_RATE_HZ)
    started = time.thread_time()
    packets = [encoder.encode(frame) for frame in frames]
    us = (time.thread_time() - started) / len(packets) * 1e6
    given = np.frombuffer(pcm, "<i2").astype(np.float64)
    heard = np.frombuffer(b"".join(map(decoder.decode, packets)), "<i2").astype(np.float64)
    given, heard = _aligned(given, heard)

    level, noise, over_mask, distance = _compared(given, heard, _STEADY)
    speaking = level > level.max() * 1e-4
    short_level, _, short_over_mask, _ = _compared(given, heard, _SHORT)
    kbits = sum(map(len, packets)) / len(packets) * 8 / FRAME_MS
    return Quality(
        us,
        kbits,
        float(over_mask[speaking].mean()),
        float(np.percentile(over_mask[speaking], 95)),
        float(short_over_mask[_before_onsets(short_level)].mean()),
        float(np.clip(10 * np.log10(level / noise), -10, 35)[speaking].mean()),
        float(distance[speaking].mean()),
    )


def _aligned(given: Signal, heard: Signal) -> tuple[Signal, Signal]:
    """Without the encoder's delay."""
    compared = given[:-_MAX_DELAY]
    errors = [np.sum((compared - heard[delay : delay + compared.size]) ** 2) for delay in range(_MAX_DELAY)]
    delay = int(np.argmin(errors))
    return given[: given.size - delay], heard[delay:]


def _compared(given: Signal, heard: Signal, window: int) -> tuple[Signal, Signal, Signal, Signal]:
    """Of each window: power, power of the noise, its mean dB over the mask, and the log-spectral distance in dB."""
    bands, centres = _bands(window)
    power = _spectra(given, window) @ bands.T
    noise = _spectra(given - heard, window) @ bands.T
    away = centres[:, None] - centres[None]
    spread = 10 ** (np.where(away >= 0, -_UP_DB, _DOWN_DB) * away / 10)
    quiet = _QUIET * window * bands.sum(1)
    mask = np.maximum(power @ spread.T * 10 ** (-_MASKED_DB / 10), quiet)
    over_mask = 10 * np.log10(np.mean(noise / mask, axis=1) + 1e-3)
    ratio = (power + quiet) / (_spectra(heard, window) @ bands.T + quiet)
    distance = np.sqrt(np.mean((10 * np.log10(ratio)) ** 2, axis=1))
    return power.sum(1) + 1, noise.sum(1) + 1, over_mask, distance


def _bands(window: int) -> tuple[Signal, Signal]:
    """Which lines of a spectrum belong to which half Bark (Zwicker and Terhardt 1980), and each band's mean Bark."""
    hz = np.fft.rfftfreq(window, 1 / _RATE_HZ)
    bark = 13 * np.arctan(0.00076 * hz) + 3.5 * np.arctan((hz / 7500) ** 2)
    number = (bark * 2).astype(int)
    bands = (number[None] == np.unique(number)[:, None]).astype(np.float64)
    return bands, bands @ bark / bands.sum(1)


def _spectra(signal: Signal, window: int) -> Signal:
    windows = np.lib.stride_tricks.sliding_window_view(signal, window)[:: window // 2]
    power: Signal = np.abs(np.fft.rfft(windows * np.hanning(window))) ** 2
    return power


def _before_onsets(level: Signal) -> NDArray[np.bool_]:
    """Windows that are far below one that follows at once, which is itself loud."""
    db = 10 * np.log10(level)
    loudest = np.max([np.roll(db, -ahead) for ahead in range(1, _ONSET_WINDOWS + 1)], axis=0)
    before: NDArray[np.bool_] = (loudest - db > _ONSET_DB) & (loudest > db.max() - 35)
    return before


def main() -> None:
    spoken = asyncio.run(voices())
    heads = ("us", "kb/s", "noise", "p95", "onsets", "SNR", "LSD")
    print(f"{'complexity':>10} {'bitrate':>8}" + "".join(f"{head:>8}" for head in heads))
    for complexity, bitrate in _ROWS:
        mean = np.mean([quality(speech, complexity, bitrate) for speech in spoken], axis=0)
        print(f"{complexity:10} {bitrate:8}" + "".join(f"{value:8.2f}" for value in mean))


if __name__ == "__main__":
    main()
