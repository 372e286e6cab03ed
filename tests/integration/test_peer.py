"""One caller over real sockets: audio and events both ways, and every end that a call can have."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from aioice import ice
from aiortc.rtp import RtcpByePacket, RtcpSenderInfo, RtcpSrPacket

from signaling.peer import Peer
from signaling.sdp import OfferError
from tests.memory import no_collector
from tests.security.caller import LOOPBACK, SPEECH, Caller, Recorder, calling, loopback_settings, offer_alone, until
from voice_agent.audio.batching import DetectionBatch
from voice_agent.audio.vad import SpeechDetector
from voice_agent.engines.ports import Pcm
from voice_agent.hardening import media_stack
from voice_agent.settings import AudioSettings


def _loudness(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm, np.int16).astype(float) ** 2)))


async def test_the_caller_is_heard_in_even_frames_and_hears_speech() -> None:
    async with calling() as call:
        await until(lambda: len(call.session.frames) >= 75)
        assert {len(frame) for frame in call.session.frames} == {640}
        assert _loudness(b"".join(call.session.frames[25:])) > 300

        assert call.heard == 0
        speech = call.peer.speech
        assert speech is not None
        drained = asyncio.Event()
        speech.on_drained = drained.set
        speech.begin("item_1")
        queued_ms = speech.write(_chunk(SPEECH[: 48_000 * 2]))
        speech.end()
        await asyncio.wait_for(drained.wait(), 5)
        assert queued_ms == 1000
        await until(lambda: call.heard >= 45)


async def test_silence_sends_no_media() -> None:
    async with calling() as call:
        await until(lambda: len(call.session.frames) >= 50)
        sent = {s.packetsSent for s in (await call.pc.getStats()).values() if s.type == "remote-outbound-rtp"}
        assert sent <= {0}
        assert call.heard == 0


async def test_who_is_silent_sends_no_sender_reports_but_a_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling() as call:
        sent: list[bytes] = []

        async def counted(packet: bytes) -> None:
            sent.append(packet)

        sender = call.peer._pc.getTransceivers()[0].sender
        monkeypatch.setattr(sender.transport, "_send_rtp", counted)
        information = RtcpSenderInfo(ntp_timestamp=0, rtp_timestamp=0, packet_count=0, octet_count=0)
        report = RtcpSrPacket(ssrc=sender._ssrc, sender_info=information)
        counts = []
        for packets_before in (0, 0, 50, 60, 60, 60, 60, 61):
            monkeypatch.setattr(sender, "_RTCRtpSender__packet_count", packets_before)
            await sender._send_rtcp([report])
            counts.append(len(sent))
        assert counts == [0, 0, 1, 2, 3, 3, 3, 4]
        await sender._send_rtcp([RtcpByePacket(sources=[sender._ssrc])])
        await sender._send_rtcp([RtcpByePacket(sources=[sender._ssrc])])
        assert len(sent) == 6


async def test_events_go_both_ways() -> None:
    async with calling() as call:
        assert call.channel is not None
        call.channel.send('{"type":"session.update"}')
        call.channel.send(b"\x00binary")
        call.peer.send_event({"type": "session.created", "text": "grüß"})
        await until(lambda: len(call.session.events) == 2 and call.messages)
        assert call.session.events == ['{"type":"session.update"}', b"\x00binary"]
        assert call.messages == ['{"type":"session.created","text":"grüß"}']


async def test_half_a_surrogate_pair_of_a_provider_costs_that_character_only() -> None:
    async with calling() as call:
        call.peer.send_event({"text": "so\ud83d!"})
        await until(lambda: call.messages)
        assert call.messages == ['{"text":"so?!"}']


async def test_events_sent_before_the_channel_is_open_arrive_in_order() -> None:
    media_stack.apply()
    call = Caller(track=None)
    try:
        await call.dial(loopback_settings())
        for number in range(3):
            call.peer.send_event({"n": number})
        await until(lambda: len(call.messages) == 3)
        assert call.messages == ['{"n":0}', '{"n":1}', '{"n":2}']
    finally:
        await call.hang_up()


async def test_events_of_one_moment_share_packets_and_arrive_whole_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with calling() as call:
        sent: list[bytes] = []
        assert call.peer._pc.sctp is not None
        dtls = call.peer._pc.sctp.transport
        send = dtls._send_data

        async def counted(packet: bytes) -> None:
            sent.append(packet)
            await send(packet)

        monkeypatch.setattr(dtls, "_send_data", counted)
        texts = ["x" * length for length in (0, 100, 300, 301, 500, 5000, 200, 1)]
        for text in texts:
            call.peer.send_event({"text": text})
        await until(lambda: len(call.messages) == len(texts))
        assert call.messages == [f'{{"text":"{text}"}}' for text in texts]
        # 6.5 kB and their headers in packets of 1189 bytes at most; one for each piece of a message would be twelve.
        assert len(sent) in (7, 8)
        assert max(map(len, sent)) <= 1189


async def test_the_answer_is_complete_and_asks_for_opus_only() -> None:
    async with calling() as call:
        lines = call.answer.splitlines()
        assert sum(line.startswith("m=") for line in lines) == 2
        assert [line for line in lines if line.startswith("a=rtpmap")] == ["a=rtpmap:96 opus/48000/2"]
        assert "a=fmtp:96 minptime=10;useinbandfec=1;maxplaybackrate=16000;usedtx=1" in lines
        assert all(line.split()[4] == LOOPBACK for line in lines if line.startswith("a=candidate:"))
        assert "a=end-of-candidates" in lines
        msid = next(line for line in lines if line.startswith("a=msid:"))
        assert len(msid.removeprefix("a=msid:").split()) == 2
        assert "a=max-message-size:65536" in lines


async def test_an_offer_is_answered_without_waiting_for_anything() -> None:
    took = []
    for _ in range(5):
        media_stack.apply()
        call = Caller(track=None)
        offer = await call.offer()
        start = time.monotonic()
        call.peer, _ = await Peer.answer(offer, settings=loopback_settings(), on_closed=call.session.reasons.append)
        took.append(time.monotonic() - start)
        await call.hang_up()
    assert min(took) < 0.05


@pytest.mark.parametrize("direction", ["recvonly", "sendonly", "inactive"])
async def test_every_direction_connects_and_only_a_listener_is_spoken_to(direction: str) -> None:
    async with calling(talk=False, track=None, direction=direction) as call:
        assert (call.peer.speech is not None) == (direction == "recvonly")


async def test_a_caller_without_event_channel_is_heard() -> None:
    async with calling(channel=False) as call:
        await until(lambda: len(call.session.frames) >= 10)
        call.peer.send_event({"type": "session.created"})


async def test_hanging_up_ends_the_call_once() -> None:
    async with calling() as call:
        await call.pc.close()
        await until(lambda: call.session.reasons)
        await call.peer.close()
        assert call.session.reasons == ["client_closed"]


async def test_closing_from_our_side_tells_the_caller_and_reports_nothing() -> None:
    async with calling() as call:
        await asyncio.gather(call.peer.close(), call.peer.close())
        await until(lambda: call.pc.connectionState == "closed")
        assert call.session.reasons == []


async def test_a_caller_who_never_connects_is_given_up() -> None:
    media_stack.apply()
    call = Caller(track=None)
    reasons: list[str] = []
    call.peer, _ = await Peer.answer(
        await call.offer(), settings=loopback_settings(connect_timeout_s=0.3), on_closed=reasons.append
    )
    await until(lambda: reasons)
    await call.hang_up()
    assert reasons == ["connect_timeout"]


async def test_a_killed_tab_is_noticed() -> None:
    async with calling(loopback_settings(no_media_timeout_s=1)) as call:
        await until(lambda: len(call.session.frames) >= 10)
        await call.vanish()
        await until(lambda: call.session.reasons)
        assert call.session.reasons == ["no_media"]


async def test_a_silent_caller_who_consents_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.5)  # 5 s otherwise
    async with calling(loopback_settings(no_media_timeout_s=2), talk=False, track=None, direction="recvonly") as call:
        await asyncio.sleep(3)
        assert call.session.reasons == []


async def test_a_client_that_does_not_read_its_events_is_closed() -> None:
    async with calling(loopback_settings(max_event_backlog_bytes=100_000)) as call:
        for _ in range(10):
            call.peer.send_event({"text": "x" * 30_000})
        await until(lambda: call.session.reasons)
        assert call.session.reasons == ["slow_client"]


async def test_an_event_above_the_limit_is_dropped_and_the_next_arrives() -> None:
    async with calling() as call:
        call.peer.send_event({"text": "x" * 70_000})
        call.peer.send_event({"text": "x" * 65_000})
        await until(lambda: call.messages)
        assert [len(message) for message in call.messages] == [65_011]


async def test_a_failing_session_ends_the_call_not_the_process() -> None:
    async with calling() as call:
        call.session.audio_in = lambda pcm: 1 / 0  # type: ignore[assignment]
        await until(lambda: call.session.reasons)
        assert call.session.reasons == ["internal_error"]


@pytest.mark.parametrize("told", ["on_started", "on_drained"])
async def test_a_session_that_fails_when_its_speech_is_heard_ends_the_call_too(told: str) -> None:
    async with calling() as call:
        speech = call.peer.speech
        assert speech is not None
        setattr(speech, told, lambda: 1 / 0)
        speech.begin("item_1")
        speech.write(_chunk(SPEECH[: 4_800 * 2]))
        speech.end()
        await until(lambda: call.session.reasons)
        assert call.session.reasons == ["internal_error"]


async def test_a_session_that_fails_on_a_judged_frame_does_no_harm_to_those_judged_with_it() -> None:
    batch = DetectionBatch(0.03)
    async with calling(batch=batch) as failing, calling(batch=batch) as other:
        detector = failing.session.detector = SpeechDetector(AudioSettings())
        other.session.detector = SpeechDetector(AudioSettings())

        def fails(pcm: bytes) -> None:
            detector.feed(pcm)
            if detector.confirming:
                raise ZeroDivisionError

        failing.session.audio_in = fails  # type: ignore[method-assign]
        await until(lambda: failing.session.reasons)
        heard = len(other.session.frames)
        await until(lambda: len(other.session.frames) >= heard + 20)
        assert failing.session.reasons == ["internal_error"]
        assert other.session.reasons == []


async def test_frames_that_wait_when_the_call_ends_are_not_heard() -> None:
    async with calling(batch=DetectionBatch(0.2)) as call:
        detector = call.session.detector = SpeechDetector(AudioSettings())
        await until(lambda: detector.undecided)
        await call.peer.close()
        heard = len(call.session.frames)
        await asyncio.sleep(0.3)
        assert len(call.session.frames) == heard


async def test_thirty_calls_leave_nothing_behind() -> None:
    async def cycle() -> None:
        async with calling(talk=False) as call:
            await until(lambda: call.session.connections)

    def held() -> tuple[int, int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count(), len(asyncio.all_tasks())

    # The client encodes in the loop's pool of threads, which grows whenever none of them is back in time.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    await cycle()
    await asyncio.sleep(0.2)
    before = held()
    for _ in range(30):
        await cycle()
    await asyncio.sleep(0.2)
    after = held()
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)


async def test_no_thread_belongs_to_a_peer() -> None:
    async with calling() as call:
        await until(lambda: len(call.session.frames) >= 10)
        decoders = [thread.name for thread in threading.enumerate()].count("audio-decoder")
    # The client's own receiver has one; the server's has none.
    assert decoders == 1


async def test_close_returns_in_time_whatever_hangs_and_frees_everything() -> None:
    tasks = len(asyncio.all_tasks())
    async with calling(loopback_settings(close_timeout_s=1)) as call:
        transceiver = call.peer._pc.getTransceivers()[0]
        transceiver.receiver._RTCRtpReceiver__rtcp_started = asyncio.Event()  # type: ignore[attr-defined]
        transport = call.peer._pc.getTransceivers()[0].receiver.transport.transport._connection._protocols[0].transport
        start = time.monotonic()
        await call.peer.close()
        assert time.monotonic() - start < 2
        await until(lambda: transport.get_extra_info("socket").fileno() == -1)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_a_closed_peer_is_freed_without_a_collector() -> None:
    async def closed() -> list[weakref.ref[Any]]:
        async with calling() as call:
            await until(lambda: len(call.session.frames) >= 10)
            await call.peer.close()
            return _parts(call.peer)

    with no_collector():
        left = await closed()
        await until(lambda: not any(part() for part in left))


async def test_a_peer_that_never_connected_is_freed_without_a_collector() -> None:
    async def closed() -> list[weakref.ref[Any]]:
        peer, _ = await Peer.answer(offer, settings=loopback_settings(), on_closed=lambda _reason: None)
        peer.bind(Recorder())
        await peer.close()
        return _parts(peer)

    offer = await offer_alone()
    with no_collector():
        left = await closed()
        await until(lambda: not any(part() for part in left))


async def test_an_abandoned_peer_that_never_connected_ends_its_search_and_is_freed() -> None:
    async def closed() -> list[weakref.ref[Any]]:
        settings = loopback_settings(close_timeout_s=0.2)
        peer, _ = await Peer.answer(offer, settings=settings, on_closed=lambda _reason: None)
        peer.bind(Recorder())
        peer._pc.close = asyncio.Event().wait  # type: ignore[assignment,method-assign] # hangs
        await peer.close()
        return [weakref.ref(peer)]

    offer = await offer_alone()
    tasks = len(asyncio.all_tasks())
    with no_collector():
        left = await closed()
        await until(lambda: not any(part() for part in left))
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


def _parts(peer: Peer) -> list[weakref.ref[Any]]:
    """What of a peer is large, or holds it."""
    transceiver: Any = peer._pc.getTransceivers()[0]
    sender, receiver = transceiver.sender, transceiver.receiver
    dtls = receiver.transport
    parts = (peer, peer._pc, peer._pc.sctp, sender, receiver, dtls, dtls.transport, dtls.transport._connection)
    return [weakref.ref(part) for part in parts]


async def test_a_port_that_cannot_be_bound_is_our_fault_not_the_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = await offer_alone()
    monkeypatch.setattr("signaling.peer.media_address", lambda server: ("203.0.113.1", "203.0.113.1"))
    with pytest.raises(OSError, match="MEDIA_HOST"):
        await Peer.answer(offer, settings=loopback_settings(), on_closed=lambda reason: None)


async def test_a_refused_offer_leaves_nothing_behind() -> None:
    tasks = len(asyncio.all_tasks())
    call = Caller(track=None)
    offer = await call.offer()
    with pytest.raises(OfferError):
        await Peer.answer(
            offer.replace("a=mid:0", "a=mid:9"), settings=loopback_settings(), on_closed=call.session.reasons.append
        )
    await call.pc.close()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) <= tasks


def _chunk(pcm: bytes) -> Pcm:
    return Pcm(pcm, 48_000)
