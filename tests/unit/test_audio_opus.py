"""libopus by ctypes: sound comes back, nonsense is refused, nothing overruns."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.speech import frames, synthesize
from voice_agent.audio.opus import (
    MAX_PACKET_BYTES,
    RATES_HZ,
    Decoder,
    Encoder,
    Mode,
    OpusError,
    libopus_version,
    packet_duration_ms,
)


def encode(pcm: bytes, rate_hz: int = 16_000, mode: Mode = "celt", loss: float = 0) -> list[bytes]:
    encoder = Encoder(rate_hz, bitrate=40_000, complexity=5, mode=mode)
    encoder.set_expected_loss(loss)
    return [encoder.encode(frame) for frame in frames(pcm, rate_hz)]


def envelope(pcm: bytes, rate_hz: int = 16_000) -> np.ndarray:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    size = rate_hz // 50
    return np.asarray(np.sqrt(np.mean(samples[: len(samples) // size * size].reshape(-1, size) ** 2, axis=1)))


def similarity(one: bytes, other: bytes) -> float:
    a, b = envelope(one), envelope(other)
    length = min(len(a), len(b))
    return float(np.corrcoef(a[:length], b[:length])[0, 1])


def test_the_library_tells_its_version() -> None:
    assert "opus" in libopus_version().lower()


@pytest.mark.parametrize("mode", ["celt", "voip"])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_speech_survives_every_rate_and_mode(rate_hz: int, mode: Mode) -> None:
    text = "The train leaves at a quarter past nine."
    decoder = Decoder()
    heard = b"".join(decoder.decode(packet) for packet in encode(synthesize(text, rate_hz), rate_hz, mode))
    assert similarity(heard, synthesize(text)) > 0.95


def test_a_decoded_packet_is_20_ms_of_16_khz_mono() -> None:
    assert len(Decoder().decode(encode(bytes(640))[0])) == 640


@pytest.mark.parametrize(
    ("packet", "duration_ms"),
    [
        (bytes([0 << 3]), 10),
        (bytes([3 << 3]), 60),
        (bytes([13 << 3]), 20),
        (bytes([16 << 3]), 2.5),
        (bytes([31 << 3]), 20),
        (bytes([31 << 3 | 1]), 40),
        (bytes([31 << 3 | 2, 0]), 40),
        (bytes([31 << 3 | 3, 6]), 120),
        (bytes([16 << 3 | 3, 48]), 120),
    ],
)
def test_the_duration_is_read_from_the_first_bytes(packet: bytes, duration_ms: float) -> None:
    assert packet_duration_ms(packet) == duration_ms


@pytest.mark.parametrize(
    "packet", [b"", bytes([31 << 3 | 3]), bytes([31 << 3 | 3, 0]), bytes([31 << 3 | 3, 7]), bytes([3 << 3 | 3, 63])]
)
def test_an_impossible_frame_count_is_refused_before_the_library_sees_it(packet: bytes) -> None:
    with pytest.raises(OpusError):
        packet_duration_ms(packet)
    with pytest.raises(OpusError):
        Decoder().decode(packet)
    with pytest.raises(OpusError):
        Decoder().decode_fec(packet, 20)


def test_a_packet_longer_than_any_legal_one_is_refused() -> None:
    with pytest.raises(OpusError):
        Decoder().decode(bytes([31 << 3]) + bytes(MAX_PACKET_BYTES))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.binary(max_size=1500), max_size=12), st.sampled_from(RATES_HZ))
def test_garbage_gives_sound_or_an_error_and_never_more_than_120_ms(packets: list[bytes], rate_hz: int) -> None:
    decoder = Decoder(rate_hz)
    for packet in packets:
        for attempt in (decoder.decode, lambda data: decoder.decode_fec(data, 20)):
            try:
                pcm = attempt(packet)
            except OpusError:
                continue
            assert 0 < len(pcm) <= rate_hz * 120 // 1000 * 2


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 40), st.integers(0, 255), st.integers(0, 10_000))
def test_a_decoder_works_on_after_a_damaged_packet(at: int, value: int, seed: int) -> None:
    decoder = Decoder()
    packets = encode(synthesize("Good morning."))
    rng = np.random.default_rng(seed)
    damaged = bytearray(packets[at % len(packets)])
    for _ in range(3):
        damaged[int(rng.integers(len(damaged)))] = value
    with contextlib.suppress(OpusError):
        decoder.decode(bytes(damaged))
    assert len(decoder.decode(packets[0])) == 640


@pytest.mark.parametrize("ms", [2.5, 5, 10, 20, 40, 60, 120])
def test_a_gap_is_concealed_for_exactly_its_length(ms: float) -> None:
    decoder = Decoder()
    decoder.decode(encode(synthesize("Hello"))[5])
    assert len(decoder.conceal(ms)) == ms * 32


@pytest.mark.parametrize("ms", [0, -20, 1, 121, 1_000_000])
def test_a_gap_that_opus_cannot_fill_is_refused(ms: float) -> None:
    with pytest.raises(ValueError, match=r"2\.5"):
        Decoder().conceal(ms)
    with pytest.raises(ValueError, match=r"2\.5"):
        Decoder().decode_fec(encode(bytes(640))[0], ms)


def test_in_band_copies_restore_lost_packets_better_than_concealment() -> None:
    pcm = synthesize("Please transfer forty pounds to my savings account before Friday.")
    packets = encode(pcm, mode="voip", loss=20)

    def heard(fec: bool) -> bytes:
        decoder, out = Decoder(), []
        for index, packet in enumerate(packets):
            if index % 4 == 3 and index + 1 < len(packets):
                out.append(decoder.decode_fec(packets[index + 1], 20) if fec else decoder.conceal(20))
            else:
                out.append(decoder.decode(packet))
        return b"".join(out)

    whole = Decoder()
    reference = np.frombuffer(b"".join(whole.decode(packet) for packet in packets), "<i2").astype(float)

    def error(pcm: bytes) -> float:
        return float(np.sum((np.frombuffer(pcm, "<i2") - reference) ** 2))

    assert error(heard(fec=True)) < 0.5 * error(heard(fec=False))


def test_wrong_sizes_and_rates_are_errors_of_the_caller() -> None:
    with pytest.raises(ValueError, match="20 ms"):
        Encoder(16_000, bitrate=24_000, complexity=5, mode="celt").encode(bytes(638))
    with pytest.raises(ValueError, match="kHz"):
        Decoder(44_100)
    with pytest.raises(ValueError, match="kHz"):
        Encoder(22_050, bitrate=24_000, complexity=5, mode="celt")
    with pytest.raises(OpusError):
        Encoder(16_000, bitrate=24_000, complexity=99, mode="celt")


def test_after_close_there_is_an_error_and_no_crash() -> None:
    decoder, encoder = Decoder(), Encoder(16_000, bitrate=24_000, complexity=5, mode="voip")
    packet = encoder.encode(bytes(640))
    for each in (decoder, encoder):
        each.close()
        each.close()
    with pytest.raises(OpusError):
        decoder.decode(packet)
    with pytest.raises(OpusError):
        decoder.conceal(20)
    with pytest.raises(OpusError):
        encoder.encode(bytes(640))
    with pytest.raises(OpusError):
        encoder.set_expected_loss(3)
