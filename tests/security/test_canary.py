"""The search for the canary finds it in every form, and finds nothing where it is not."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import random
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from scripts.speech import synthesize
from tests.security.canary import changed_files, hidden_in, in_file, marked
from voice_agent.audio import g711

WORDS = "My printer is offline again, and I have to send a letter today."
SPEECH = {rate_hz: synthesize(WORDS, rate_hz) for rate_hz in (8_000, 16_000, 24_000, 48_000)}


def encoded(pcm: bytes, rate_hz: int, form: str, codec: str, bit_rate: int = 24_000) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate_hz, bit_rate=bit_rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[None, :], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, "mono", rate_hz, frame_size=stream.codec_context.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return target.getvalue()


def stereo(pcm: bytes, *, both: bool) -> bytes:
    left = np.frombuffer(pcm, "<i2")
    return np.stack([left, left if both else np.zeros_like(left)], axis=1).astype("<i2").tobytes()


def f32(pcm: bytes, scale: float) -> bytes:
    return (np.frombuffer(pcm, "<i2") / scale).astype("<f4").tobytes()


def as_json_lines(pcm: bytes) -> bytes:
    size = 4800
    events = [base64.b64encode(pcm[at : at + size]).decode() for at in range(0, len(pcm), size)]
    return "\n".join(json.dumps({"type": "input_audio_buffer.append", "audio": audio}) for audio in events).encode()


FORMS: dict[str, Callable[[dict[int, bytes]], bytes]] = {
    "s16 8 kHz": lambda pcm: pcm[8_000],
    "s16 16 kHz": lambda pcm: pcm[16_000],
    "s16 24 kHz": lambda pcm: pcm[24_000],
    "s16 48 kHz": lambda pcm: pcm[48_000],
    "s16 big-endian": lambda pcm: np.frombuffer(pcm[16_000], "<i2").astype(">i2").tobytes(),
    "s16 stereo": lambda pcm: stereo(pcm[48_000], both=True),
    "s16 one channel of two": lambda pcm: stereo(pcm[24_000], both=False),
    "f32 to 1": lambda pcm: f32(pcm[24_000], 32768),
    "f32 to 32768": lambda pcm: f32(pcm[16_000], 1),
    "mu-law": lambda pcm: g711.encode_pcmu(pcm[8_000]),
    "A-law": lambda pcm: g711.encode_pcma(pcm[8_000]),
    "base64": lambda pcm: base64.b64encode(pcm[24_000]),
    "base64 with line ends": lambda pcm: base64.encodebytes(pcm[24_000]),
    "base64 for URLs": lambda pcm: base64.urlsafe_b64encode(pcm[24_000]),
    "base64 in JSON lines": lambda pcm: as_json_lines(pcm[24_000]),
    "hex": lambda pcm: b"\\x" + pcm[16_000].hex().encode(),
    "gzip": lambda pcm: gzip.compress(pcm[16_000]),
    "zlib": lambda pcm: zlib.compress(pcm[16_000]),
    "gzip of base64": lambda pcm: gzip.compress(base64.b64encode(pcm[16_000])),
    "wav": lambda pcm: encoded(pcm[16_000], 16_000, "wav", "pcm_s16le"),
    "flac": lambda pcm: encoded(pcm[16_000], 16_000, "flac", "flac"),
    "ogg-opus": lambda pcm: encoded(pcm[48_000], 48_000, "ogg", "libopus"),
    "webm-opus": lambda pcm: encoded(pcm[48_000], 48_000, "webm", "libopus"),
    "mp3": lambda pcm: encoded(pcm[24_000], 24_000, "mp3", "libmp3lame", 32_000),
    "base64 of ogg-opus": lambda pcm: base64.b64encode(encoded(pcm[48_000], 48_000, "ogg", "libopus")),
}


@pytest.mark.parametrize("before", [0, 4097], ids=lambda count: f"after {count} bytes")
@pytest.mark.parametrize("form", FORMS)
def test_it_is_found_in_every_form_at_any_place(form: str, before: int) -> None:
    rest = random.Random(before)
    data = FORMS[form]({rate_hz: marked(pcm, rate_hz) for rate_hz, pcm in SPEECH.items()})
    assert hidden_in(rest.randbytes(before) + data + rest.randbytes(before)) is not None


@pytest.mark.parametrize("form", FORMS)
def test_speech_without_it_is_not_taken_for_it(form: str) -> None:
    assert hidden_in(FORMS[form](SPEECH)) is None


def test_half_a_second_in_the_middle_of_speech_is_enough() -> None:
    pcm = SPEECH[16_000]
    part = marked(pcm[32_000:48_000], 16_000)
    assert hidden_in(pcm[:32_000] + part + pcm[48_000:]) is not None


@pytest.mark.parametrize(
    "data",
    [
        bytes(1_000_000),
        random.Random(1).randbytes(2_000_000),
        b'{"type": "response.output_audio_transcript.delta", "delta": "Hello"}\n' * 10_000,
        base64.b64encode(random.Random(2).randbytes(500_000)),
        Path(av.__file__).read_bytes() * 20,
        Path(np.__file__).with_name("_core").joinpath("numeric.py").read_bytes() * 10,
    ],
    ids=["zeros", "noise", "text", "encoded noise", "code", "more code"],
)
def test_other_data_is_not_taken_for_it(data: bytes) -> None:
    assert hidden_in(data) is None


def test_a_program_is_not_taken_for_it() -> None:
    assert in_file(Path(os.path.realpath("/proc/self/exe"))) is None


def test_only_files_written_since_are_searched_and_one_planted_among_them_is_found(tmp_path: Path) -> None:
    for folder in ("deep/er", "left/out"):
        (tmp_path / folder).mkdir(parents=True)
    old = tmp_path / "old"
    old.write_bytes(b"old")
    since = time.time() + 0.5
    os.utime(old, (1, 1))
    while time.time() < since:
        time.sleep(0.05)
    for name in ("deep/er/page", "left/out/page"):
        (tmp_path / name).write_bytes(bytes(8193) + marked(SPEECH[16_000], 16_000))
    (tmp_path / "deep" / "plain").write_bytes(SPEECH[16_000])
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "er" / "page")
    found = sorted(changed_files([tmp_path], since, lambda folder: folder.name == "left"))
    assert found == [tmp_path / "deep" / "er" / "page", tmp_path / "deep" / "plain"]
    assert [in_file(path) for path in found] == ["s16le", None]
