"""Every change to the internals of aiortc 1.16.0 and aioice 0.13.0, and nothing else.

Both libraries trust what arrives: one caller, or in places anyone who can send a datagram, can freeze the process,
grow its memory, end a call or flood the log. Nothing of this is fixed in a later release (these are the newest). Each
guard below says what happens without it, and when it can go; common to all: it goes when a release bounds the same
input itself. `apply()` refuses any other version, because a guard that no longer meets its target guards nothing:
review the new source against this file, run `tests/security`, then change `REVIEWED`.

The SDP parser is guarded before it is called, in `signaling/sdp.py`; the decoder thread, jitter buffer and encoder are
not repaired but not used (`receive_packets`; the sender is given packets that are already encoded).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol

import aiortc
import pylibsrtp
from aioice import ice, stun
from aiortc import (
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    clock,
    rtcdtlstransport,
    rtcrtpreceiver,
    rtcrtpsender,
    rtcsctptransport,
)
from aiortc.rtp import RtcpRtpfbPacket, RtcpSrPacket, RtpPacket, is_rtcp
from aiortc.utils import random16, random32
from OpenSSL import SSL

from voice_agent.hardening.rejections import rejected

REVIEWED = {"aiortc": "1.16.0", "aioice": "0.13.0"}


class UnreviewedVersionError(RuntimeError):
    """A media library is installed in a version that these guards were not written for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a peer may make us hold or do; far above what a browser in a call does."""

    message_bytes: int = 64 * 1024
    """One data-channel message."""
    channels: int = 1
    """Data channels per peer."""
    streams: int = 8
    """SCTP streams per peer."""
    packet_chunks: int = 64
    """Chunks in one SCTP packet."""
    control_chunks: int = 8
    """Of these, chunks other than DATA."""
    gap_span: int = 4096
    """TSNs covered by the gap blocks of one SACK."""
    early_chunks: int = 256
    """DATA chunks held while an earlier one is missing; more are dropped and come again."""
    fragments: int = 512
    """DATA chunks held for one stream, in order or not."""
    ssrcs: int = 4
    """Sources of audio per peer."""
    pairs: int = 16
    """Addresses per peer that we check for connectivity."""
    datagrams: int = 512
    """Datagrams waiting to be read per peer."""


_RTP_HEADER = struct.Struct("!BBHLL")
_RTP_EXTENSION_LENGTH = struct.Struct("!H")
_RTP_COMPONENT = 1
_PACKETS_PER_REPORT = 25
"""The pair of clocks in a sender report is at most so many packets old: half a second of speech, as often as reports
are sent. Behind a pause it may be from before it and is as true, as timestamps go on with the clock."""

_REPLACED = ("_handle_rtp_packet", "receive", "_send_rtcp", "_run_rtp", "_handle_rtcp_packet")
"""Methods that are replaced in single senders and receivers, by functions that know their object."""

_limits = Limits()
_originals: dict[tuple[object, str], Any] = {}
_addresses: ContextVar[tuple[str, str] | None] = ContextVar("media_addresses", default=None)


class _AbuseError(Exception):
    """The SCTP association must end; the argument is the cause."""


def apply(limits: Limits | None = None) -> None:
    """Installs every guard, before the first peer. Idempotent; a second call only changes the limits.

    Raises UnreviewedVersionError when another version of aiortc or aioice is installed.
    """
    global _limits  # noqa: PLW0603 - the guards are process-wide, as the classes that they are put on
    wanted = limits or Limits()
    if _originals and wanted == _limits:
        return
    for name, reviewed in REVIEWED.items():
        if version(name) != reviewed:
            raise UnreviewedVersionError(
                f"{name} {version(name)} is installed, but the guards were reviewed against {reviewed} only"
            )
    _limits = wanted
    _put(rtcsctptransport, "LOCAL_MAX_MESSAGE_SIZE", _limits.message_bytes)
    for target, name, guard in _GUARDS:
        _put(target, name, guard)
    # S. aioice logs the addresses of callers at INFO, aiortc whole SDPs and packets at DEBUG.
    for library in ("aioice", "aiortc"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _put(target: object, name: str, value: object) -> None:
    _originals.setdefault((target, name), getattr(target, name))
    setattr(target, name, value)


def _original(target: object, name: str) -> Any:
    return _originals[target, name]


# --- aioice: datagrams from anyone ------------------------------------------------------------------------------


def _datagram_received(self: ice.StunProtocol, data: bytes, addr: tuple[Any, ...]) -> None:
    """B, C, I. The first thing that a datagram meets; replaces `StunProtocol.datagram_received`.

    Without it: an empty datagram from any socket raises IndexError in DTLS and ends the call; SRTP and DTLS are taken
    from any source (a ClientHello race, replay, garbage); a STUN attribute of wrong length raises struct.error, one
    log entry with traceback per packet; the queue to DTLS grows without bound. Two DTLS application records in one
    datagram are read one per datagram, so the rest piles up in OpenSSL's buffer for ever.
    Only a validated pair's address may send anything but STUN (RFC 8445 12.1).
    """
    connection = self.receiver
    source = (addr[0], addr[1])
    if len(data) >= 20 and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42":
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):
            rejected("stun_malformed")
            return
        if message.message_class == stun.Class.REQUEST:
            connection.request_received(message, source, self)
        elif message.message_class != stun.Class.INDICATION:
            transaction = self.transactions.get(message.transaction_id)
            if transaction is None:
                rejected("stun_unasked")
                return
            transaction.response_received(message, source)
            if message.check_message_integrity(str(connection.remote_password).encode()):
                _note_consent(connection)
    elif not data or not _is_valid_source(self, source):
        rejected("foreign_source")
    elif data[0] == 23 and (len(data) < 13 or len(data) != 13 + int.from_bytes(data[11:13], "big")):
        rejected("dtls_coalesced")
    elif (take := getattr(connection, "take_rtp", None)) is not None and 127 < data[0] < 192 and not is_rtcp(data):
        take(data)
    elif connection._queue.qsize() >= _limits.datagrams:
        rejected("datagram_backlog")
    else:
        connection.data_received(data, self.local_candidate.component)


def _is_valid_source(protocol: ice.StunProtocol, source: tuple[str, int]) -> bool:
    connection = protocol.receiver
    nominated = connection._nominated.get(protocol.local_candidate.component)
    if nominated is not None and nominated.protocol is protocol and nominated.remote_addr == source:
        return True
    return any(
        pair.state is ice.CandidatePair.State.SUCCEEDED and pair.protocol is protocol and pair.remote_addr == source
        for pair in connection._check_list
    )


def _request_received(
    self: ice.Connection, message: stun.Message, addr: tuple[str, int], protocol: ice.StunProtocol
) -> None:
    """I. Only an authenticated, complete binding request goes on; wraps `Connection.request_received`.

    Without it: anyone gets an error answer twice the size of the question (a reflector), and a request without
    PRIORITY raises KeyError, one log entry with traceback per packet. It also notes when the peer last consented
    (RFC 7675), which aioice does not tell.
    """
    complete = message.message_method == stun.Method.BINDING and {"USERNAME", "PRIORITY"} <= message.attributes.keys()
    if not (
        complete
        and self._valid_username(message.attributes["USERNAME"])
        and message.check_message_integrity(self.local_password.encode())
    ):
        rejected("stun_unauthenticated")
        return
    _note_consent(self)
    _original(ice.Connection, "request_received")(self, message, addr, protocol)


def _check_incoming(
    self: ice.Connection, message: stun.Message, addr: tuple[str, int], protocol: ice.StunProtocol
) -> None:
    """N. Bounds the addresses that a caller makes us probe; wraps `Connection.check_incoming`.

    Without it: each new source address of an authenticated request adds a candidate, a pair and a task that sends up
    to seven checks there, for ever growing and aimed wherever the caller can spoof. Finished pairs make room, so a
    caller who moves between networks all day is not locked out. (Candidates in the SDP are dropped before parsing.)
    """
    if len(self._check_list) >= _limits.pairs and all(pair.remote_addr != addr for pair in self._check_list):
        finished = (ice.CandidatePair.State.SUCCEEDED, ice.CandidatePair.State.FAILED)
        used = list(self._nominated.values())
        stale = next((pair for pair in self._check_list if pair.state in finished and pair not in used), None)
        if stale is None:
            rejected("candidate_pairs")
            return
        self._check_list.remove(stale)
        self._remote_candidates = [c for c in self._remote_candidates if c is not stale.remote_candidate]
    _original(ice.Connection, "check_incoming")(self, message, addr, protocol)


async def _get_component_candidates(
    self: ice.Connection, component: int, addresses: list[str], timeout: int = 5
) -> list[Any]:
    """O. Inside `media_address`, one chosen address instead of every interface; wraps the method of `Connection`.

    Without it: a socket on each interface (dead ones cost 5 s with a STUN server), the loopback never, and inner
    addresses in the answer. The address offered may differ from the one bound (a host behind a 1:1 NAT).
    """
    chosen = _addresses.get()
    bound = addresses if chosen is None else [chosen[0]]
    candidates: list[Any] = await _original(ice.Connection, "get_component_candidates")(
        self, component=component, addresses=bound, timeout=timeout
    )
    if chosen is not None:
        for candidate in candidates:
            candidate.host = chosen[1]
    return candidates


@contextmanager
def media_address(bind: str, offer: str) -> Iterator[None]:
    """Peers negotiated inside bind their sockets to `bind` and offer `offer`, both IP addresses."""
    token = _addresses.set((bind, offer))
    try:
        yield
    finally:
        _addresses.reset(token)


def _note_consent(connection: Any) -> None:
    connection.consent_at = asyncio.get_running_loop().time()


def last_consent(pc: RTCPeerConnection) -> float:
    """When the peer last proved that it is there and consents (an authenticated STUN message), on the loop's clock.

    0.0 before the first.
    """
    times = [getattr(transport._connection, "consent_at", 0.0) for transport in _ice_transports(pc)]
    return max(times, default=0.0)


# --- aiortc: DTLS, RTP, RTCP ------------------------------------------------------------------------------------


def _survives_malformed(name: str, cause: str) -> Callable[..., Awaitable[None]]:
    """A guard for a handler of one decrypted packet of the caller's, whose parser may raise anything.

    Without it: a REMB with a wrong count, a header extension of wrong length and the like raise struct.error,
    UnicodeDecodeError, … out of the receive task: the call ends with a traceback in the log.
    """

    async def guard(self: rtcdtlstransport.RTCDtlsTransport, *args: Any, **kwargs: Any) -> None:
        try:
            await _original(rtcdtlstransport.RTCDtlsTransport, name)(self, *args, **kwargs)
        except ConnectionError:
            raise
        except Exception:
            # Whatever a parser makes of remote input: this packet is dropped and counted, the call goes on.
            rejected(cause)

    return guard


def _route_rtp(self: rtcdtlstransport.RtpRouter, packet: RtpPacket) -> Any:
    """D. At most `ssrcs` sources; wraps `RtpRouter.route_rtp`.

    Without it: the table grows with every SSRC, and at 32 the receiver report no longer fits its five-bit count, its
    task dies, and `RTCPeerConnection.close()` waits for that task for ever (seen with 200).
    """
    if packet.ssrc not in self.ssrc_table and len(self.ssrc_table) >= _limits.ssrcs:
        rejected("ssrcs")
        return None
    return _original(rtcdtlstransport.RtpRouter, "route_rtp")(self, packet)


def _jitter(self: rtcrtpreceiver.StreamStatistics) -> int:
    """D. The jitter of a receiver report fits its 32 bits; replaces `StreamStatistics.jitter`.

    Without it: two alternating timestamps push it past 2**32, packing the report raises struct.error, and as above
    the peer can never be closed.
    """
    return min(self._jitter_q4 >> 4, 0xFFFFFFFF)


def _always_exits(cls: type[Any], cause: str) -> Callable[[Any], Awaitable[None]]:
    """D. However the RTCP task ends, it says so; wraps `_run_rtcp` of the receiver and of the sender.

    Without it: any exception in it (see above) makes `stop()`, and so `close()`, wait for ever.
    """

    async def guard(self: Any) -> None:
        try:
            await _original(cls, "_run_rtcp")(self)
        except Exception:
            # Reports are a courtesy: the call goes on without them.
            rejected(cause)
        finally:
            getattr(self, f"_{cls.__name__}__rtcp_exited").set()

    return guard


async def _handle_sender_rtcp(self: rtcrtpsender.RTCRtpSender, packet: Any) -> None:
    """Refuses NACK, which audio never negotiates; wraps `RTCRtpSender._handle_rtcp_packet`.

    Without it: one packet of 1.2 kB asks for up to 5,000 retransmissions, which are all sent in one go.
    """
    if isinstance(packet, RtcpRtpfbPacket):
        rejected("nack")
        return
    await _original(rtcrtpsender.RTCRtpSender, "_handle_rtcp_packet")(self, packet)


# --- aiortc: SCTP and data channels -----------------------------------------------------------------------------


def _decode_params(body: bytes) -> list[tuple[int, bytes]]:
    """A. SCTP parameters, each of at least its header's length; replaces `rtcsctptransport.decode_params`.

    Without it: a parameter of length 0 never advances, so one HEARTBEAT of 20 bytes freezes the process for ever
    while its memory grows.
    """
    parameters = []
    position = 0
    while position <= len(body) - 4:
        kind, length = struct.unpack_from("!HH", body, position)
        if length < 4 or position + length > len(body):
            raise ValueError("SCTP parameter has an invalid length")
        parameters.append((kind, body[position + 4 : position + length]))
        position += length + rtcsctptransport.padl(length)
    return parameters


def _parse_packet(data: bytes) -> tuple[int, int, int, list[rtcsctptransport.Chunk]]:
    """A, E. What a packet may hold; wraps `rtcsctptransport.parse_packet`, whose caller drops it on ValueError.

    Without it: the gap blocks of one SACK of 1 kB name 18 million TSNs (1 s of a stalled loop), inverted ones raise;
    one packet of 370 SHUTDOWN or HEARTBEAT chunks is answered by as many packets; short chunks raise struct.error.
    """
    try:
        parsed: tuple[int, int, int, list[rtcsctptransport.Chunk]] = _original(rtcsctptransport, "parse_packet")(data)
        chunks = parsed[3]
        if len(chunks) > _limits.packet_chunks:
            raise ValueError("too many chunks")
        if sum(not isinstance(chunk, rtcsctptransport.DataChunk) for chunk in chunks) > _limits.control_chunks:
            raise ValueError("too many control chunks")
        if len(chunks) > 1 and any(isinstance(chunk, rtcsctptransport.InitChunk) for chunk in chunks):
            raise ValueError("INIT is not alone")
        for chunk in chunks:
            if isinstance(chunk, rtcsctptransport.SackChunk):
                _check_gaps(chunk.gaps)
    except (ValueError, struct.error) as error:
        rejected("sctp_malformed")
        raise ValueError("malformed SCTP packet") from error
    return parsed


def _check_gaps(gaps: list[tuple[int, int]]) -> None:
    if any(end < start for start, end in gaps) or sum(end - start + 1 for start, end in gaps) > _limits.gap_span:
        raise ValueError("SACK gap blocks are out of bounds")


async def _handle_data(self: rtcsctptransport.RTCSctpTransport, data: bytes) -> None:
    """F. A malformed packet is dropped, an abusive peer's association ends; wraps `RTCSctpTransport._handle_data`.

    Without it: DATA before INIT, responses to requests never made, duplicate TSNs and the like raise TypeError,
    KeyError, AssertionError out of the receive task: the call ends with a traceback in the log.
    """
    try:
        await _original(rtcsctptransport.RTCSctpTransport, "_handle_data")(self, data)
    except _AbuseError as abuse:
        rejected(str(abuse))
        await self.stop()
    except ConnectionError:
        raise
    except Exception:
        # Whatever the state machine makes of remote input: this packet is dropped and counted, the call goes on.
        rejected("sctp_malformed")


async def _receive_data_chunk(self: rtcsctptransport.RTCSctpTransport, chunk: rtcsctptransport.DataChunk) -> None:
    """F. Bounds what waits for reassembly; wraps `RTCSctpTransport._receive_data_chunk`.

    Without it: the advertised window binds nobody. Chunks with gaps are kept and sorted without end (quadratic), and a
    message that never ends grows until memory does; its SACK outgrows a datagram. A dropped early chunk is sent again.
    """
    if self._last_received_tsn is None:
        raise _AbuseError("data_before_init")
    in_order = chunk.tsn == rtcsctptransport.tsn_plus_one(self._last_received_tsn)
    if not in_order and len(self._sack_misordered) >= _limits.early_chunks:
        rejected("early_chunks")
        return
    stream = self._inbound_streams.get(chunk.stream_id)
    held = 0 if stream is None else len(stream.reassembly)
    if held >= _limits.fragments:
        raise _AbuseError("fragments")
    await _original(rtcsctptransport.RTCSctpTransport, "_receive_data_chunk")(self, chunk)
    if in_order and stream is not None and held and not self._sack_misordered:
        waiting = sum(len(part.user_data) for part in stream.reassembly)
        if waiting > _limits.message_bytes:
            raise _AbuseError("message_size")


def _get_inbound_stream(self: rtcsctptransport.RTCSctpTransport, stream_id: int) -> rtcsctptransport.InboundStream:
    """F. At most `streams` SCTP streams; wraps `RTCSctpTransport._get_inbound_stream`.

    Without it: FORWARD-TSN makes 65,536 of them, and each later one walks through all.
    """
    if stream_id not in self._inbound_streams and len(self._inbound_streams) >= _limits.streams:
        raise _AbuseError("streams")
    stream: rtcsctptransport.InboundStream = _original(rtcsctptransport.RTCSctpTransport, "_get_inbound_stream")(
        self, stream_id
    )
    return stream


async def _receive_message(self: rtcsctptransport.RTCSctpTransport, stream_id: int, pp_id: int, data: bytes) -> None:
    """F. One whole data-channel message; wraps `RTCSctpTransport._receive`.

    Without it: messages of any size, any number of channels, and invalid UTF-8 or a second OPEN ends the call.
    """
    if len(data) > _limits.message_bytes:
        raise _AbuseError("message_size")
    if pp_id == rtcsctptransport.WEBRTC_DCEP and data[:1] == bytes([rtcsctptransport.DATA_CHANNEL_OPEN]):
        if len(self._data_channels) >= _limits.channels:
            rejected("channels")
            return
    elif pp_id == rtcsctptransport.WEBRTC_STRING:
        try:
            data.decode()
        except UnicodeDecodeError:
            rejected("message_encoding")
            return
    await _original(rtcsctptransport.RTCSctpTransport, "_receive")(self, stream_id, pp_id, data)


def _bundles(name: str) -> Callable[[Any], Awaitable[None]]:
    """A guard for what sends DATA chunks: those of one run leave in as few packets as hold them (RFC 9260 6.10).

    Without it: each event is an SCTP packet, a DTLS record and a datagram of its own, and each is acknowledged by
    another. The six of a reply's beginning cost 1.7 times as much (see `send_text`, which belongs to it).
    """

    async def guard(self: Any) -> None:
        if getattr(self, "bundle", None) is not None:
            await _original(rtcsctptransport.RTCSctpTransport, name)(self)
            return
        self.bundle = []
        try:
            await _original(rtcsctptransport.RTCSctpTransport, name)(self)
            await _send_bundle(self)
        finally:
            self.bundle = None

    return guard


async def _send_chunk(self: Any, chunk: rtcsctptransport.Chunk) -> None:
    """Puts a DATA chunk into the open bundle; any other leaves at once, behind it. Wraps
    `RTCSctpTransport._send_chunk`."""
    if isinstance(chunk, rtcsctptransport.DataChunk) and getattr(self, "bundle", None) is not None:
        self.bundle.append(bytes(chunk))
        return
    await _send_bundle(self)
    await _send_sctp(self, bytes(chunk))


async def _send_bundle(sctp: Any) -> None:
    chunks: list[bytes] = getattr(sctp, "bundle", None) or []
    room = rtcsctptransport.SCTP_MAX_PACKET_LENGTH - rtcsctptransport.SCTP_COMMON_HEADER_LENGTH
    while chunks:
        packet = chunks.pop(0)
        while chunks and len(packet) + len(chunks[0]) <= room:
            packet += chunks.pop(0)
        await _send_sctp(sctp, packet)


async def _send_sctp(sctp: Any, chunks: bytes) -> None:
    """One packet. Where the transport is gone it is dropped.

    Without that: timers and flushes run as tasks that nobody awaits; at each hang-up they leave "Task exception was
    never retrieved" with a traceback in the log. The loss of the transport is noticed where it is read.
    """
    ports = sctp._local_port, sctp._remote_port
    # What it makes of a chunk is its bytes; several in a row are as good.
    serialized: Any = chunks
    packet = rtcsctptransport.serialize_packet(*ports, sctp._remote_verification_tag, serialized)
    try:
        await sctp.transport._send_data(packet)
    except (ConnectionError, SSL.Error):
        rejected("sent_after_close")


def send_text(channel: RTCDataChannel, text: bytes) -> None:
    """Queues a text message, UTF-8 and not empty. Raises ValueError when it is longer than the peer takes.

    As `RTCDataChannel.send`, which starts a task for each message: all that is queued before the first one runs is
    sent by it, and so together.
    """
    sctp: Any = channel.transport
    if sctp._remote_max_message_size and len(text) > sctp._remote_max_message_size:
        raise ValueError("the message is longer than the peer takes")
    channel._addBufferedAmount(len(text))
    sctp._data_channel_queue.append((channel, rtcsctptransport.WEBRTC_STRING, text))
    if len(sctp._data_channel_queue) == 1:
        # Where others wait already, a task is about to run, or waits for an acknowledgement and is run then.
        asyncio.ensure_future(sctp._data_channel_flush())  # noqa: RUF006 - held by the loop until it has run, at once


class _SteadyTime:
    """What aiortc calls `time`, on a clock that never jumps; replaces the module in SCTP, RTP sender and receiver.

    Without it: a wall clock set ahead while a data-channel message is under way counts as its round-trip time, so the
    next lost messages are sent again only after up to 60 s (seen with a jump of a day); reports give a wrong jitter
    and round trip. It goes when aiortc takes intervals from a monotonic clock.
    """

    time = staticmethod(time.monotonic)


# --- peers ------------------------------------------------------------------------------------------------------


class VoicePacket(NamedTuple):
    """What is used of an RTP packet, with the names of `aiortc.rtp.RtpPacket`."""

    ssrc: int
    sequence_number: int
    timestamp: int
    payload: bytes


def receive_packets(
    receiver: RTCRtpReceiver, handler: Callable[[VoicePacket, float], None], *, clock_rate_hz: int
) -> None:
    """J, M. Gives each RTP packet of `receiver` to `handler(packet, now)`, on the loop; call it before connecting.

    `now` is the loop's clock, in seconds. Instead of aiortc's own path: a decoder thread per receiver (33 us a packet
    for the hand-over), a jitter buffer whose delay never shrinks again, 48 kHz stereo frames and an unbounded queue of
    them. Once connected, a packet is handled where its datagram is read; before, it took a queue and six coroutines.
    Receiver reports go on. The name and arguments of `_handle_rtp_packet` have not changed since aiortc 1.0.
    """
    loop = asyncio.get_running_loop()
    statistics = receiver._RTCRtpReceiver__remote_streams  # type: ignore[attr-defined]

    def take(packet: VoicePacket) -> None:
        known = statistics.get(packet.ssrc)
        if known is None:
            known = statistics[packet.ssrc] = rtcrtpreceiver.StreamStatistics(clock_rate_hz)
        known.add(packet)
        handler(packet, loop.time())

    async def handle_rtp_packet(packet: RtpPacket, arrival_time_ms: int) -> None:
        take(VoicePacket(packet.ssrc, packet.sequence_number, packet.timestamp, packet.payload))

    async def receive(parameters: aiortc.rtcrtpparameters.RTCRtpReceiveParameters) -> None:
        await _receive_without_decoder(receiver, parameters)
        # Only now is the transport the one that stays: bundling may have replaced the first.
        transport: Any = receiver.transport
        transport.transport._connection.take_rtp = functools.partial(_take_rtp, transport, receiver, take)

    setattr(receiver, "_handle_rtp_packet", handle_rtp_packet)  # noqa: B010 - an instance's method is replaced
    setattr(receiver, "receive", receive)  # noqa: B010


async def _receive_without_decoder(receiver: Any, parameters: aiortc.rtcrtpparameters.RTCRtpReceiveParameters) -> None:
    if not receiver._RTCRtpReceiver__started:
        receiver.transport._register_rtp_receiver(receiver, parameters)
        receiver._RTCRtpReceiver__rtcp_task = asyncio.ensure_future(receiver._run_rtcp())
        receiver._RTCRtpReceiver__started = True


def _take_rtp(transport: Any, receiver: RTCRtpReceiver, take: Callable[[VoicePacket], None], data: bytes) -> None:
    """One SRTP datagram, as `RTCDtlsTransport._recv_next` and `_handle_rtp_data` treat it.

    Header extensions are read in the first packet of a source, which the router may need them for, and passed over
    in the others.
    """
    try:
        plain = transport._rx_srtp.unprotect(data)
        first, second, number, timestamp, ssrc = _RTP_HEADER.unpack_from(plain)
        router = transport._rtp_router
        if router.ssrc_table.get(ssrc) is not receiver or receiver not in router.payload_type_table.get(
            second & 0x7F, ()
        ):
            packet = RtpPacket.parse(plain, transport._rtp_header_extensions_map)
            if router.route_rtp(packet) is not receiver:
                return
        take(VoicePacket(ssrc, number, timestamp, _rtp_payload(plain, first)))
    except pylibsrtp.Error:
        pass  # forged, or seen before
    except Exception:
        # Whatever the parser makes of remote input: this packet is dropped and counted, the call goes on.
        rejected("rtp_malformed")


def _rtp_payload(packet: bytes, first: int) -> bytes:
    """What follows the header (RFC 3550 5.1, 5.3.1). `first`: the first byte. Raises ValueError or struct.error."""
    at = _RTP_HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        at += 4 + 4 * _RTP_EXTENSION_LENGTH.unpack_from(packet, at + 2)[0]
    end = len(packet) - packet[-1] if first & 0x20 else len(packet)
    if end < at or (first & 0x20 and not packet[-1]):
        raise ValueError("RTP packet is truncated")
    return packet[at:end]


class PacketSource(Protocol):
    """Gives packets by itself: each payload and its timestamp (of the codec's clock) to `send`, when it is due."""

    def play(self, send: Callable[[bytes, int], None]) -> None:
        """Begins. `send` never raises and never blocks."""

    def stop(self) -> None:
        """Ends; `send` is not called any more. Idempotent."""


def send_packets(sender: RTCRtpSender, source: PacketSource) -> None:
    """Sends what `source` gives as RTP payloads, from the moment the peer is connected until it is not. Call it before
    connecting.

    Instead of a track: aiortc makes five objects and reads the clock twice for each packet, keeps it for
    retransmissions that audio never asks for, and passes it through four coroutines. That took twice as long as
    encoding it. Sender reports go on, but for those in silence: who has sent nothing since the last two reports is no
    sender (RFC 3550 6.4).
    """
    own: Any = sender
    send_rtcp = own._send_rtcp
    reported = deque([0, 0], maxlen=2)

    async def report(packets: list[Any]) -> None:
        count = own._RTCRtpSender__packet_count
        if not isinstance(packets[0], RtcpSrPacket) or count != reported[0]:
            await send_rtcp(packets)
        reported.append(count)

    setattr(sender, "_send_rtcp", report)  # noqa: B010 - an instance's method is replaced

    async def run_rtp(codec: aiortc.RTCRtpCodecParameters) -> None:
        own._RTCRtpSender__rtp_started.set()
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            source.play(_rtp_writer(own, codec, gone))
            await gone
        except asyncio.CancelledError:
            pass  # `stop()` ends it so
        finally:
            source.stop()
            # Or `stop()`, and so `close()`, would wait for ever.
            own._RTCRtpSender__rtp_exited.set()

    setattr(sender, "_run_rtp", run_rtp)  # noqa: B010 - an instance's method is replaced


def _rtp_writer(
    sender: Any, codec: aiortc.RTCRtpCodecParameters, gone: asyncio.Future[None]
) -> Callable[[bytes, int], None]:
    """What puts a payload on the socket, as `RTCDtlsTransport._send_rtp` and what is below it do. `gone` is set when
    there is no connection any more."""
    # The header's first byte and what follows its fixed part, the same in every packet: the name of the stream.
    sample = RtpPacket()
    sample.extensions.mid = sender._RTCRtpSender__mid
    constant = sample.serialize(sender._RTCRtpSender__rtp_header_extensions_map)
    assert codec.payloadType is not None  # negotiated
    first, second, extensions = constant[0], 0x80 | codec.payloadType, constant[_RTP_HEADER.size :]
    number, origin, ssrc = random16(), random32(), sender._ssrc
    transport = sender.transport
    nominated = transport.transport._connection._nominated

    def send(payload: bytes, timestamp: int) -> None:
        nonlocal number
        pair = nominated.get(_RTP_COMPONENT)
        if pair is None or transport._state is not rtcdtlstransport.State.CONNECTED:
            if not gone.done():
                gone.set_result(None)
            return
        timestamp = (origin + timestamp) & 0xFFFFFFFF
        packet = _RTP_HEADER.pack(first, second, number, timestamp, ssrc) + extensions + payload
        pair.protocol.transport.sendto(transport._tx_srtp.protect(packet), pair.remote_addr)
        number = (number + 1) & 0xFFFF
        if sender._RTCRtpSender__packet_count % _PACKETS_PER_REPORT == 0:
            sender._RTCRtpSender__ntp_timestamp = clock.current_ntp_time()
            sender._RTCRtpSender__rtp_timestamp = timestamp
        sender._RTCRtpSender__packet_count += 1
        sender._RTCRtpSender__octet_count += len(payload)

    return send


def report_loss(sender: RTCRtpSender, handler: Callable[[float], None]) -> None:
    """Gives `handler` the loss of what we send, in percent (0-100) since the report before, at each receiver report."""
    handle = sender._handle_rtcp_packet

    async def handle_rtcp_packet(packet: Any) -> None:
        for report in getattr(packet, "reports", ()):
            if report.ssrc == sender._ssrc:
                handler(report.fraction_lost * 100 / 256)
        await handle(packet)

    setattr(sender, "_handle_rtcp_packet", handle_rtcp_packet)  # noqa: B010 - an instance's method is replaced


async def abandon(pc: RTCPeerConnection, timeout_s: float) -> None:
    """D. Frees everything of a peer whose `close()` did not return: sockets, timers, tasks. Never waits for the peer:
    whatever hung is cancelled, and given `timeout_s` to obey."""
    tasks: set[asyncio.Future[Any] | None] = set()
    if pc.sctp is not None:
        pc.sctp._set_state(pc.sctp.State.CLOSED)
    for transceiver in pc.getTransceivers():
        tasks.add(transceiver.receiver._RTCRtpReceiver__rtcp_task)  # type: ignore[attr-defined]
        tasks.add(transceiver.sender._RTCRtpSender__rtcp_task)  # type: ignore[attr-defined]
        tasks.add(transceiver.sender._RTCRtpSender__rtp_task)  # type: ignore[attr-defined]
    for dtls in pc._RTCPeerConnection__dtlsTransports:  # type: ignore[attr-defined]
        tasks.add(dtls._task)
    for transport in _ice_transports(pc):
        connection = transport._connection
        tasks.add(transport._RTCIceTransport__monitor_task)
        tasks.add(connection._query_consent_task)
        tasks.update(pair.task for pair in connection._check_list)
        connection._closing = True
        connection._check_list_done = True  # else `connect()` looks for pairs, every 20 ms, for ever
        connection._nominated.clear()
        connection._check_list_state.put_nowait(ice.ICE_FAILED)
        connection._queue.put_nowait(None)
        if transport._RTCIceTransport__start is not None:
            transport._RTCIceTransport__start.set()
        for protocol in connection._protocols:
            protocol.transport.abort()
    closed = pc._RTCPeerConnection__isClosed  # type: ignore[attr-defined]
    if closed is not None and not closed.done():
        closed.set_result(True)
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=timeout_s)


