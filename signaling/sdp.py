"""Judges an SDP offer before any parser or peer connection sees it, and puts it into the form that the parser expects.

The parser of the media stack takes quadratic time, opens a transport for each section and raises almost anything for
what it does not understand. So an offer is bounded and checked here line by line, and whatever still goes wrong later
is reported as `OfferError` by `peer.py`. Not here: negotiation.

The grammar is RFC 8866; what WebRTC requires of it RFC 8829 (JSEP), RFC 8839 (ICE), RFC 8841 (SCTP) and RFC 8843
(BUNDLE).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MEDIA = re.compile(r"m=([a-z]+) (\d{1,5}) ([A-Z/]+) (\S+(?: \S+)*)")
_FINGERPRINT = re.compile(r"sha-(?:256|384|512) [0-9A-F]{2}(?::[0-9A-F]{2}){31,63}", re.IGNORECASE)
_EXTMAP = re.compile(r"(\d{1,3})(?:/[a-z]+)? \S+.*")
_OPUS = re.compile(r"(\d{1,3}) opus/48000/2", re.IGNORECASE)
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_CANDIDATE_ATTRIBUTES = ("a=candidate:", "a=end-of-candidates", "a=remote-candidates:")
_DEFAULT_SCTP_PORT = 5000
_MAX_MID_CHARACTERS = 32


class OfferError(Exception):
    """The offer cannot be answered. `message` says why, for the developer of the client; `code` is a stable word."""

    def __init__(self, message: str, code: str, param: str = "sdp") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


@dataclass(slots=True)
class _Section:
    """The session part (kind "") or one media section: its lines and its attributes in order."""

    kind: str = ""
    lines: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def check_offer(text: str, max_bytes: int, max_lines: int = 400) -> None:
    """Returns for an offer that this server can answer, in time linear in its length; raises OfferError otherwise.

    It must be at most `max_bytes` of printable ASCII in `max_lines` lines, with exactly one audio section (Opus, any
    direction), at most one application section (bundled with it), ICE credentials, a fingerprint, and no video.
    """
    if len(text) > max_bytes:
        raise OfferError(f"The offer is larger than {max_bytes} bytes.", "offer_too_large")
    if not text.isascii() or any(
        (character < " " and character not in "\r\n\t") or character == "\x7f" for character in text
    ):
        raise OfferError("The offer is not plain text.", "offer_not_text")
    if text.count("\n") + text.count("\r") > 2 * max_lines or len(text.splitlines()) > max_lines:
        raise OfferError(f"The offer has more than {max_lines} lines.", "offer_too_large")
    if not text.startswith("v=0"):
        raise OfferError("The offer is not SDP: it must begin with v=0.", "offer_malformed")
    session, *media = _sections(text)
    kinds = [section.kind for section in media]
    for kind in kinds:
        if kind not in ("audio", "application"):
            raise OfferError(f"Only audio is supported; remove the {kind} section.", "offer_media")
    if kinds.count("audio") != 1:
        raise OfferError("The offer must have exactly one audio section.", "offer_media")
    if kinds.count("application") > 1:
        raise OfferError("The offer must have at most one data-channel section.", "offer_media")
    for section in media:
        _check_transport(session, section)
        if section.kind == "audio":
            _check_audio(section)
        else:
            _check_data(section)
    if len(media) > 1 or any(value.startswith("BUNDLE") for value in session.values("group")):
        _check_bundle(session, media)


def prepared_offer(text: str) -> str:
    """A checked offer as the parser needs it: without the caller's candidates, and with the defaults written out.

    Candidates are never used: probing them would let a caller make this server send packets wherever it likes. The
    caller is learned from its own checks instead. Defaults: direction `sendrecv`, SCTP port 5000.
    """
    session, *media = _sections(text)
    inherited = [name for name, _ in session.attributes if name in _DIRECTIONS]
    lines = list(session.lines)
    for section in media:
        lines += section.lines
        names = {name for name, _ in section.attributes}
        if section.kind == "audio" and not names & _DIRECTIONS:
            lines.append(f"a={inherited[-1] if inherited else 'sendrecv'}")
        if section.kind == "application" and "sctp-port" not in names:
            lines.append(f"a=sctp-port:{_DEFAULT_SCTP_PORT}")
    return "".join(f"{line}\r\n" for line in lines if not line.startswith(_CANDIDATE_ATTRIBUTES))


def finished_answer(text: str, *, discontinuous: bool) -> str:
    """Our answer as clients should see it, with the Opus that we ask for (RFC 7587 6.1), which the stack cannot
    express: with in-band error correction, and no wider than we hear, so that bits and decoding go into speech alone.
    `discontinuous`: nothing but a packet now and then while the caller is silent."""
    wanted = "minptime=10;useinbandfec=1;maxplaybackrate=16000"
    if discontinuous:
        wanted += ";usedtx=1"
    return re.sub(r"^a=rtpmap:(\d+) opus/48000/2\r\n", rf"\g<0>a=fmtp:\1 {wanted}\r\n", text, flags=re.MULTILINE)


def _sections(text: str) -> list[_Section]:
    sections = [_Section()]
    for line in text.splitlines():
        if line.startswith("m="):
            match = _MEDIA.fullmatch(line)
            if match is None:
                raise OfferError("The offer has a malformed media line.", "offer_malformed")
            sections.append(_Section(kind=match[1]))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            sections[-1].attributes.append((name, value))
        elif line[1:2] != "=":
            raise OfferError("The offer has a line that is not SDP.", "offer_malformed")
        sections[-1].lines.append(line)
    return sections


def _check_transport(session: _Section, section: _Section) -> None:
    for name, shortest in (("ice-ufrag", 4), ("ice-pwd", 22)):
        given = section.values(name) or session.values(name)
        if len(given) != 1 or not shortest <= len(given[0]) <= 256 or " " in given[0]:
            raise OfferError(f"The offer must have one {name} of {shortest} to 256 characters.", "offer_ice")
    fingerprints = session.values("fingerprint") + section.values("fingerprint")
    if not any(_FINGERPRINT.fullmatch(value) for value in fingerprints):
        raise OfferError("The offer has no DTLS fingerprint (sha-256, sha-384 or sha-512).", "offer_fingerprint")
    setup = section.values("setup") or session.values("setup")
    if len(setup) != 1 or setup[0] not in ("actpass", "active", "passive"):
        raise OfferError("The offer must have one a=setup of actpass, active or passive.", "offer_dtls")
    mids = section.values("mid")
    if len(mids) > 1 or any(not 0 < len(mid) <= _MAX_MID_CHARACTERS for mid in mids):
        raise OfferError(f"A section must have one mid of 1 to {_MAX_MID_CHARACTERS} characters.", "offer_malformed")


def _check_audio(section: _Section) -> None:
    if not section.values("rtcp-mux"):
        raise OfferError("The audio section must have a=rtcp-mux.", "offer_rtcp_mux")
    payload_types = section.lines[0].split()[3:]
    opus = [match[1] for value in section.values("rtpmap") if (match := _OPUS.fullmatch(value))]
    if not any(number in payload_types and 96 <= int(number) <= 127 for number in opus):
        raise OfferError("The audio section does not offer Opus (opus/48000/2, payload type 96-127).", "offer_no_opus")
    for value in section.values("extmap"):
        match = _EXTMAP.fullmatch(value)
        if match is None or not 1 <= int(match[1]) <= 255:
            raise OfferError("The audio section has an a=extmap outside 1-255.", "offer_malformed")


def _check_data(section: _Section) -> None:
    if section.lines[0].split()[2] not in ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP"):
        raise OfferError("The data-channel section must be UDP/DTLS/SCTP.", "offer_malformed")
    for name, least, most in (("sctp-port", 1, 0xFFFF), ("max-message-size", 0, 0xFFFFFFFF)):
        for value in section.values(name):
            if not value.isdecimal() or len(value) > 10 or not least <= int(value) <= most:
                raise OfferError(f"The data-channel section has an a={name} out of range.", "offer_malformed")


def _check_bundle(session: _Section, media: list[_Section]) -> None:
    """The stack would open no transport for sections of a group that names one twice or one that is not there."""
    bundled = [mid for value in session.values("group") if value.startswith("BUNDLE ") for mid in value.split()[1:]]
    mids = [mid for section in media for mid in section.values("mid")]
    if len(mids) != len(media) or len(set(mids)) != len(mids) or sorted(bundled) != sorted(mids):
        raise OfferError(
            "The sections of the offer must be bundled (one a=group:BUNDLE with every mid once).", "offer_bundle"
        )
