"""FLAC in memory, for uploads to a transcriber: half the bytes of PCM, and no file is ever involved."""

from __future__ import annotations

import io

import numpy as np
import soundfile


def flac_bytes(pcm: bytes, rate_hz: int) -> bytes:
    """Mono s16le at `rate_hz` as one FLAC stream. Raises ValueError for no audio or an odd number of bytes."""
    if not pcm:
        raise ValueError("no audio to encode")
    target = io.BytesIO()
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.int16)
    with soundfile.SoundFile(  # noqa: TID251 - into memory
        target, "w", samplerate=rate_hz, channels=1, format="FLAC", subtype="PCM_16"
    ) as stream:
        stream.write(samples)
    return target.getvalue()
