"""What an offer must be before anything parses it."""

from __future__ import annotations

import time

import pytest

from signaling.sdp import OfferError, check_offer, finished_answer, prepared_offer

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
AUDIO = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
    "c=IN IP4 0.0.0.0",
    "a=candidate:1 1 udp 2113937151 10.0.0.5 40000 typ host",
    "a=candidate:2 1 udp 2113937151 4f3a.local 40001 typ host",
    "a=end-of-candidates",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuv",
    f"a=fingerprint:{FINGERPRINT}",
    "a=setup:actpass",
    "a=mid:0",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=rtpmap:0 PCMU/8000",
]
DATA = [
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuv",
    f"a=fingerprint:{FINGERPRINT}",
    "a=setup:actpass",
    "a=mid:1",
    "a=sctp-port:5000",
    "a=max-message-size:262144",
]
SESSION = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]


def offer(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in lines)


GOOD = offer(*SESSION, *AUDIO, *DATA)


def without(line: str) -> str:
    return offer(*(kept for kept in (*SESSION, *AUDIO, *DATA) if not kept.startswith(line)))


def refused(text: str, max_bytes: int = 16_384) -> OfferError:
    with pytest.raises(OfferError) as refusal:
        check_offer(text, max_bytes)
    assert refusal.value.param == "sdp"
    assert refusal.value.message
    return refusal.value


def test_a_browser_like_offer_passes() -> None:
    check_offer(GOOD, 16_384)
    check_offer(GOOD.replace("\r\n", "\n"), 16_384)


def test_an_audio_only_offer_needs_no_bundle() -> None:
    check_offer(offer(*SESSION[:-1], *AUDIO), 16_384)
    check_offer(offer(*SESSION[:-1], "a=group:LS 0", *AUDIO), 16_384)
    check_offer(offer(*SESSION[:-1], "a=group:BUNDLE 0", *AUDIO), 16_384)


@pytest.mark.parametrize("direction", ["sendrecv", "sendonly", "recvonly", "inactive"])
def test_any_direction_passes(direction: str) -> None:
    check_offer(GOOD.replace("a=sendrecv", f"a={direction}"), 16_384)


def test_credentials_may_stand_at_session_level() -> None:
    shared = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuv", f"a=fingerprint:{FINGERPRINT}", "a=setup:actpass"]
    own = [line for line in AUDIO + DATA if line not in shared]
    check_offer(offer(*SESSION, *shared, *own), 16_384)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "offer_malformed"),
        ("hello", "offer_malformed"),
        ("v=0\r\n", "offer_media"),
        (GOOD + "\x00", "offer_not_text"),
        (GOOD + "\x1b[31m", "offer_not_text"),
        (GOOD.replace("s=-", "s=Grüße"), "offer_not_text"),
        (GOOD + "a=x\u2028m=audio", "offer_not_text"),
        (GOOD + "garbage\r\n", "offer_malformed"),
        (GOOD + "m=audio\r\n", "offer_malformed"),
        (offer(*SESSION, *AUDIO, *AUDIO, *DATA), "offer_media"),
        (offer(*SESSION, *AUDIO, *DATA, *DATA), "offer_media"),
        (offer(*SESSION, *DATA), "offer_media"),
        (GOOD + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "offer_media"),
        (without("a=fingerprint"), "offer_fingerprint"),
        (GOOD.replace("sha-256", "md5"), "offer_fingerprint"),
        (without("a=ice-ufrag"), "offer_ice"),
        (without("a=ice-pwd"), "offer_ice"),
        (GOOD.replace("a=ice-ufrag:abcd", "a=ice-ufrag:abc"), "offer_ice"),
        (GOOD.replace("a=ice-pwd:abcd", "a=ice-pwd:" + "x" * 260), "offer_ice"),
        (without("a=setup"), "offer_dtls"),
        (GOOD.replace("a=setup:actpass", "a=setup:holdconn"), "offer_dtls"),
        (without("a=rtcp-mux"), "offer_rtcp_mux"),
        (GOOD.replace("opus/48000/2", "telephone-event/8000"), "offer_no_opus"),
        (GOOD.replace("111", "35"), "offer_no_opus"),
        (GOOD.replace("a=extmap:4", "a=extmap:0"), "offer_malformed"),
        (GOOD.replace("a=extmap:4", "a=extmap:256"), "offer_malformed"),
        (GOOD.replace("a=sctp-port:5000", "a=sctp-port:70000"), "offer_malformed"),
        (GOOD.replace("a=sctp-port:5000", "a=sctp-port:-1"), "offer_malformed"),
        (GOOD.replace("a=max-message-size:262144", "a=max-message-size:-1"), "offer_malformed"),
        (GOOD.replace("UDP/DTLS/SCTP", "DTLS/SCTP"), "offer_malformed"),
        (GOOD.replace("a=mid:1", "a=mid:" + "m" * 300), "offer_malformed"),
        (without("a=group"), "offer_bundle"),
        (GOOD.replace("BUNDLE 0 1", "BUNDLE 0"), "offer_bundle"),
        (GOOD.replace("a=mid:1", "a=mid:0"), "offer_bundle"),
        (GOOD.replace("BUNDLE 0 1", "BUNDLE 0 1a=group:BUNDLE 0 1"), "offer_bundle"),
        (GOOD.replace("BUNDLE 0 1", "BUNDLE 0 0 1"), "offer_bundle"),
        (GOOD.replace("BUNDLE 0 1", "BUNDLE 0 1 2"), "offer_bundle"),
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused_with_its_reason(text: str, code: str) -> None:
    assert refused(text).code == code


def test_a_large_offer_is_refused() -> None:
    assert refused(GOOD, max_bytes=len(GOOD) - 1).code == "offer_too_large"
    check_offer(GOOD, max_bytes=len(GOOD))
    assert refused(GOOD + "a=x\r\n" * 400).code == "offer_too_large"


def test_the_worst_offer_of_the_allowed_size_is_judged_at_once() -> None:
    start = time.process_time()
    for text in (GOOD + "a=" * 7000, GOOD + "\r" * 14_000, "v=0" + "m=audio 9 A 1\n" * 1000, "v=0 " + ":AB" * 5000):
        with pytest.raises(OfferError):
            check_offer(text + "\nm=x", 16_384)
    assert time.process_time() - start < 0.5


def test_candidates_are_removed_and_nothing_else() -> None:
    prepared = prepared_offer(GOOD)
    assert "candidate" not in prepared
    assert "10.0.0.5" not in prepared
    kept = [line for line in GOOD.splitlines() if "candidate" not in line]
    assert prepared.splitlines() == kept


def test_defaults_are_written_out() -> None:
    bare = without("a=sendrecv").replace("a=sctp-port:5000\r\n", "")
    audio, data = prepared_offer(bare).split("m=application")
    assert "a=sendrecv" in audio
    assert "a=sctp-port:5000" in data
    inherited = bare.replace("t=0 0\r\n", "t=0 0\r\na=recvonly\r\n")
    assert "a=recvonly" in prepared_offer(inherited).split("m=audio")[1]


@pytest.mark.parametrize(("discontinuous", "asked"), [(True, ";usedtx=1"), (False, "")])
def test_the_answer_asks_for_error_correction_in_what_is_heard_and_for_nothing_in_silence(
    discontinuous: bool, asked: str
) -> None:
    answer = finished_answer("m=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\na=mid:0\r\n", discontinuous=discontinuous)
    assert answer.splitlines()[2] == f"a=fmtp:111 minptime=10;useinbandfec=1;maxplaybackrate=16000{asked}"
