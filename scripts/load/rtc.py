"""A caller over WebRTC that costs next to nothing: finished Opus packets out, packets counted in, nothing decoded.

    microphones = Microphones()                       # one per process: paces all callers
    async with microphones:
        caller = RtcCaller(microphones, on_packet=..., on_event=...)
        await caller.call(realtime_calls(http, url, key, query={"model": "helpdesk"}))
        ended_at = await caller.say(spoken("The printer is on fire."))
        await caller.hang_up()

Negotiation, ICE, DTLS and the data channel are aiortc's. Its sender and receiver are not started: a call's RTP is
written to and read from its socket here, with the SRTP session that aiortc negotiated, because aiortc's tasks, queues
and objects per packet would cost more than the server under test does. Reports (RTCP) go out once a second, as from
any client. It has no jitter buffer and no echo, and it never asks for anything to be sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import random
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtcpReceiverInfo, RtcpSenderInfo, RtcpSrPacket

from scripts.load.signal import Signal, UnreachableError
from scripts.load.voice import FRAME_SAMPLES, RATE_HZ, Coding, Utterance, hangover, room
from voice_agent.hardening import media_stack

Event = dict[str, Any]
Source = tuple[Any, ...]

FRAME_S = 0.02
AUDIBLE_BYTES = 20
"""Opus packets of digital silence have 3 bytes, those of speech 60 and more: a size tells sound without decoding."""
LATE_S = 0.04
"""A packet that comes this much later than the quickest ones did would be missed by a small jitter buffer."""
_PHASES = 4
"""Callers send in so many groups within each 20 ms: clients in the wild do not send all at once either."""
_DRIFT_S = 0.0001
"""By this much per packet the quickest transit is forgotten: two machines' clocks differ by less."""
_REPORT_FRAMES = 50
_SRTP_TAG_BYTES = 10
_HEADER = struct.Struct("!BBHII")
_CONNECT_TIMEOUT_S = 15.0
_CLOSE_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Traffic:
    """Of one call, so far."""

    sent: int = 0
    received: int = 0
    received_bytes: int = 0
    lost: int = 0
    """Numbers that never came (RFC 3550 A.3)."""
    late: int = 0
    """Packets later than `LATE_S`."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One packet of the server's speech: when (the loop's clock), where it belongs (48 kHz), and its Opus bytes.

    `payload` is empty unless the caller was made to decrypt.
    """

    at: float
    timestamp: int
    size: int
    payload: bytes

    @property
    def audible(self) -> bool:
        return self.size > AUDIBLE_BYTES


