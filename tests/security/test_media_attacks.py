"""What a caller, or anybody who can send a datagram, does to the media stack; meanwhile another call goes on.

Everything runs on one event loop, so whatever freezes or stalls it shows in the bystander's frames, and at worst in
the timeout of the test. Rows A to S name the known defects in the order of `hardening/media_stack.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from typing import Any

import pytest
from aioice import stun
from aiortc import RTCSessionDescription
from aiortc import rtcsctptransport as sctp
from aiortc.rtp import RtpPacket
from google_crc32c import value as crc32c

from signaling.peer import Peer
from signaling.sdp import OfferError
from tests.fuzz.mutations import damaged_text
from tests.security.caller import SPEECH, Caller, calling, loopback_settings, offer_alone, until
from voice_agent.engines.ports import Pcm
from voice_agent.hardening import media_stack
from voice_agent.hardening.rejections import media_rejected

pytestmark = pytest.mark.timeout(30)


# --- tools of the attacker ----------------------------------------------------------------------------------------


def refusals(cause: str) -> int:
    counter: Any = media_rejected.labels(cause)
    return int(counter._value.get())


@contextlib.contextmanager
def stranger() -> Iterator[socket.socket]:
    """A socket that has nothing to do with any call."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        yield udp


def chunk(kind: int, body: bytes, flags: int = 0) -> bytes:
    data = struct.pack("!BBH", kind, flags, len(body) + 4) + body
    return data + bytes(-len(data) % 4)


def data_chunk(
    tsn: int, user_data: bytes, *, stream: int = 0, sequence: int = 0, protocol: int = 51, flags: int = 3
) -> bytes:
    return chunk(0, struct.pack("!LHHL", tsn % 2**32, stream, sequence, protocol) + user_data, flags)


async def send_sctp(call: Caller, *chunks: bytes) -> None:
    """One SCTP packet of the caller's association, as an ordinary caller can send it."""
    association: Any = call.pc.sctp
    header = struct.pack("!HHL", 5000, 5000, association._remote_verification_tag)
    body = b"".join(chunks)
    checksum = crc32c(header + bytes(4) + body)
    await association.transport._send_data(header + struct.pack("<L", checksum) + body)


def next_tsn(call: Caller) -> int:
    association: Any = call.peer._pc.sctp
    return int(association._last_received_tsn + 1) % 2**32


async def send_rtp(
    call: Caller, number: int, *, ssrc: int, timestamp: int = 0, payload: bytes = b"\xf8\xff\xfe"
) -> None:
    packet = RtpPacket(payload_type=96, sequence_number=number % 65536, timestamp=timestamp, ssrc=ssrc, payload=payload)
    await call.dtls._send_rtp(packet.serialize())


def server_router(call: Caller) -> Any:
    return call.peer._pc.getTransceivers()[0].receiver.transport._rtp_router


@contextlib.asynccontextmanager
async def bystander() -> AsyncIterator[Caller]:
    """Another call, which must still be there and be heard when the attack is over."""
    async with calling(channel=False) as other:
        await until(lambda: len(other.session.frames) >= 5)
        start, heard = time.monotonic(), len(other.session.frames)
        yield other
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - start)))
        seconds = time.monotonic() - start
        frames = len(other.session.frames) - heard
        assert other.session.reasons == []
        # Silence that was put in for what came too late is no speech. Half may be late: the caller's own sender shares
        # this process, and the machine, with everything else that is being tested.
        assert frames - other.peer._receiver.silence_ms / 20 >= 0.5 * 50 * seconds


async def still_talks(call: Caller) -> None:
    """The attacked call itself goes on."""
    count = len(call.session.frames)
    await until(lambda: len(call.session.frames) >= count + 10)
    assert call.session.reasons == []


# --- the guards themselves ----------------------------------------------------------------------------------------