def let_go(pc: RTCPeerConnection) -> None:
    """Breaks the rings that `close()` leaves, so that a peer is freed when its owner drops it. Call it last.

    Without it: DTLS and ICE transports tell the connection of changes for ever, and it its owner; pairs of addresses
    know the ICE connection that they belong to, and what is replaced here in single objects knows these objects. So
    157 kB of each call wait for the garbage collector (3 kB with it), and as much as waited at once the process keeps
    for good. It can go when `close()` leaves no such references.
    """
    pc.remove_all_listeners()
    for dtls in pc._RTCPeerConnection__dtlsTransports:  # type: ignore[attr-defined]
        dtls.remove_all_listeners()
    for transport in _ice_transports(pc):
        transport.remove_all_listeners()
        transport.iceGatherer.remove_all_listeners()
        transport._connection.take_rtp = None
        transport._connection._check_list.clear()
    for transceiver in pc.getTransceivers():
        for part in (transceiver.sender, transceiver.receiver):
            for name in _REPLACED:
                vars(part).pop(name, None)


def _ice_transports(pc: RTCPeerConnection) -> set[Any]:
    transports: set[Any] = pc._RTCPeerConnection__iceTransports  # type: ignore[attr-defined]
    return transports


_GUARDS: list[tuple[object, str, object]] = [
    (rtcrtpreceiver, "time", _SteadyTime),
    (rtcrtpsender, "time", _SteadyTime),
    (rtcsctptransport, "time", _SteadyTime),
    (ice.StunProtocol, "datagram_received", _datagram_received),
    (ice.Connection, "request_received", _request_received),
    (ice.Connection, "check_incoming", _check_incoming),
    (ice.Connection, "get_component_candidates", _get_component_candidates),
    (rtcdtlstransport.RTCDtlsTransport, "_handle_rtp_data", _survives_malformed("_handle_rtp_data", "rtp_malformed")),
    (
        rtcdtlstransport.RTCDtlsTransport,
        "_handle_rtcp_data",
        _survives_malformed("_handle_rtcp_data", "rtcp_malformed"),
    ),
    (rtcdtlstransport.RtpRouter, "route_rtp", _route_rtp),
    (rtcrtpreceiver.StreamStatistics, "jitter", property(_jitter)),
    (rtcrtpreceiver.RTCRtpReceiver, "_run_rtcp", _always_exits(rtcrtpreceiver.RTCRtpReceiver, "receiver_report")),
    (rtcrtpsender.RTCRtpSender, "_run_rtcp", _always_exits(rtcrtpsender.RTCRtpSender, "sender_report")),
    (rtcrtpsender.RTCRtpSender, "_handle_rtcp_packet", _handle_sender_rtcp),
    (rtcsctptransport, "decode_params", _decode_params),
    (rtcsctptransport, "parse_packet", _parse_packet),
    (rtcsctptransport.RTCSctpTransport, "_handle_data", _handle_data),
    (rtcsctptransport.RTCSctpTransport, "_receive_data_chunk", _receive_data_chunk),
    (rtcsctptransport.RTCSctpTransport, "_get_inbound_stream", _get_inbound_stream),
    (rtcsctptransport.RTCSctpTransport, "_receive", _receive_message),
    (rtcsctptransport.RTCSctpTransport, "_send_chunk", _send_chunk),
    (rtcsctptransport.RTCSctpTransport, "_transmit", _bundles("_transmit")),
    (rtcsctptransport.RTCSctpTransport, "_data_channel_flush", _bundles("_data_channel_flush")),
]