class Microphones:
    """Sends a packet for each caller every 20 ms. An async context; owns the one task that does it."""

    def __init__(self) -> None:
        self._groups: list[list[RtcCaller]] = [[] for _ in range(_PHASES)]
        self._task: asyncio.Task[None] | None = None
        self.slipped_s = 0.0
        """How far the sending ever fell behind: a generator that cannot keep up measures itself."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="microphones")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def add(self, caller: RtcCaller) -> None:
        min(self._groups, key=len).append(caller)

    def remove(self, caller: RtcCaller) -> None:
        for group in self._groups:
            if caller in group:
                group.remove(caller)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for group in itertools.cycle(self._groups):
            due += FRAME_S / _PHASES
            now = loop.time()
            if due > now:
                await asyncio.sleep(due - now)
            else:
                self.slipped_s = max(self.slipped_s, now - due)
                await asyncio.sleep(0)
            now = loop.time()
            for caller in tuple(group):
                caller.send_frame(now)


class RtcCaller:
    """One call. Callbacks come on the event loop and may not block.

    `on_packet` is told of each packet of the server's speech, `on_event` of each event on the `oai-events` channel.
    `decrypt` gives `on_packet` the Opus bytes (3 us a packet), for whoever judges the sound itself with a
    `Decoder`. `channel=False`
    opens no data channel, for servers that know none.
    """

    def __init__(
        self,
        microphones: Microphones,
        *,
        on_packet: Callable[[Arrived], None] = lambda _: None,
        on_event: Callable[[Event], None] = lambda _: None,
        channel: bool = True,
        decrypt: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        media_stack.apply()
        self.traffic = Traffic()
        self.closed = asyncio.Event()
        """Set when the connection is gone, whoever ended it."""
        self._loop = asyncio.get_running_loop()
        self._microphones = microphones
        self._on_packet = on_packet
        self._on_event = on_event
        self._decrypt = decrypt
        self._address = address
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pc.on("connectionstatechange", self._state_changed)
        transceiver = self._pc.addTransceiver("audio", direction="sendrecv")
        transceiver.sender.send = transceiver.receiver.receive = _nothing  # type: ignore[method-assign, assignment]
        self._sender = transceiver.sender
        self._connected = asyncio.Event()
        self._opened = asyncio.Event()
        self._channel = self._pc.createDataChannel("oai-events") if channel else None
        if self._channel is not None:
            self._channel.on("message", self._message)
            self._channel.on("open", self._opened.set)
            if self._channel.readyState == "open":
                self._opened.set()
        self._payload_type = 0
        self.coding = Coding()
        """What the server asks our speech to be like, once it has answered."""
        self._room: Iterator[bytes] = itertools.cycle(room())
        self._speech: deque[bytes] = deque()
        self._hangover: deque[bytes] = deque()
        """Of the room, right behind speech."""
        self._spoken: asyncio.Future[float] | None = None
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(31)
        self._arrivals = _Arrivals()

    # --- the call -----------------------------------------------------------------------------------------------

    async def call(self, signal: Signal, timeout_s: float = _CONNECT_TIMEOUT_S) -> None:
        """Connects, and opens the channel. Raises what `signal` raises, and UnreachableError when media cannot flow
        within `timeout_s`. Hang up in any case."""
        try:
            async with asyncio.timeout(timeout_s):
                with media_stack.media_address(self._address, self._address):
                    await self._pc.setLocalDescription(await self._pc.createOffer())
                self._listen()
                answer = await signal(self._pc.localDescription.sdp)
                self.coding = Coding.asked_for(answer)
                self._room = itertools.cycle(room(self.coding))
                await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
                # Before the connection stands: a server may speak before the channel is open.
                (transceiver,) = self._pc.getTransceivers()
                self._payload_type = transceiver._codecs[0].payloadType or 0
                self._dtls = transceiver.sender.transport
                await self._connected.wait()
                if self._channel is not None:
                    await self._opened.wait()
        except TimeoutError as error:
            raise UnreachableError(f"no media after {timeout_s:.0f} s") from error
        if self.closed.is_set():
            raise UnreachableError("the connection failed")
        self._microphones.add(self)

    async def say(self, utterance: Utterance) -> float:
        """Speaks now; returns at the end, with the loop's time at which the voice ended.

        Raises ConnectionError when the call ends before. One utterance at a time.
        """
        self._speech.extend(utterance.packets)
        self._spoken = self._loop.create_future()
        if self.closed.is_set():
            raise ConnectionError("the call has ended")
        return await self._spoken - utterance.tail_ms / 1000

    def send_event(self, event: Event) -> None:
        """A client event on the channel. Raises ConnectionError where there is none."""
        if self._channel is None or self._channel.readyState != "open":
            raise ConnectionError("there is no open channel")
        self._channel.send(json.dumps(event))

    async def hang_up(self) -> None:
        """Frees everything, in any state. Idempotent."""
        self._end()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._pc.close()
        except TimeoutError:
            await media_stack.abandon(self._pc, _CLOSE_TIMEOUT_S)

    # --- out ----------------------------------------------------------------------------------------------------

    def send_frame(self, now: float) -> None:
        """The next 20 ms: of speech, or of the room."""
        if self._speech:
            payload = self._speech.popleft()
            if not self._speech and self._spoken is not None and not self._spoken.done():
                self._spoken.set_result(now)
                self._hangover.extend(hangover(self.coding))
        elif self._hangover:
            payload = self._hangover.popleft()
        else:
            payload = next(self._room)
        self._timestamp = (self._timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        if not payload:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = _HEADER.pack(0x80, self._payload_type, self._sequence, self._timestamp, self._sender._ssrc)
        self._write(self._dtls._tx_srtp.protect(header + payload))
        self.traffic.sent += 1
        if self.traffic.sent % _REPORT_FRAMES == 0:
            self._report()

    def _report(self) -> None:
        info = RtcpSenderInfo(0, self._timestamp, self.traffic.sent, 0)
        report = RtcpSrPacket(self._sender._ssrc, info, self._arrivals.report())
        self._write(self._dtls._tx_srtp.protect_rtcp(bytes(report)))

    def _write(self, datagram: bytes) -> None:
        pair = self._dtls.transport._connection._nominated.get(1)
        if pair is not None:
            pair.protocol.transport.sendto(datagram, pair.remote_addr)

    # --- in -----------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Takes RTP off the sockets before aiortc sees it, and RTCP too: nobody here reads it."""
        for protocol in self._sender.transport.transport._connection._protocols:
            hook = functools.partial(self._datagram, protocol.datagram_received)
            setattr(protocol, "datagram_received", hook)  # noqa: B010 - an instance's method is replaced

    def _datagram(self, others: Callable[[bytes, Source], None], data: bytes, source: Source) -> None:
        if len(data) < 13 or not 127 < data[0] < 192:
            others(data, source)
        elif not 191 < data[1] < 224:
            self._rtp(data)

    def _rtp(self, data: bytes) -> None:
        now = self._loop.time()
        first, _, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        header = 12 + (first & 15) * 4
        if first & 16:
            header += 4 + int.from_bytes(data[header + 2 : header + 4], "big") * 4
        size = len(data) - header - _SRTP_TAG_BYTES
        self.traffic.received += 1
        self.traffic.received_bytes += len(data)
        if self._arrivals.add(sequence, timestamp, ssrc, now):
            self.traffic.late += 1
        self.traffic.lost = self._arrivals.lost
        payload = self._dtls._rx_srtp.unprotect(data)[header:] if self._decrypt else b""
        self._on_packet(Arrived(now, timestamp, size, payload))

    def _message(self, raw: str | bytes) -> None:
        self._on_event(json.loads(raw))

    def _state_changed(self) -> None:
        state = self._pc.connectionState
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self._end()

    def _end(self) -> None:
        self._microphones.remove(self)
        self.closed.set()
        self._connected.set()
        self._opened.set()
        if self._spoken is not None and not self._spoken.done():
            self._spoken.set_exception(ConnectionError("the call has ended"))
            self._spoken.exception()  # nobody may be waiting any more