def test_the_guards_are_for_the_installed_versions() -> None:
    assert {name: version(name) for name in media_stack.REVIEWED} == media_stack.REVIEWED


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(media_stack.REVIEWED, "aioice", "0.12.0")
    with pytest.raises(media_stack.UnreviewedVersionError, match="aioice"):
        media_stack.apply(media_stack.Limits(ssrcs=3))


def test_applying_twice_changes_nothing_but_the_limits() -> None:
    media_stack.apply()
    wrapped = sctp.RTCSctpTransport._receive
    media_stack.apply(media_stack.Limits(message_bytes=1000))
    assert sctp.LOCAL_MAX_MESSAGE_SIZE == 1000
    media_stack.apply()
    assert sctp.RTCSctpTransport._receive is wrapped
    assert sctp.LOCAL_MAX_MESSAGE_SIZE == 65536


# --- SCTP (A, E, F) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 3, 5, 65535])
async def test_a_parameter_of_impossible_length_does_not_freeze_the_process(length: int) -> None:
    async with bystander(), calling() as call:
        await send_sctp(call, chunk(4, struct.pack("!HH", 1, length)))
        await still_talks(call)


async def test_gap_blocks_over_millions_of_chunks_cost_nothing() -> None:
    blocks = struct.pack("!HH", 1, 65535) * 280
    association_start = time.monotonic()
    async with bystander(), calling() as call:
        for _ in range(10):
            tsn = (call.peer._pc.sctp._local_tsn - 1) % 2**32  # type: ignore[union-attr]
            await send_sctp(call, chunk(3, struct.pack("!LLHH", tsn, 100_000, 280, 0) + blocks))
        await send_sctp(call, chunk(3, struct.pack("!LLHH", tsn, 100_000, 1, 0) + struct.pack("!HH", 9, 2)))
        await still_talks(call)
    assert time.monotonic() - association_start < 5


async def test_a_packet_full_of_requests_is_not_answered_one_by_one() -> None:
    async with bystander(), calling() as call:
        before = refusals("sctp_malformed")
        for _ in range(20):
            await send_sctp(call, *[chunk(4, b"")] * 250)
        await until(lambda: refusals("sctp_malformed") == before + 20)
        await still_talks(call)


