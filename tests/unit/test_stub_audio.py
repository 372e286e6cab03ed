"""What the stub provider hears of an uploaded file."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from scripts.stub_audio import decoded


def flac(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="FLAC")
    return buffer.getvalue()


def test_the_sound_of_an_upload_is_counted_from_where_it_begins() -> None:
    samples = np.concatenate([np.full(4_800, 20, np.int16), np.full(12_800, 4_000, np.int16)])
    assert decoded(flac(samples)) == (1.1, 800.0)


def test_silence_and_what_is_no_audio_have_no_sound() -> None:
    assert decoded(flac(np.zeros(16_000, np.int16))) == (1.0, 0.0)
    assert decoded(b"no audio") == (0.0, 0.0)
