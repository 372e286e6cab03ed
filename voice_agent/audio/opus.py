"""Opus by libopus itself, through ctypes: mono, 16-bit, straight at the rate that is wanted.

Why not PyAV: its decoder always gives 48 kHz stereo floats or s16 and needs a resampler afterwards, and its encoder
offers neither the CELT-only mode nor loss settings. The library is the one inside PyAV's wheel (its file name holds a
hash), else the system's.

Every size and count is checked here before C sees it: the buffers hold the 120 ms that the longest legal packet may
claim. Calls take 20-60 us, less than handing the interpreter lock over would cost, so the lock is kept (`PyDLL`).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
"""The only rates libopus works at."""
FRAME_MS = 20
MAX_PACKET_MS = 120
MAX_PACKET_BYTES = 48 * 1275
"""48 frames of the largest size: no legal packet is longer (RFC 6716, section 3.4)."""

Mode = Literal["celt", "voip"]

_APPLICATION = {"celt": 2051, "voip": 2048}
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC, _SET_LOSS_PERCENT = 4002, 4010, 4012, 4014
_MAX_FRAME_BYTES = 1275
_OK = 0


class OpusError(Exception):
    """A packet that is no Opus, or a refusal by libopus."""


class OpusMissingError(Exception):
    """No libopus could be loaded; the message says what to install."""


def _candidates() -> Iterator[str]:
    spec = importlib.util.find_spec("av")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        for folder, pattern in ((package.parent / "av.libs", "libopus-*.so*"), (package / ".dylibs", "libopus*.dylib")):
            yield from (str(path) for path in sorted(folder.glob(pattern)))
    yield "libopus.so.0"
    system = ctypes.util.find_library("opus")
    if system is not None:
        yield system


@functools.cache
def _library() -> ctypes.PyDLL:
    for name in _candidates():
        try:
            library = ctypes.PyDLL(name)
        except OSError:
            continue  # The next candidate may load; when none does, the error below says so.
        state, integer, pointer = ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
        library.opus_decoder_create.restype = state
        library.opus_decoder_create.argtypes = [integer, integer, pointer]
        library.opus_decoder_destroy.restype = None
        library.opus_decoder_destroy.argtypes = [state]
        library.opus_decode.restype = integer
        library.opus_decode.argtypes = [state, ctypes.c_char_p, integer, state, integer, integer]
        library.opus_encoder_create.restype = state
        library.opus_encoder_create.argtypes = [integer, integer, integer, pointer]
        library.opus_encoder_destroy.restype = None
        library.opus_encoder_destroy.argtypes = [state]
        library.opus_encode.restype = integer
        library.opus_encode.argtypes = [state, ctypes.c_char_p, integer, state, integer]
        # Only the fixed arguments are declared: the function is variadic.
        library.opus_encoder_ctl.restype = integer
        library.opus_encoder_ctl.argtypes = [state, integer]
        library.opus_get_version_string.restype = ctypes.c_char_p
        library.opus_get_version_string.argtypes = []
        return library
    raise OpusMissingError(
        "libopus was not found: install the 'av' wheel from PyPI, or your system's Opus library "
        "(Debian and Ubuntu: libopus0; Fedora and Alpine: opus; macOS: brew install opus)"
    )


def libopus_version() -> str:
    """What the loaded library calls itself. Raises OpusMissingError."""
    version: bytes = _library().opus_get_version_string()
    return version.decode("ascii", "replace")


def _frame_halves_ms(config: int) -> int:
    """Duration of one frame in units of 0.5 ms (RFC 6716, table 2)."""
    if config < 12:
        return (20, 40, 80, 120)[config & 3]
    if config < 16:
        return (20, 40)[config & 1]
    return (5, 10, 20, 40)[config & 3]


def packet_duration_ms(packet: bytes) -> float:
    """Duration that the packet's first two bytes claim: 2.5 to 120 ms. Raises OpusError when they claim nonsense."""
    if not packet:
        raise OpusError("an empty packet")
    halves = _frame_halves_ms(packet[0] >> 3)
    code = packet[0] & 3
    if code == 3:
        if len(packet) < 2:
            raise OpusError("a packet without its frame count")
        count = packet[1] & 63
    else:
        count = 1 if code == 0 else 2
    if count == 0 or halves * count > 2 * MAX_PACKET_MS:
        raise OpusError("a packet with an illegal frame count")
    return halves * count / 2


def _check_rate(rate_hz: int) -> None:
    if rate_hz not in RATES_HZ:
        raise ValueError("Opus works at 8, 12, 16, 24 or 48 kHz only")