@pytest.mark.parametrize(
    "body",
    [
        chunk(0, b"\x01"),
        chunk(3, b"\x01\x02"),
        chunk(3, struct.pack("!LLHH", 1, 1, 9, 9)),
        chunk(192, b"\x01\x02\x03\x04\x05"),
        chunk(1, b"\x00"),
        chunk(130, struct.pack("!HHL", 13, 8, 1)),
        chunk(130, struct.pack("!HHLL", 16, 12, 1, 0)),
        chunk(1, bytes(16)) * 2,
        chunk(10, bytes(3)),
        chunk(2, bytes(16)),
    ],
)
async def test_a_malformed_chunk_is_dropped_and_the_call_goes_on(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with bystander(), calling() as call:
        await send_sctp(call, body)
        await still_talks(call)
    assert "Traceback" not in caplog.text


async def test_a_message_that_never_ends_ends_its_call() -> None:
    async with bystander(), calling() as call:
        tsn = next_tsn(call)
        for number in range(400):
            if call.session.reasons:
                break
            await send_sctp(call, data_chunk(tsn + number, bytes(1000), flags=2 if number == 0 else 0))
            await asyncio.sleep(0)
        await until(lambda: call.session.reasons)
        assert call.session.reasons == ["client_closed"]


async def test_a_message_above_the_limit_ends_its_call() -> None:
    async with bystander(), calling() as call:
        assert call.channel is not None
        call.pc.sctp._remote_max_message_size = 0  # type: ignore[union-attr]
        call.channel.send("x" * 300_000)
        await until(lambda: call.session.reasons)
        assert call.session.events == []


async def test_a_message_at_the_limit_arrives() -> None:
    async with calling() as call:
        assert call.channel is not None
        call.channel.send("x" * 65_536)
        await until(lambda: call.session.events)
        assert len(call.session.events[0]) == 65_536


async def test_chunks_that_wait_for_a_missing_one_are_bounded() -> None:
    async with bystander(), calling() as call:
        association: Any = call.peer._pc.sctp
        tsn = next_tsn(call)
        for start in range(1, 6000, 30):
            await send_sctp(call, *[data_chunk(tsn + 2 * (start + n), b"x") for n in range(30)])
            await asyncio.sleep(0)
        await until(lambda: refusals("early_chunks"))
        await still_talks(call)
        assert len(association._sack_misordered) <= 256
        assert sum(len(stream.reassembly) for stream in association._inbound_streams.values()) <= 512


async def test_fragments_of_one_byte_are_bounded() -> None:
    async with bystander(), calling() as call:
        tsn = next_tsn(call)
        for start in range(0, 3000, 30):
            if call.session.reasons:
                break
            fragments = [data_chunk(tsn + start + n, b"x", flags=2 if start + n == 0 else 0) for n in range(30)]
            await send_sctp(call, *fragments)
            await asyncio.sleep(0)
        await until(lambda: call.session.reasons)


async def test_streams_are_bounded() -> None:
    async with bystander(), calling() as call:
        association: Any = call.peer._pc.sctp
        tsn = next_tsn(call)
        for start in range(0, 6000, 250):
            pairs = b"".join(struct.pack("!HH", start + n, 1) for n in range(250))
            with contextlib.suppress(ConnectionError):
                await send_sctp(call, chunk(192, struct.pack("!L", (tsn + start) % 2**32) + pairs))
            await asyncio.sleep(0)
        await until(lambda: call.session.reasons)
        assert len(association._inbound_streams) <= 8


async def test_only_one_channel_opens() -> None:
    async with bystander(), calling() as call:
        extra = [call.pc.createDataChannel("oai-events") for _ in range(5)]
        await still_talks(call)
        assert len(call.peer._pc.sctp._data_channels) == 1  # type: ignore[union-attr]
        assert {channel.readyState for channel in extra} == {"connecting"}


async def test_text_that_is_no_text_is_dropped() -> None:
    async with bystander(), calling() as call:
        assert call.channel is not None
        await send_sctp(call, data_chunk(next_tsn(call), b"\xff\xfe\xfd", stream=call.channel.id or 0, sequence=0))
        await still_talks(call)
        assert call.session.events == []


async def test_a_timer_that_finds_the_transport_gone_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with calling() as call:
        association: Any = call.peer._pc.sctp
        await call.peer.close()
        association._t1_chunk = sctp.InitChunk()
        association._t1_expired()
        await asyncio.sleep(0.05)
        association._t1_cancel()
        gc.collect()
        assert "never retrieved" not in caplog.text


# --- datagrams (B, C, I) ------------------------------------------------------------------------------------------


async def test_empty_datagrams_from_anyone_change_nothing() -> None:
    async with bystander(), calling() as call:
        with stranger() as udp:
            for _ in range(50):
                udp.sendto(b"", call.server_address)
        call.socket.sendto(b"", call.server_address)
        await still_talks(call)


async def test_media_from_another_address_is_not_heard() -> None:
    async with calling(talk=False, track=None, direction="sendonly") as call:
        await send_rtp(call, 1, ssrc=7)
        receiver = call.peer._receiver
        await until(lambda: receiver.received == 1)
        before = refusals("foreign_source")
        with stranger() as udp:
            for number in range(2, 20):
                packet = RtpPacket(payload_type=96, sequence_number=number, ssrc=7, payload=b"\xf8\xff\xfe")
                udp.sendto(call.dtls._tx_srtp.protect(packet.serialize()), call.server_address)
        await until(lambda: refusals("foreign_source") >= before + 18)
        assert receiver.received == 1
        await send_rtp(call, 20, ssrc=7)
        await until(lambda: receiver.received == 2)


async def test_dtls_from_a_stranger_before_the_caller_does_not_stop_the_caller() -> None:
    media_stack.apply()
    call = Caller(track=None)
    call.peer, call.answer = await Peer.answer(
        await call.offer(), settings=loopback_settings(), on_closed=call.session.reasons.append
    )
    call.peer.bind(call.session)
    with stranger() as udp:
        alert = bytes([21, 254, 253]) + bytes(8) + b"\x00\x02\x02\x28"
        for payload in (alert, bytes([22, 254, 253]) + bytes(10), b"\x80" + bytes(40), b"", b"\x17"):
            for _ in range(20):
                udp.sendto(payload, call.server_address)
        await call.pc.setRemoteDescription(RTCSessionDescription(call.answer, "answer"))
        await until(lambda: call.session.connections)
    assert call.session.reasons == []
    await call.hang_up()


async def test_malformed_stun_floods_neither_log_nor_loop(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    async with bystander(), calling() as call:
        before = refusals("stun_malformed")
        with stranger() as udp, caplog.at_level(logging.INFO):
            for number in range(1000):
                kind = chance.choice([0x0024, 0x8029, 0x0006, 0x0008, 0x8028, 0x0009, 0x000D])
                value = chance.randbytes(chance.randrange(4))
                body = struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
                udp.sendto(
                    struct.pack("!HHI", 1, len(body), 0x2112A442) + chance.randbytes(12) + body, call.server_address
                )
                if number % 50 == 0:
                    await asyncio.sleep(0.005)
            await until(lambda: refusals("stun_malformed") > before + 300)
        await still_talks(call)
    assert len(caplog.records) < 40
    assert "Traceback" not in caplog.text


async def test_unauthenticated_checks_are_not_answered() -> None:
    async with calling() as call:
        with stranger() as udp:
            request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
            request.attributes["USERNAME"] = "guess:guess"
            request.attributes["PRIORITY"] = 1
            request.add_message_integrity(b"wrong")
            for _ in range(10):
                udp.sendto(bytes(request), call.server_address)
            await still_talks(call)
            with pytest.raises(BlockingIOError):
                udp.recv(1500)


async def test_coalesced_records_do_not_pile_up() -> None:
    async with calling() as call:
        before = refusals("dtls_coalesced")
        record = bytes([23, 254, 253]) + bytes(8) + b"\x00\x04" + bytes(4)
        for _ in range(100):
            call.socket.sendto(record * 20, call.server_address)
        await until(lambda: refusals("dtls_coalesced") >= before + 100)
        await still_talks(call)


async def test_garbage_from_the_callers_own_address_does_not_end_the_call() -> None:
    chance = random.Random(11)
    async with bystander(), calling() as call:
        for number in range(1000):
            data = bytes([chance.choice([0, 1, 20, 22, 23, 25, 64, 128, 144, 191, 255])]) + chance.randbytes(
                chance.randrange(60)
            )
            call.socket.sendto(data, call.server_address)
            if number % 50 == 0:
                await asyncio.sleep(0.005)
        await still_talks(call)


# --- RTP and RTCP (D) ---------------------------------------------------------------------------------------------


async def test_many_sources_are_refused_and_the_call_can_be_closed() -> None:
    async with bystander(), calling(talk=False, track=None, direction="sendonly") as call:
        for ssrc in range(1, 300):
            await send_rtp(call, ssrc, ssrc=ssrc)
        await until(lambda: refusals("ssrcs") > 100)
        assert len(server_router(call).ssrc_table) <= 4
        # Past the next receiver report, which is where too many sources do their harm.
        await asyncio.sleep(1.6)
        start = time.monotonic()
        await call.peer.close()
        assert time.monotonic() - start < 2


async def test_impossible_jitter_stops_neither_reports_nor_closing() -> None:
    async with calling(talk=False, track=None, direction="sendonly") as call:
        failed = refusals("receiver_report")
        # The step back takes time and the step ahead none, so the mean step is more than 32 bits can say.
        for number in range(700):
            if number % 2 == 0:
                await asyncio.sleep(0.004)
            await send_rtp(call, number, ssrc=7, timestamp=(number % 2) * 0xFFFFFFFF)
        await asyncio.sleep(1.6)
        assert refusals("receiver_report") == failed
        start = time.monotonic()
        await call.peer.close()
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("side", ["receiver", "sender"])
async def test_a_report_that_fails_does_not_stop_the_call_from_closing(side: str) -> None:
    async with calling() as call:
        await until(lambda: len(call.session.frames) >= 5)
        transceiver = call.peer._pc.getTransceivers()[0]
        if side == "receiver":
            transceiver.receiver._set_rtcp_ssrc(2**40)
        else:
            transceiver.sender._ssrc = 2**40
            assert call.peer.speech is not None
            call.peer.speech.begin("item_1")
            call.peer.speech.write(Pcm(bytes(24_000 * 2 * 3), 24_000))  # who is silent sends no reports
        await until(lambda: refusals(f"{side}_report"))
        start = time.monotonic()
        await call.peer.close()
        assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack("!BBHLL", 0x80 | 15, 206, 4, 7, 0) + b"REMB" + b"\xff\x00\x00\x01",
        struct.pack("!BBHL", 0x81, 201, 1, 7),
        struct.pack("!BBHL", 0x81, 200, 1, 7),
        struct.pack("!BBHL", 0x9F, 203, 1, 7),
        struct.pack("!BBHL", 0x81, 202, 2, 7) + b"\x01\xff\x00\x00",
    ],
)
async def test_a_malformed_report_is_dropped(packet: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with bystander(), calling() as call:
        await call.dtls._send_rtp(packet)
        await still_talks(call)
    assert "Traceback" not in caplog.text


async def test_malformed_header_extensions_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(3)
    async with bystander(), calling() as call:
        for number in range(300):
            value = chance.randbytes(8)
            await call.dtls._send_rtp(struct.pack("!BBHLLHH", 0x90, 96, number, 0, 5, 0xBEDE, 2) + value)
        await still_talks(call)
    assert "Traceback" not in caplog.text


async def test_a_request_for_thousands_of_retransmissions_is_refused() -> None:
    async with bystander(), calling() as call:
        speech = call.peer.speech
        assert speech is not None
        speech.begin("item")
        speech.write(Pcm(SPEECH[: 48_000 * 2], 48_000))
        await until(lambda: call.heard >= 10)
        sender: Any = call.peer._pc.getSenders()[0]
        before, heard = refusals("nack"), call.heard
        everything = b"".join(struct.pack("!HH", first, 0xFFFF) for first in range(0, 0x10000, 17))[: 300 * 4]
        nack = struct.pack("!BBHLL", 0x81, 205, 2 + 300, 7, sender._ssrc) + everything
        for _ in range(20):
            await call.dtls._send_rtp(nack)
        await until(lambda: refusals("nack") >= before + 20)
        assert call.heard - heard < 100
        await still_talks(call)


async def test_audio_that_cannot_be_decoded_ends_the_call() -> None:
    settings = loopback_settings(undecodable_timeout_s=0.5)
    async with bystander(), calling(settings, talk=False, track=None, direction="sendonly") as call:
        for number in range(300):
            if call.session.reasons:
                break
            await send_rtp(call, number, ssrc=7, timestamp=number * 960, payload=b"\xff\x00")
            await asyncio.sleep(0.01)
        assert call.session.reasons == ["undecodable"]


async def test_one_bad_packet_before_a_pause_does_not_end_the_call() -> None:
    settings = loopback_settings(undecodable_timeout_s=0.3)
    async with calling(settings, talk=False, track=None, direction="sendonly") as call:
        await send_rtp(call, 1, ssrc=7, payload=b"\xff\x00")
        await asyncio.sleep(0.6)
        assert call.session.reasons == []


# --- executor, queues (K, M) --------------------------------------------------------------------------------------


async def test_speech_leaves_while_the_default_executor_is_blocked() -> None:
    async with calling(channel=False) as call:
        loop = asyncio.get_running_loop()
        free = threading.Event()
        jobs = [loop.run_in_executor(None, free.wait, 30) for _ in range(40)]
        speech = call.peer.speech
        assert speech is not None
        left = asyncio.Event()
        speech.on_drained = left.set
        speech.begin("item")
        speech.write(Pcm(SPEECH[:48_000], 48_000))
        speech.end()
        try:
            await asyncio.wait_for(left.wait(), 20)
            assert not any(job.done() for job in jobs)
        finally:
            free.set()
            await asyncio.gather(*jobs)


async def test_nothing_queues_up_behind_a_track_that_nobody_reads() -> None:
    async with calling(channel=False) as call:
        await until(lambda: len(call.session.frames) >= 30)
        receiver: Any = call.peer._pc.getReceivers()[0]
        assert receiver._track._queue.qsize() == 0
        assert receiver._RTCRtpReceiver__decoder_queue.qsize() == 0


async def test_a_queue_of_datagrams_is_bounded() -> None:
    async with calling() as call:
        connection: Any = call.peer._pc.getReceivers()[0].transport.transport._connection
        for _ in range(2000):
            connection._protocols[0].datagram_received(b"\x80" + bytes(20), connection._nominated[1].remote_addr)
        assert connection._queue.qsize() <= 512
        await still_talks(call)


# --- ICE (N), logs (S) --------------------------------------------------------------------------------------------


async def test_addresses_in_an_offer_are_never_contacted() -> None:
    with stranger() as victim, stranger() as other:
        async with bystander():
            call = Caller(track=None)
            offer = await call.offer()
            lines = [
                f"a=candidate:{n} 1 udp 2130706431 {host} {port} typ host\r\n"
                for n, (host, port) in enumerate([victim.getsockname(), other.getsockname(), ("4f3a.local", 9)])
            ]
            offer = offer.replace("a=end-of-candidates\r\n", "".join(lines) + "a=end-of-candidates\r\n")
            call.peer, _ = await Peer.answer(offer, settings=loopback_settings(), on_closed=call.session.reasons.append)
            await asyncio.sleep(1)
            await call.hang_up()
        for listener in (victim, other):
            with pytest.raises(BlockingIOError):
                listener.recv(1500)


def binding_request(call: Caller, *, priority: bool = True) -> bytes:
    ours = dict(line[2:].split(":", 1) for line in call.answer.splitlines() if line.startswith("a=ice-"))
    theirs = call.dtls.transport._connection.local_username
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ours['ice-ufrag']}:{theirs}"
    if priority:
        request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.add_message_integrity(ours["ice-pwd"].encode())
    return bytes(request)


