"""A sound that can be found again: a chord of five tones, and a search for it in bytes of any kind. Not a test module.

The tones fit no common fundamental and survive Opus and telephone bands. `hidden_in` reads bytes as every form in which
audio plausibly reaches a disk: samples (s16 of both byte orders at both offsets, f32 at all four, mu-law, A-law; mono,
or stereo, which is a mono signal at twice the rate), and inside base64, hex, gzip or zlib, and containers that FFmpeg
decodes (WAV, FLAC, Ogg, MP3, WebM, MP4), one inside the other too. It finds half a second and more. It does
not find what is encrypted or compressed in other ways, and no bare Opus packets.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from voice_agent.audio import g711

TONES_HZ = (619.0, 947.0, 1373.0, 1871.0, 2539.0)
Signal = np.ndarray[Any, np.dtype[np.float32]]

_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)
_WINDOW = 2048
_HITS = 2
"""Windows with the whole chord in them that make a find."""
_PROMINENCE = 30.0
"""Power of each tone over the median around it. In noise of any colour one bin in 10^9 has it, and five are needed."""
_BLOCK = 32
"""Bins that the median is taken of."""
_BATCH = 512
_MAX_DEPTH = 3
_MAX_UNPACKED_BYTES = 64 * 1024 * 1024
_MAX_FILE_BYTES = 512 * 1024 * 1024

_BINS = {rate_hz: [round(tone / rate_hz * _WINDOW) for tone in TONES_HZ] for rate_hz in _RATES_HZ}
_HANN = np.hanning(_WINDOW).astype(np.float32)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\\\r\n-]{200,}")
_HEX = re.compile(rb"[0-9a-fA-F]{2048,}")
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_CONTAINER = re.compile(
    rb"fLaC|OggS|RIFF....WAVE|ID3[\x02-\x04]|\xff[\xfb\xf3\xf2\xfa]|\x1a\x45\xdf\xa3|....ftyp", re.DOTALL
)
_CONTAINER_TRIES = 4
"""Places in one piece of data at which a container is tried, for each kind: the first of a stream opens all of it."""


def chord(seconds: float, rate_hz: int, amplitude: float = 5000.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The signature. `amplitude` is the peak of all tones together, of 32768."""
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    phases = np.arange(len(TONES_HZ)) ** 2  # so that the tones do not peak together
    waves = sum(np.sin(2 * np.pi * tone * times + phase) for tone, phase in zip(TONES_HZ, phases, strict=True))
    return np.asarray(waves) * amplitude / len(TONES_HZ)


