"""Streaming sample-rate conversion of mono s16le (soxr). Pieces may be of any even or odd length.

The quality is soxr's "LQ": still 16 bits clean below about 3/4 of the band, and it holds back about 1 ms where "MQ" and
"HQ" hold back 40 ms and more, which a caller would hear as latency.
"""

from __future__ import annotations

import numpy as np
import soxr


class Resampler:
    """One stream from `from_hz` to `to_hz`; equal rates pass through untouched.

    The filter keeps a few ms back: `flush` gives them out at the end and makes the resampler ready for a new stream.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if from_hz <= 0 or to_hz <= 0:
            raise ValueError("sample rates are positive")
        self.from_hz = from_hz
        self.to_hz = to_hz
        self._odd = b""
        self._stream = None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="LQ")

    def feed(self, pcm: bytes) -> bytes:
        """What of the stream is ready after `pcm`; may be empty."""
        if self._odd:
            pcm = self._odd + pcm
        self._odd = pcm[len(pcm) & ~1 :]
        return self._convert(pcm[: len(pcm) & ~1], last=False)

    def flush(self) -> bytes:
        """The rest of the stream. Half a sample at the end is dropped."""
        self._odd = b""
        rest = self._convert(b"", last=True)
        if self._stream is not None:
            self._stream.clear()
        return rest

    def _convert(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        converted: bytes = self._stream.resample_chunk(np.frombuffer(pcm, dtype=np.int16), last=last).tobytes()
        return converted