async def test_a_caller_at_a_hundred_addresses_has_few_of_them_probed() -> None:
    async with bystander(), calling() as call:
        connection: Any = call.peer._pc.getReceivers()[0].transport.transport._connection
        with contextlib.ExitStack() as sockets:
            for _ in range(100):
                sockets.enter_context(stranger()).sendto(binding_request(call), call.server_address)
            await until(lambda: refusals("candidate_pairs") >= 80)
            assert len(connection._check_list) <= 16
            assert len(connection._remote_candidates) <= 16
            await still_talks(call)


async def test_a_check_without_priority_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with calling() as call, bystander():
        with stranger() as udp:
            for _ in range(20):
                udp.sendto(binding_request(call, priority=False), call.server_address)
            await still_talks(call)
    assert "Traceback" not in caplog.text
    assert len(caplog.records) < 20


async def test_a_caller_whose_address_changes_is_heard_again() -> None:
    async with calling() as call:
        await until(lambda: len(call.session.frames) >= 10)
        connection: Any = call.dtls.transport._connection
        with stranger() as new:
            new.sendto(binding_request(call), call.server_address)
            server: Any = call.peer._pc.getReceivers()[0].transport.transport._connection
            await until(lambda: any(p.remote_addr == new.getsockname() for p in server._check_list))
            for _ in range(20):
                with contextlib.suppress(BlockingIOError):
                    answer_checks(new, connection, call)
                await asyncio.sleep(0.05)
            assert any(p.remote_addr == new.getsockname() and p.state.name == "SUCCEEDED" for p in server._check_list)
            packet = RtpPacket(payload_type=96, sequence_number=9, ssrc=99, payload=b"\xf8\xff\xfe")
            before = refusals("foreign_source")
            new.sendto(call.dtls._tx_srtp.protect(packet.serialize()), call.server_address)
            await asyncio.sleep(0.1)
            assert refusals("foreign_source") == before