class Decoder:
    """One stream to mono s16le at `rate_hz`. Stereo packets are mixed down by libopus.

    Raises OpusMissingError, and ValueError for a rate that Opus does not know.
    """

    def __init__(self, rate_hz: int = 16_000) -> None:
        self._state: int | None = None
        _check_rate(rate_hz)
        self._library = _library()
        error = ctypes.c_int()
        self._state = self._library.opus_decoder_create(rate_hz, 1, ctypes.byref(error))
        if error.value != _OK or not self._state:
            raise OpusError(f"libopus refused a decoder: {error.value}")
        self._rate_hz = rate_hz
        self._max_samples = rate_hz * MAX_PACKET_MS // 1000
        buffer = ctypes.create_string_buffer(self._max_samples * 2)
        self._address = ctypes.addressof(buffer)
        self._pcm = memoryview(buffer)

    def decode(self, packet: bytes) -> bytes:
        """One packet (up to 120 ms) to PCM. Raises OpusError for a malformed one; the decoder stays usable."""
        packet_duration_ms(packet)
        return self._run(packet, self._max_samples, fec=False)

    def decode_fec(self, next_packet: bytes, ms: float) -> bytes:
        """The `ms` lost just before `next_packet`, from the copy that packet may carry; concealment when it has none.

        Decode `next_packet` itself afterwards. Raises OpusError, and ValueError unless 2.5 <= ms <= 120 in steps of
        2.5.
        """
        packet_duration_ms(next_packet)
        return self._run(next_packet, self._samples(ms), fec=True)

    def conceal(self, ms: float) -> bytes:
        """Invents the `ms` that were lost. Raises ValueError unless 2.5 <= ms <= 120 in steps of 2.5."""
        return self._run(None, self._samples(ms), fec=False)

    def close(self) -> None:
        """Frees the C state. Idempotent; the decoder cannot be used afterwards."""
        state, self._state = self._state, None
        if state:
            self._library.opus_decoder_destroy(state)

    def __del__(self) -> None:
        self.close()

    def _samples(self, ms: float) -> int:
        if not 2.5 <= ms <= MAX_PACKET_MS or ms % 2.5:
            raise ValueError("Opus fills gaps of 2.5 to 120 ms in steps of 2.5 ms")
        return int(self._rate_hz * ms) // 1000

    def _run(self, packet: bytes | None, samples: int, *, fec: bool) -> bytes:
        if not self._state:
            raise OpusError("the decoder is closed")
        size = 0 if packet is None else len(packet)
        if size > MAX_PACKET_BYTES or samples > self._max_samples:
            raise OpusError("a packet longer than any legal one")
        count = self._library.opus_decode(self._state, packet, size, self._address, samples, int(fec))
        if count < 0:
            raise OpusError(f"libopus could not decode: {count}")
        return self._pcm[: count * 2].tobytes()


class Encoder:
    """Mono s16le at `rate_hz` to packets of 20 ms.

    `mode`: "celt" costs a third of "voip"; "voip" (SILK or hybrid) can carry a copy of the previous frame, for lossy
    links. `bitrate` in bits per second, `complexity` 0-10. Raises OpusMissingError, OpusError for values libopus
    refuses, and ValueError for a rate that Opus does not know.
    """

    def __init__(self, rate_hz: int, *, bitrate: int, complexity: int, mode: Mode) -> None:
        self._state: int | None = None
        _check_rate(rate_hz)
        self._library = _library()
        error = ctypes.c_int()
        self._state = self._library.opus_encoder_create(rate_hz, 1, _APPLICATION[mode], ctypes.byref(error))
        if error.value != _OK or not self._state:
            raise OpusError(f"libopus refused an encoder: {error.value}")
        self._set(_SET_BITRATE, bitrate)
        self._set(_SET_COMPLEXITY, complexity)
        self._samples = rate_hz * FRAME_MS // 1000
        self._buffer = ctypes.create_string_buffer(_MAX_FRAME_BYTES)
        self._address = ctypes.addressof(self._buffer)
        self.frame_bytes = self._samples * 2

    def encode(self, pcm: bytes) -> bytes:
        """Exactly 20 ms (`frame_bytes`) to one packet. Raises ValueError for another length, OpusError else."""
        if len(pcm) != self.frame_bytes:
            raise ValueError("the encoder takes exactly 20 ms")
        if not self._state:
            raise OpusError("the encoder is closed")
        size = self._library.opus_encode(self._state, pcm, self._samples, self._address, _MAX_FRAME_BYTES)
        if size < 0:
            raise OpusError(f"libopus could not encode: {size}")
        return ctypes.string_at(self._address, size)

    def set_expected_loss(self, percent: float) -> None:
        """Adapts to packet loss. Above 0, "voip" packets carry a copy of the frame before (in-band FEC) and "celt"
        packets lean less on it, so that the level recovers sooner."""
        bounded = min(100, max(0, round(percent)))
        self._set(_SET_INBAND_FEC, 1 if bounded else 0)
        self._set(_SET_LOSS_PERCENT, bounded)

    def close(self) -> None:
        """Frees the C state. Idempotent; the encoder cannot be used afterwards."""
        state, self._state = self._state, None
        if state:
            self._library.opus_encoder_destroy(state)

    def __del__(self) -> None:
        self.close()

    def _set(self, request: int, value: int) -> None:
        if not self._state:
            raise OpusError("the encoder is closed")
        result = self._library.opus_encoder_ctl(self._state, request, ctypes.c_int(value))
        if result != _OK:
            raise OpusError(f"libopus refused setting {request}: {result}")