async def _nothing(_parameters: object) -> None:
    """In the place of aiortc's sender and receiver."""


class _Arrivals:
    """What a receiver report says, and which packets were late."""

    def __init__(self) -> None:
        self.lost = 0
        self._ssrc = 0
        self._first = 0
        self._highest = 0
        self._count = 0
        self._before = (0, 0)
        self._transit = 0.0
        self._quickest = float("inf")
        self._jitter = 0.0

    def add(self, sequence: int, timestamp: int, ssrc: int, now: float) -> bool:
        """Whether the packet was late."""
        if not self._count or ssrc != self._ssrc:
            self._ssrc, self._first, self._highest, self._count = ssrc, sequence, sequence, 0
            self._before, self._quickest, self._jitter, self._transit = (0, 0), float("inf"), 0.0, 0.0
        self._count += 1
        step = (sequence - self._highest) & 0xFFFF
        if step < 0x8000:
            self._highest += step
        self.lost = max(0, self._highest - self._first + 1 - self._count)
        transit = now - timestamp / RATE_HZ
        if self._transit:
            self._jitter += (abs(transit - self._transit) * RATE_HZ - self._jitter) / 16
        self._transit = transit
        self._quickest = min(self._quickest + _DRIFT_S, transit)
        return transit - self._quickest > LATE_S

    def report(self) -> list[RtcpReceiverInfo]:
        if not self._count:
            return []
        expected = self._highest - self._first + 1
        expected_now, lost_now = expected - self._before[0], self.lost - self._before[1]
        self._before = (expected, self.lost)
        fraction = max(0, min(255, lost_now * 256 // expected_now)) if expected_now > 0 else 0
        jitter = min(int(self._jitter), 0xFFFFFFFF)
        return [RtcpReceiverInfo(self._ssrc, fraction, self.lost, self._highest & 0xFFFFFFFF, jitter, 0, 0)]
