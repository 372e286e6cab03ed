"""Rates and containers: resampling, G.711, Ogg, FLAC."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.speech import frames, synthesize
from tests.unit.test_audio_opus import encode, similarity
from voice_agent.audio.flac import flac_bytes
from voice_agent.audio.g711 import decode_pcma, decode_pcmu, encode_pcma, encode_pcmu
from voice_agent.audio.ogg import OggError, OggOpusReader
from voice_agent.audio.opus import Decoder
from voice_agent.audio.resample import Resampler


def tone(hz: float, rate_hz: int, seconds: float = 1.0, level: float = 8000) -> bytes:
    time = np.arange(int(rate_hz * seconds)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * time)).astype("<i2").tobytes()


def power(pcm: bytes) -> float:
    return float(np.mean(np.frombuffer(pcm, "<i2").astype(float) ** 2))


def same(one: bytes, other: bytes) -> bool:
    """Equal but for the last bits, which the resampler dithers."""
    if len(one) != len(other):
        return False
    return not one or int(np.max(np.abs(np.frombuffer(one, "<i2").astype(int) - np.frombuffer(other, "<i2")))) <= 3


# --- resampling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("from_hz", "to_hz"), [(24_000, 16_000), (22_050, 24_000), (8_000, 16_000), (44_100, 48_000)])
def test_a_tone_keeps_its_length_pitch_and_level(from_hz: int, to_hz: int) -> None:
    resampler = Resampler(from_hz, to_hz)
    out = b"".join(resampler.feed(piece) for piece in frames(tone(1000, from_hz), from_hz)) + resampler.flush()
    assert abs(len(out) // 2 - to_hz) <= 2
    assert power(out) == pytest.approx(power(tone(1000, to_hz)), rel=0.03)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(out, "<i2").astype(float)))
    assert np.argmax(spectrum) * to_hz / (len(out) / 2) == pytest.approx(1000, abs=2)


def test_what_the_target_cannot_carry_does_not_fold_back_into_speech() -> None:
    resampler = Resampler(48_000, 16_000)
    out = resampler.feed(tone(12_000, 48_000)) + resampler.flush()
    assert power(out) < power(tone(12_000, 48_000)) / 10_000


def test_the_first_20_ms_come_out_almost_whole() -> None:
    first = Resampler(22_050, 24_000).feed(tone(500, 22_050, 0.02))
    assert len(first) // 2 >= 440


def test_equal_rates_pass_through_untouched() -> None:
    pcm = synthesize("Same.")
    assert Resampler(16_000, 16_000).feed(pcm) == pcm


@given(st.lists(st.integers(0, 700), max_size=20))
@settings(deadline=None)
def test_pieces_of_any_length_give_what_one_piece_gives(sizes: list[int]) -> None:
    pcm = tone(700, 24_000, 0.3)[: sum(sizes)]
    whole, pieces = Resampler(24_000, 16_000), Resampler(24_000, 16_000)
    expected = whole.feed(pcm) + whole.flush()
    out, at = b"", 0
    for size in sizes:
        out += pieces.feed(pcm[at : at + size])
        at += size
    assert same(out + pieces.flush(), expected)


def test_a_flushed_resampler_starts_anew() -> None:
    resampler = Resampler(24_000, 16_000)
    first = resampler.feed(tone(700, 24_000)) + resampler.flush()
    assert same(resampler.feed(tone(700, 24_000)) + resampler.flush(), first)


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Resampler(0, 16_000)


# --- G.711 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "encode_pcm", "decode"),
    [
        ("pcm_mulaw", encode_pcmu, decode_pcmu),
        ("pcm_alaw", encode_pcma, decode_pcma),
    ],
)
def test_g711_is_bit_exact_with_a_reference_decoder_and_round_trips(codec: str, encode_pcm, decode) -> None:  # type: ignore[no-untyped-def]
    codes = bytes(range(256))
    context = av.AudioCodecContext.create(codec, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = 8000, "mono"
    reference = b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in context.decode(av.Packet(codes)))
    assert decode(codes) == reference
    again = encode_pcm(decode(codes))
    differing = [code for code in range(256) if again[code] != code]
    assert decode(again) == decode(codes)
    assert differing in ([], [0x7F])  # mu-law has two zeros


@pytest.mark.parametrize(("encode_pcm", "decode"), [(encode_pcmu, decode_pcmu), (encode_pcma, decode_pcma)])
def test_g711_errs_by_half_a_step_at_most_for_every_sample(encode_pcm, decode) -> None:  # type: ignore[no-untyped-def]
    samples = np.arange(-32_768, 32_768)
    heard = np.frombuffer(decode(encode_pcm(samples.astype("<i2").tobytes())), "<i2").astype(int)
    # 16 steps in every octave, so half a step is 1/32 of its lower edge; mu-law's octaves are offset by 132.
    assert np.all(np.abs(heard - samples) <= np.maximum(8, (np.abs(samples) + 132) / 32))


def test_g711_refuses_half_a_sample() -> None:
    with pytest.raises(ValueError, match="buffer"):
        encode_pcmu(b"\x00\x00\x00")


# --- Ogg ---------------------------------------------------------------------------------------------------------

HEAD = b"OpusHead" + bytes([1, 1]) + (312).to_bytes(2, "little") + (16_000).to_bytes(4, "little") + bytes(3)
TAGS = b"OpusTags" + bytes(8)


def page(packets: list[bytes], number: int, *, flags: int = 0, serial: int = 7, unfinished: bool = False) -> bytes:
    lacing = bytearray()
    for packet in packets:
        lacing += b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    if unfinished:
        lacing = lacing[:-1]
    assert len(lacing) < 256
    header = b"OggS\0" + bytes([flags]) + bytes(8) + serial.to_bytes(4, "little") + number.to_bytes(4, "little")
    return header + bytes(4) + bytes([len(lacing)]) + bytes(lacing) + b"".join(packets)


def stream(packets: list[bytes]) -> bytes:
    body = b"".join(page([packet], 2 + index) for index, packet in enumerate(packets))
    return page([HEAD], 0, flags=2) + page([TAGS], 1) + body


def ogg_by_ffmpeg(pcm: bytes) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="ogg") as container:
        track = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 16_000
        for packet in (*track.encode(frame), *track.encode(None)):
            container.mux(packet)
    return target.getvalue()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(min_size=1, max_size=800), max_size=8), st.lists(st.integers(1, 400)))
def test_packets_come_out_whole_however_the_bytes_are_cut(packets: list[bytes], cuts: list[int]) -> None:
    raw, reader, out, at = stream(packets), OggOpusReader(), [], 0
    for cut in [*cuts, len(raw)]:
        out += reader.feed(raw[at : at + cut])
        at += cut
    assert out == packets
    assert (reader.channels, reader.pre_skip) == (1, 312)


def test_a_stream_by_another_muxer_decodes_to_the_speech_it_holds() -> None:
    pcm = synthesize("This stream was made by somebody else.")
    reader, decoder = OggOpusReader(), Decoder()
    packets = reader.feed(ogg_by_ffmpeg(pcm))
    heard = b"".join(decoder.decode(packet) for packet in packets)[reader.pre_skip // 3 * 2 :]
    assert similarity(heard, pcm) > 0.95


def test_a_packet_may_run_over_several_pages() -> None:
    first, second = bytes(255 * 3), b"\x01" * 100
    raw = page([HEAD], 0, flags=2) + page([TAGS], 1) + page([first], 2, unfinished=True) + page([second], 3, flags=1)
    assert OggOpusReader().feed(raw) == [first + second]


def test_streams_may_follow_each_other() -> None:
    reader = OggOpusReader()
    assert reader.feed(stream([b"a"]) + stream([b"b"])) == [b"a", b"b"]


@pytest.mark.parametrize(
    "raw",
    [
        b"ID3\x04 this is an mp3",
        b"OggX" + bytes(40),
        b"OggS\x01" + bytes(40),
        page([HEAD], 0),
        page([b"\x01vorbis" + bytes(30)], 0, flags=2),
        page([HEAD[:9] + b"\x06" + HEAD[10:]], 0, flags=2),
        page([HEAD], 0, flags=2) + page([b"no tags"], 1),
        page([HEAD], 0, flags=2) + page([TAGS], 2),
        page([HEAD], 0, flags=2) + page([TAGS], 1, serial=8),
        page([HEAD], 0, flags=2) + page([TAGS], 1, flags=1),
        page([HEAD], 0, flags=2)
        + b"".join(page([bytes(255 * 254)], 1 + n, flags=min(n, 1), unfinished=True) for n in range(3)),
    ],
)
def test_what_is_no_opus_in_ogg_is_refused(raw: bytes) -> None:
    with pytest.raises(OggError):
        OggOpusReader().feed(raw)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=6), st.integers(1, 64))
def test_a_damaged_stream_gives_packets_or_an_error_and_stays_small(at: int, damage: bytes, cut: int) -> None:
    raw = bytearray(stream(encode(synthesize("Damaged."))[:10]))
    raw[at : at + len(damage)] = damage
    reader = OggOpusReader()
    try:
        for start in range(0, len(raw), cut):
            reader.feed(bytes(raw[start : start + cut]))
    except OggError:
        return
    assert len(reader._buffer) < 66_000


# --- FLAC --------------------------------------------------------------------------------------------------------


def test_flac_is_lossless_and_smaller() -> None:
    pcm = synthesize("Nothing of this is written to a disk.")
    raw = flac_bytes(pcm, 16_000)
    assert raw.startswith(b"fLaC")
    samples, rate_hz = soundfile.read(io.BytesIO(raw), dtype="int16")
    assert (samples.tobytes(), rate_hz) == (pcm, 16_000)
    assert len(raw) < 0.7 * len(pcm)


def test_flac_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no audio"):
        flac_bytes(b"", 16_000)
