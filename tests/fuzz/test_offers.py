"""Damaged SDP offers and JSON bodies over HTTP: each is answered, none with a fault of the server's."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, FormData

from tests.faults.support import Target
from tests.fuzz.mutations import damaged_event, damaged_text
from tests.fuzz.support import chance, fuzzing, mutants, unhurt
from tests.security.caller import offer_alone

pytestmark = fuzzing

CHROMIUM = """\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Xy4b
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:110 telephone-event/48000
a=ssrc:1001 cname:abcdefghijklmnop
a=ssrc:1001 msid:stream track
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:Xy4b
a=ice-pwd:0123456789abcdefghijklmn
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:1
a=sctp-port:5000
a=max-message-size:262144
""".format(fingerprint=":".join(["A7"] * 32))

SECRET: dict[str, Any] = {
    "expires_after": {"anchor": "created_at", "seconds": 60},
    "session": {
        "type": "realtime",
        "model": "helpdesk",
        "instructions": "Be brief.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "x", "language": "en"},
                "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 300},
            },
            "output": {"voice": "alba", "speed": 1.25},
        },
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}],
        "tool_choice": "auto",
        "max_output_tokens": 100,
    },
}


SDP = {"Content-Type": "application/sdp"}


async def answered(client: ClientSession, path: str, **request: Any) -> int:
    """The status; a call that came about is hung up at once."""
    async with client.post(path, **request) as response:
        await response.read()
        place = response.headers.get("Location")
    if place is not None:
        await client.post(f"{place}/hangup")
    return response.status


def without_fault(statuses: Counter[int]) -> None:
    assert not [status for status in statuses if status >= 500], statuses
    assert sum(statuses[status] for status in (400, 413)) > 0.3 * statuses.total(), statuses


async def test_damaged_offers_are_answered_or_refused(server: tuple[Target, Path]) -> None:
    offers = (await offer_alone(), CHROMIUM.replace("\n", "\r\n"))
    dice = chance("offers")
    statuses: Counter[int] = Counter()
    async with unhurt(*server) as client:
        assert await answered(client, "/v1/realtime/calls", data=offers[1], headers=SDP) == 201
        for number in mutants(250):
            offer = damaged_text(offers[number % 2], dice).encode("utf-8", "replace")
            statuses[await answered(client, "/v1/realtime/calls", data=offer, headers=SDP)] += 1
            await asyncio.sleep(0)
    without_fault(statuses)
    assert statuses[201]


async def test_damaged_bodies_are_answered_or_refused(server: tuple[Target, Path]) -> None:
    dice = chance("bodies")
    statuses: Counter[int] = Counter()
    headers = {"Content-Type": "application/json"}
    async with unhurt(*server) as client:
        for number in mutants(250):
            if number % 5:
                body = damaged_event(SECRET, dice).encode("utf-8", "replace")
                path = "/v1/realtime/client_secrets"
                statuses[await answered(client, path, data=body, headers=headers)] += 1
            else:
                form = FormData(default_to_multipart=True)
                form.add_field("sdp", CHROMIUM)
                session = damaged_event(SECRET["session"], dice)
                form.add_field("session", session.encode("utf-8", "replace").decode())
                statuses[await answered(client, "/v1/realtime/calls", data=form)] += 1
    without_fault(statuses)