def answer_checks(udp: socket.socket, connection: Any, call: Caller) -> None:
    request = stun.parse_message(udp.recv(1500))
    if request.message_class != stun.Class.REQUEST:
        return
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.transaction_id,
    )
    response.attributes["XOR-MAPPED-ADDRESS"] = call.server_address
    response.add_message_integrity(connection.local_password.encode())
    udp.sendto(bytes(response), call.server_address)


async def test_no_log_line_holds_an_address_or_sdp(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("aioice").setLevel(logging.NOTSET)
    media_stack.apply(media_stack.Limits(ssrcs=5))
    media_stack.apply()
    with caplog.at_level(logging.DEBUG):
        async with calling() as call:
            await until(lambda: len(call.session.frames) >= 5)
    written = "\n".join(record.getMessage() for record in caplog.records)
    assert "127.0.0.1" not in written
    assert "a=ice-pwd" not in written
    assert "m=audio" not in written


# --- the parser (G, H, L) -----------------------------------------------------------------------------------------


async def test_offers_that_stall_the_parser_are_refused_at_once() -> None:
    offer = await offer_alone()
    audio = offer[offer.index("m=audio") : offer.index("m=application")]
    async with bystander():
        for bomb in (
            offer + "a=ssrc:1 cname:x\r\n" * 7500,
            offer + "".join(f"a=ssrc:{n} cname:x\r\n" for n in range(7500)),
            offer + audio * 100,
            "m=audio 9 A 1\r\n" * 1000,
        ):
            start = time.process_time()
            with pytest.raises(OfferError):
                await Peer.answer(bomb, settings=loopback_settings(), on_closed=lambda reason: None)
            assert time.process_time() - start < 0.5


async def test_an_offer_without_fingerprint_is_refused() -> None:
    offer = "".join(line for line in (await offer_alone()).splitlines(True) if not line.startswith("a=fingerprint"))
    with pytest.raises(OfferError) as refusal:
        await Peer.answer(offer, settings=loopback_settings(), on_closed=lambda reason: None)
    assert refusal.value.code == "offer_fingerprint"


async def test_damaged_offers_are_answered_or_refused_and_nothing_else() -> None:
    offer = await offer_alone()
    chance = random.Random(20260101)
    outcomes = {"answered": 0, "refused": 0}
    longest = 0.0
    async with bystander():
        for _ in range(400):
            start = time.process_time()
            try:
                peer, _ = await Peer.answer(
                    damaged_text(offer, chance), settings=loopback_settings(), on_closed=lambda reason: None
                )
            except OfferError:
                outcomes["refused"] += 1
            else:
                outcomes["answered"] += 1
                await peer.close()
            longest = max(longest, time.process_time() - start)
            await asyncio.sleep(0)
    assert outcomes["refused"] >= 100
    assert outcomes["answered"] >= 1
    assert longest < 0.5


async def test_random_bytes_are_refused() -> None:
    chance = random.Random(5)
    for _ in range(300):
        text = chance.randbytes(chance.randrange(400)).decode("latin-1")
        with pytest.raises(OfferError):
            await Peer.answer("v=0" + text, settings=loopback_settings(), on_closed=lambda reason: None)