def marked(pcm: bytes, rate_hz: int, amplitude: float = 5000.0) -> bytes:
    """Mono s16le with the signature under all of it."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    mixed = samples * 0.8 + chord(len(samples) / rate_hz + 1, rate_hz, amplitude)[: len(samples)]
    return bytes(np.clip(mixed, -32768, 32767).astype("<i2").tobytes())


def hidden_in(data: bytes) -> str | None:
    """The form in which the chord is in `data`, such as `base64 > s16le`; None where it is not found."""
    return next(_search(data, 0), None)


def in_file(path: Path) -> str | None:
    """As `hidden_in`. Raises OSError, and ValueError for a file that is too large to be searched."""
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError(f"{path} is too large")
    return hidden_in(path.read_bytes())


def changed_files(
    folders: Iterable[Path], since: float, leave_out: Callable[[Path], bool] = lambda _: False
) -> Iterator[Path]:
    """Regular files below the folders that were written to, or made, after `since` (as `time.time()`).

    Folders below them for which `leave_out` is true are not entered.
    """
    for top in folders:
        for place, names, files in os.walk(top):
            names[:] = [name for name in names if not leave_out(Path(place, name))]
            for name in files:
                path = Path(place, name)
                try:
                    info = path.lstat()
                except FileNotFoundError:
                    continue  # gone since it was listed
                if stat.S_ISREG(info.st_mode) and max(info.st_mtime, info.st_ctime) >= since:
                    yield path


def _search(data: bytes, depth: int) -> Iterator[str]:
    for name, samples in _signals(data):
        if _has_chord(samples):
            yield name
    if depth < _MAX_DEPTH:
        for name, inner in _unpacked(data):
            yield from (f"{name} > {found}" for found in _search(inner, depth + 1))


def _signals(data: bytes) -> Iterator[tuple[str, Signal]]:
    for kind, size, name in (("<i2", 2, "s16le"), (">i2", 2, "s16be"), ("<f4", 4, "f32le")):
        for offset in range(size):
            count = (len(data) - offset) // size
            if count >= _WINDOW:
                yield name, np.frombuffer(data, kind, count, offset)
    if len(data) >= _WINDOW:
        codes = np.frombuffer(data, np.uint8)
        for name, table in _TABLES.items():
            yield name, table[codes]


def _tables() -> dict[str, Signal]:
    codes = bytes(range(256))
    decoded = {"mu-law": g711.decode_pcmu(codes), "A-law": g711.decode_pcma(codes)}
    return {name: np.frombuffer(pcm, "<i2").astype(np.float32) for name, pcm in decoded.items()}


def _has_chord(samples: Signal) -> bool:
    hits = dict.fromkeys(_RATES_HZ, 0)
    windows = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    for start in range(0, len(windows), _BATCH):
        with np.errstate(all="ignore"):
            batch = windows[start : start + _BATCH].astype(np.float32)
            peak = np.abs(batch).max(axis=1)
            batch = batch[np.isfinite(peak) & (peak > 1e-4) & (peak <= 32768)]
            if not len(batch):
                continue
            batch = (batch - batch.mean(axis=1, keepdims=True)) * _HANN
            power = np.abs(np.fft.rfft(batch, axis=1)) ** 2
        prominent = _prominent(power)
        for rate_hz, bins in _BINS.items():
            hits[rate_hz] += int(prominent[:, bins].all(axis=1).sum())
            if hits[rate_hz] >= _HITS:
                return True
    return False


def _prominent(power: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Of each window and bin: whether it or one beside it stands out of its block."""
    bins = power[:, : _WINDOW // 2]
    blocks = bins.reshape(len(power), -1, _BLOCK)
    floor = np.maximum(np.median(blocks, axis=2, keepdims=True), 1e-12 * bins.max(axis=1)[:, None, None])
    out: np.ndarray[Any, np.dtype[np.bool_]] = (blocks > _PROMINENCE * floor).reshape(bins.shape)
    out[:, 1:-1] |= out[:, :-2] | out[:, 2:]
    return out


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    pieces = []
    for match in _BASE64.finditer(data):
        text = re.sub(rb"\\[nr]|[\\\r\n]", b"", match.group()).translate(bytes.maketrans(b"-_", b"+/"))
        # Letters may stand before it, so it may begin at any phase.
        phases = [base64.b64decode(text[at : at + (len(text) - at) // 4 * 4]) for at in range(4)]
        pieces.append(phases[0])
        yield from (("base64", each) for each in phases if len(each) >= _WINDOW)
    yield "base64 in pieces", b"".join(pieces)
    for match in _HEX.finditer(data):
        for phase in range(2):
            whole = match.group()[phase:]
            yield "hex", binascii.unhexlify(whole[: len(whole) // 2 * 2])
    for match in _PACKED.finditer(data):
        unpacked = _inflated(data[match.start() :])
        if len(unpacked) >= _WINDOW:
            yield "gzip", unpacked
    yield from _decoded(data)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, _MAX_UNPACKED_BYTES)
    except zlib.error:
        return b""  # the magic bytes stood there by chance


def _decoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    tries: dict[bytes, int] = {}
    for match in _CONTAINER.finditer(data):
        kind = match.group()[-4:]
        tries[kind] = tries.get(kind, 0) + 1
        if tries[kind] <= _CONTAINER_TRIES:
            yield from _decoded_at(data[match.start() :])


def _decoded_at(data: bytes) -> Iterator[tuple[str, bytes]]:
    sound = bytearray()
    name = ""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            name = container.format.name
            resampler = av.AudioResampler("s16", "mono")
            for frame in container.decode(audio=0):
                for plain in resampler.resample(frame):
                    sound += plain.to_ndarray().astype("<i2").tobytes()
                if len(sound) > _MAX_UNPACKED_BYTES:
                    break
    except (av.FFmpegError, IndexError, ValueError):
        pass  # not such a file, or a damaged one: what was decoded until then counts
    if sound:
        yield name, bytes(sound)


_TABLES = _tables()
