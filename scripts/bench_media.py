"""Micro-benchmark of the audio path: what 20 ms of one call cost, against PyAV's decoder, resampler and encoder.

    python -m scripts.bench_media [--rounds 5]

Every row is the median of several rounds in one process and one thread. Compare the ratios: absolute figures change
with the machine and with what else it does. The signal is speech-like noise with pauses, not silence, which would
flatter every codec.
"""

from __future__ import annotations

import os

# Before NumPy loads: threads would only be woken for products this small.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import statistics
import time
from collections.abc import Callable

import av
import numpy as np

from voice_agent.audio.jitter import JitterBuffer
from voice_agent.audio.opus import Decoder, Encoder, Mode, libopus_version
from voice_agent.audio.receiver import VoiceReceiver
from voice_agent.audio.segmenter import Segmenter
from voice_agent.audio.silero import WINDOW_BYTES, SileroModel
from voice_agent.audio.vad import SpeechDetector
from voice_agent.settings import AudioSettings

FRAMES = 500


def speech_like(rate_hz: int, seconds: float) -> bytes:
    """Harmonics of a gliding 120 Hz under a syllable envelope, with noise, mono s16le."""
    rng = np.random.default_rng(1)
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * at)) / rate_hz
    voice = sum(np.sin(phase * harmonic) / harmonic for harmonic in range(1, 24))
    envelope = np.clip(np.sin(2 * np.pi * 2.3 * at), 0, 1) * (np.sin(2 * np.pi * 0.31 * at) > -0.6)
    return (4500 * envelope * voice + rng.normal(0, 60, at.size)).astype("<i2").tobytes()


def cut(pcm: bytes, rate_hz: int) -> list[bytes]:
    size = rate_hz // 50 * 2
    return [pcm[at : at + size] for at in range(0, FRAMES * size, size)]


def encoded(rate_hz: int, mode: Mode) -> Callable[[], object]:
    """As the playout does it by default."""
    frames = cut(speech_like(rate_hz, FRAMES / 50), rate_hz)
    settings = AudioSettings()
    complexity = settings.opus_complexity if mode == "celt" else settings.opus_voip_complexity
    encoder = Encoder(rate_hz, bitrate=settings.opus_bitrate, complexity=complexity, mode=mode)
    return lambda: [encoder.encode(frame) for frame in frames]


def pyav_decode(packets: list[bytes]) -> Callable[[], object]:
    codec = av.CodecContext.create("libopus", "r")
    codec.sample_rate, codec.layout = 48_000, "stereo"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000, frame_size=320)

    def run() -> None:
        for packet in packets:
            for frame in codec.decode(av.Packet(packet)):
                for resampled in resampler.resample(frame):
                    resampled.to_ndarray().tobytes()

    return run


def pyav_encode() -> Callable[[], object]:
    """As aiortc does it: stereo, 96 kb/s, complexity 10."""
    codec = av.CodecContext.create("libopus", "w")
    codec.bit_rate, codec.format, codec.layout, codec.sample_rate = 96_000, "s16", "stereo", 48_000
    codec.options = {"application": "voip"}
    frames = []
    for index, pcm in enumerate(cut(speech_like(48_000, FRAMES / 50), 48_000)):
        stereo = np.repeat(np.frombuffer(pcm, "<i2"), 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(stereo, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, index * 960
        frames.append(frame)

    def run() -> None:
        for frame in frames:
            codec.encode(frame)

    return run


def receive(packets: list[bytes], *, whole: bool) -> Callable[[], object]:
    """Jitter buffer and decoder; with `whole`, detection and segmentation as well."""
    settings = AudioSettings()

    def run() -> None:
        segmenter = Segmenter(settings, voiced=SpeechDetector(settings).feed)
        receiver = VoiceReceiver(settings, segmenter.feed if whole else bytes.__len__)  # type: ignore[arg-type]
        for seq, packet in enumerate(packets):
            receiver.packet(seq, seq * 960, packet, seq * 0.02)
        receiver.close()

    return run


def jitter(packets: list[bytes], every: int) -> Callable[[], object]:
    """`every`: one packet in so many is lost (0: none)."""

    def run() -> None:
        buffer = JitterBuffer(50)
        for seq, packet in enumerate(packets):
            if not every or seq % every:
                buffer.add(seq, seq * 960, packet, seq * 0.02)

    return run


def silero(pcm: bytes) -> Callable[[], object]:
    model = SileroModel()
    windows = [pcm[at : at + WINDOW_BYTES] for at in range(0, len(pcm) - WINDOW_BYTES + 1, WINDOW_BYTES)]
    return lambda: [model.probability(window) for window in windows]


def detect(frames: list[bytes], *, confirm: bool) -> Callable[[], object]:
    detector = SpeechDetector(AudioSettings(silero=confirm))
    return lambda: [detector.feed(frame) for frame in frames]


def decode(packets: list[bytes]) -> Callable[[], object]:
    decoder = Decoder()
    return lambda: [decoder.decode(packet) for packet in packets]


def microseconds(work: Callable[[], object], rounds: int) -> float:
    work()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) / FRAMES * 1e6)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    frames16 = cut(speech_like(16_000, FRAMES / 50), 16_000)
    encoder = Encoder(48_000, bitrate=40_000, complexity=5, mode="celt")
    packets = [encoder.encode(frame) for frame in cut(speech_like(48_000, FRAMES / 50), 48_000)]

    rows: list[tuple[str, Callable[[], object]]] = [
        ("PyAV: decode to 48 kHz stereo + resample", pyav_decode(packets)),
        ("decode straight to 16 kHz mono", decode(packets)),
        ("jitter buffer, no loss", jitter(packets, 0)),
        ("jitter buffer, 5 % loss", jitter(packets, 20)),
        ("receiver (jitter + decode)", receive(packets, whole=False)),
        ("webrtcvad alone", detect(frames16, confirm=False)),
        ("webrtcvad + Silero when open", detect(frames16, confirm=True)),
        ("Silero on everything", silero(b"".join(frames16))),
        ("receiver + detection + segmenter", receive(packets, whole=True)),
        ("PyAV: encode stereo 96 kb/s", pyav_encode()),
        ("encode CELT 24 kHz", encoded(24_000, "celt")),
        ("encode CELT 48 kHz", encoded(48_000, "celt")),
        ("encode VOIP 24 kHz", encoded(24_000, "voip")),
    ]
    print(libopus_version())
    print(f"{'per 20 ms':44} {'us':>8} {'ratio':>7}")
    reference = 0.0
    for name, work in rows:
        cost = microseconds(work, rounds)
        reference = cost if name.startswith("PyAV") else reference
        print(f"{name:44} {cost:8.1f} {cost / reference:7.2f}")


if __name__ == "__main__":
    main()
