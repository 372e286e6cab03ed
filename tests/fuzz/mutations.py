"""Damage to what a well-behaved client sends: bytes, lines of text, JSON. Seeded, so a finding can be repeated."""

from __future__ import annotations

import copy
import json
import random
import string
from dataclasses import dataclass
from typing import Any

_MARKS = (b"", b"\x00", b"\xff" * 4, b"\x80\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x00\x00", b"\xff\xff", b"\x00" * 64)
_WORDS = (
    "a=fmtp:1",
    "a=rtcp-fb:x",
    "a=rtpmap:96",
    "a=ssrc:9",
    "a=rtcp:x IN IP4",
    "c=IN",
    "a=mid",
    "a=extmap:-1 x",
    "a=sctp-port:0",
    "a=group:BUNDLE",
    "a=ice-options:trickle renomination",
    "a=candidate:1 1 udp 1 10.0.0.1 9 typ host",
    "a=setup:holdconn",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    "a=fingerprint:sha-256 00",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    -(2**70),
    1e308,
    1e-320,
    "",
    "\x00",
    "\ud800",
    "a" * 5000,
    "e\u0301\u200d\u202e\U0001f468\u200d\U0001f469",
    [],
    {},
    [[]],
    {"": None},
    [None] * 300,
    "AAAA====",
    "item_" + "x" * 600,
    "-Infinity",
)


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    """Some of: bits turned, pieces cut, doubled, filled, replaced by boundary values; sometimes all of it random."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randrange(1500))
    body = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(6):
            case 0 if body:
                body[at % len(body)] ^= 1 << chance.randrange(8)
            case 1:
                del body[at : at + chance.randrange(1, 40)]
            case 2:
                body[at:at] = body[at : at + chance.randrange(1, 40)]
            case 3:
                mark = chance.choice(_MARKS)
                body[at : at + len(mark)] = mark
            case 4:
                body[at:at] = chance.randbytes(chance.randrange(1, 20))
            case _:
                del body[at:]
    return bytes(body[:1500])


def damaged_text(text: str, chance: random.Random) -> str:
    """Lines lost, doubled, cut, swapped, their numbers and separators changed, strange ones put in."""
    lines = text.splitlines()
    for _ in range(chance.randrange(1, 5)):
        if not lines:
            break
        at = chance.randrange(len(lines))
        line = lines[at]
        match chance.randrange(10):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, line)
            case 2:
                position = chance.randrange(len(line) + 1)
                lines[at] = line[:position] + chr(chance.randrange(1, 0x250)) + line[position + 1 :]
            case 3:
                lines[at] = line[: chance.randrange(len(line) + 1)]
            case 4:
                digit = chance.choice(string.digits)
                lines[at] = line.replace(digit, str(chance.randrange(-(2**40), 2**40)))
            case 5:
                lines[at] = line.partition(":")[0] + ":"
            case 6:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], line
            case 7:
                lines[at] = line.replace(" ", "  ").replace(":", " ")
            case 8:
                lines[at] = line * chance.randrange(2, 30)
            case _:
                lines.insert(at, chance.choice(_WORDS))
    return "\r\n".join(lines) + "\r\n"


@dataclass(frozen=True)
class _Place:
    """A value inside another, and how to replace it."""

    inside: Any
    key: Any

    @property
    def value(self) -> Any:
        return self.inside[self.key]

    def put(self, new: Any) -> None:
        self.inside[self.key] = new


def _places(inside: Any) -> list[_Place]:
    keys = list(inside) if isinstance(inside, dict) else range(len(inside))
    here = [_Place(inside, key) for key in keys]
    return here + [below for place in here if isinstance(place.value, dict | list) for below in _places(place.value)]


def damaged_event(event: dict[str, Any], chance: random.Random) -> str:
    """JSON with values of the wrong kind or size, keys lost, renamed or added; sometimes no JSON at all."""
    holder: list[Any] = [copy.deepcopy(event)]
    for _ in range(chance.randrange(1, 4)):
        place = chance.choice(_places(holder))
        value = place.value
        match chance.randrange(5):
            case 0 if isinstance(value, dict) and value:
                del value[chance.choice(list(value))]
            case 1 if isinstance(value, dict):
                key = chance.choice(("type", "id", "session", "event_id", "__proto__", "audio", "item"))
                value[key] = copy.deepcopy(chance.choice(_VALUES))
            case 2 if isinstance(value, int) and not isinstance(value, bool):
                place.put(value + chance.choice((-1, 1, 10**6, -(10**6), 2**64)))
            case 3:
                place.put([value] * chance.randrange(2, 10))
            case _:
                place.put(copy.deepcopy(chance.choice(_VALUES)))
    text = json.dumps(holder[0])
    match chance.randrange(12):
        case 0:
            return damaged_bytes(text.encode(), chance).decode("utf-8", "replace")
        case 1:
            depth = chance.choice((10, 70, 3000))
            return text[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"
        case 2:
            return text.replace(":", ": NaN, 'x':", 1)
        case _:
            return text
