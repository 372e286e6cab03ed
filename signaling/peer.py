"""One caller over WebRTC: negotiation, media in and out, the event channel, and an end that always comes.

The caller's packets go to a `VoiceReceiver` and its 20 ms frames to the session; speech comes from a `PacedPlayout`
as Opus packets. No thread, decoder or encoder of the media stack takes part. The stack's internals are touched only
in `voice_agent/hardening/media_stack.py`. What a call is, and what events mean, is the session's.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import json
import logging
import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVarTuple

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from prometheus_client import Counter, Histogram

from signaling.datachannel import EventChannel
from signaling.limits import ChannelRate
from signaling.sdp import OfferError, check_offer, finished_answer, prepared_offer
from voice_agent.audio.batching import BatchedFrames, DetectionBatch
from voice_agent.audio.playout import PacedPlayout
from voice_agent.audio.receiver import VoiceReceiver
from voice_agent.audio.vad import SpeechDetector
from voice_agent.call.transport import SpeechOutput
from voice_agent.call.weakly import weakly
from voice_agent.hardening import media_stack
from voice_agent.hardening.rejections import rejected
from voice_agent.settings import ServerSettings, Settings

logger = logging.getLogger(__name__)

_Arguments = TypeVarTuple("_Arguments")

rtp_lost = Counter("voice_rtp_lost_total", "Audio packets of callers that never came in time.")
concealed_frames = Counter("voice_concealed_frames_total", "Lost audio packets that were rebuilt or concealed.")
setup_seconds = Histogram(
    "voice_call_setup_seconds",
    "From the offer to a connected peer.",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 15),
)

_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_OPUS_CLOCK_HZ = 48_000
_MAX_EARLY_EVENTS = 32
"""Client events held until a session listens: only the moment between the answer and `bind`."""
_SOURCE_CHANGE_S = 0.5
"""A second source of audio is heard only when the first has been quiet for so long."""
_SHORTEST_TIMER_S = 0.001


class PeerSession(Protocol):
    """What a peer tells the call that it carries. All on the event loop; none may block."""

    @property
    def detector(self) -> SpeechDetector | None:
        """What `audio_in` will feed the next frame, so that the peer may begin with it; None where nothing will."""

    def audio_in(self, pcm: bytes) -> None:
        """20 ms of the caller: 640 bytes, mono s16le, 16 kHz."""

    def client_event(self, raw: str | bytes) -> None:
        """One message of the event channel, as it came."""

    def connected(self) -> None:
        """Media flows from now on. Called once."""


class Peer:
    """A `Transport` over WebRTC. Made by `answer`; `bind` gives it a session.

    It ends by itself, with a reason for `on_closed`: `connect_timeout`, `connection_failed`, `client_closed`,
    `no_media` (neither audio nor consent), `undecodable`, `slow_client`, `internal_error`.
    """

    speech: SpeechOutput | None

    @classmethod
    async def answer(
        cls,
        offer: str,
        *,
        settings: Settings,
        on_closed: Callable[[str], None],
        batch: DetectionBatch | None = None,
    ) -> tuple[Peer, str]:
        """Answers an SDP offer and returns the peer with the SDP answer, which holds all of our candidates.

        `on_closed(reason)` is called once if the peer ends by itself, never for `close()`; it closes itself then.
        `batch`: where its frames are judged, together with those of other peers; by themselves and at once without it.
        Raises OfferError for an offer that cannot be answered, TimeoutError past `negotiation_timeout_s`, and OSError
        when there is no socket to be had. Nothing is left open when it raises.
        """
        server = settings.server
        check_offer(offer, server.max_offer_bytes, server.max_offer_lines)
        media_stack.apply(media_stack.Limits(message_bytes=server.max_event_bytes))
        peer = cls(settings, on_closed, batch)
        try:
            async with asyncio.timeout(server.negotiation_timeout_s):
                return peer, await peer._negotiate(prepared_offer(offer))
        except BaseException:
            await peer.close()
            raise

    def __init__(
        self, settings: Settings, on_closed: Callable[[str], None], batch: DetectionBatch | None = None
    ) -> None:
        self._server = settings.server
        self._discontinuous = settings.audio.discontinuous
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._session: PeerSession | None = None
        self._early_events: deque[str | bytes] = deque()
        self._closing: asyncio.Task[None] | None = None
        self._started_at = self._loop.time()
        self._connected_at: float | None = None
        self._batch = batch
        self._batched: BatchedFrames | None = None
        self._source: int | None = None
        self._last_media = 0.0
        self._poll_timer: asyncio.TimerHandle | None = None
        self._poll_at = 0.0
        self._counted_lost = 0
        self._counted_concealed = 0
        self._receiver = VoiceReceiver(settings.audio, weakly(self._frame))
        self._playout = PacedPlayout(settings.audio)
        self._playout.on_failed = weakly(self._failed)
        self.speech = self._playout
        self._events = EventChannel(
            max_event_bytes=self._server.max_event_bytes,
            max_backlog_bytes=self._server.max_event_backlog_bytes,
            rate=ChannelRate(self._server, self._started_at),
            on_event=weakly(self._client_event),
            on_lost=weakly(self._end),
        )
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pc.on("connectionstatechange", self._state_changed)
        self._pc.on("datachannel", self._channel_opened)
        self._watch_interval_s = (
            min(self._server.connect_timeout_s, self._server.no_media_timeout_s, self._server.undecodable_timeout_s)
            / 10
        )
        self._watch_timer = self._loop.call_later(self._watch_interval_s, self._watch)

    # --- Transport ------------------------------------------------------------------------------------------

    def bind(self, session: PeerSession) -> None:
        """The session that hears this caller from now on; events that came before are handed over at once."""
        self._session = session
        if self._batch is not None:
            self._batched = BatchedFrames(self._batch, session, self._hear)
        if self._connected_at is not None:
            self._tell(session.connected)
        while self._early_events:
            self._tell(session.client_event, self._early_events.popleft())

    def send_event(self, event: Mapping[str, object]) -> None:
        self._events.send(_JSON.encode(event))

    async def close(self) -> None:
        """Frees every socket, task and timer of the peer within `close_timeout_s`, whatever hangs. Idempotent."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._shut_down())
        await asyncio.shield(self._closing)

    # --- negotiation ----------------------------------------------------------------------------------------

    async def _negotiate(self, offer: str) -> str:
        transceiver = self._pc.addTransceiver("audio", direction="sendrecv")
        transceiver.setCodecPreferences(_opus())
        media_stack.receive_packets(transceiver.receiver, self._packet, clock_rate_hz=_OPUS_CLOCK_HZ)
        media_stack.send_packets(transceiver.sender, self._playout)
        media_stack.report_loss(transceiver.sender, self._playout.set_loss)
        with media_stack.media_address(*media_address(self._server)):
            try:
                await self._pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
                await self._pc.setLocalDescription(await self._pc.createAnswer())
            except (OSError, TimeoutError):
                raise
            except Exception as error:
                # The parser raises almost anything for what it does not understand; all of it is the offer's fault.
                raise OfferError("The offer could not be understood.", "offer_malformed") from error
        answer = finished_answer(self._pc.localDescription.sdp, discontinuous=self._discontinuous)
        if "a=candidate:" not in answer:
            raise OSError("no socket could be opened at the media address (MEDIA_HOST)")
        if not _sends(transceiver):
            self.speech = None
        return answer

    # --- what the stack reports -----------------------------------------------------------------------------

    def _state_changed(self) -> None:
        state = self._pc.connectionState
        if state == "connected" and self._connected_at is None:
            self._connected_at = self._loop.time()
            setup_seconds.observe(self._connected_at - self._started_at)
            if self._session is not None:
                self._tell(self._session.connected)
        elif state == "failed":
            self._end("connection_failed")
        elif state == "closed":
            self._end("client_closed")

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        self._events.attach(channel)

    def _client_event(self, raw: str | bytes) -> None:
        if self._session is not None:
            self._tell(self._session.client_event, raw)
        elif len(self._early_events) < _MAX_EARLY_EVENTS:
            self._early_events.append(raw)
        else:
            rejected("early_events")

    def _packet(self, packet: media_stack.VoicePacket, now: float) -> None:
        if self._closing is not None:
            return
        if packet.ssrc != self._source:
            if self._source is not None and now - self._last_media < _SOURCE_CHANGE_S:
                rejected("second_source")
                return
            self._source = packet.ssrc
        self._last_media = now
        self._receiver.packet(packet.sequence_number, packet.timestamp, packet.payload, now)
        if self._poll_timer is None or self._receiver.jitter.waiting:
            self._schedule_poll(now)

    def _frame(self, pcm: bytes) -> None:
        if self._batched is not None:
            self._batched.frame(pcm)
        else:
            self._hear(pcm)

    def _hear(self, pcm: bytes) -> None:
        # A frame may have waited for longer than the peer has lived.
        if self._session is not None and self._closing is None:
            try:
                self._session.audio_in(pcm)
            except Exception:
                self._failed()

    def _tell(self, call: Callable[[*_Arguments], None], *arguments: *_Arguments) -> None:
        try:
            call(*arguments)
        except Exception:
            self._failed()

    def _failed(self) -> None:
        """A fault of ours must not surface inside the media stack; the call cannot go on with it."""
        logger.exception("The session failed; the peer is closed")
        self._end("internal_error")

    # --- timers ---------------------------------------------------------------------------------------------

    def _schedule_poll(self, now: float) -> None:
        deadline = self._receiver.next_deadline()
        if deadline is None or self._closing is not None:
            return
        if self._poll_timer is not None:
            if self._poll_at <= deadline:
                return
            self._poll_timer.cancel()
        self._poll_at = max(deadline, now + _SHORTEST_TIMER_S)
        self._poll_timer = self._loop.call_at(self._poll_at, self._poll)

    def _poll(self) -> None:
        self._poll_timer = None
        now = self._loop.time()
        self._receiver.poll(now)
        self._schedule_poll(now)

    def _watch(self) -> None:
        self._watch_timer = self._loop.call_later(self._watch_interval_s, self._watch)
        self._count_losses()
        reason = self._overdue(self._loop.time())
        if reason is not None:
            self._end(reason)

    def _overdue(self, now: float) -> str | None:
        if self._connected_at is None:
            return "connect_timeout" if now - self._started_at > self._server.connect_timeout_s else None
        silent_since = now - self._server.no_media_timeout_s
        # Looked for only where nothing else says that the caller is there.
        if max(self._connected_at, self._last_media) < silent_since and (
            media_stack.last_consent(self._pc) < silent_since
        ):
            return "no_media"
        bad_since = self._receiver.bad_in_a_row_since
        if bad_since is not None and self._last_media - bad_since > self._server.undecodable_timeout_s:
            return "undecodable"
        return None

    def _count_losses(self) -> None:
        lost, concealed = self._receiver.jitter.lost, self._receiver.recovered
        if (lost, concealed) == (self._counted_lost, self._counted_concealed):
            return
        rtp_lost.inc(lost - self._counted_lost)
        concealed_frames.inc(concealed - self._counted_concealed)
        self._counted_lost, self._counted_concealed = lost, concealed

    # --- the end --------------------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        if self._closing is not None:
            return
        self._closing = self._loop.create_task(self._shut_down())
        logger.info("A peer ended: %s", reason)
        self._on_closed(reason)

    async def _shut_down(self) -> None:
        self._watch_timer.cancel()
        if self._poll_timer is not None:
            self._poll_timer.cancel()
        self._events.close()
        self._count_losses()
        half_s = self._server.close_timeout_s / 2
        try:
            async with asyncio.timeout(half_s):
                await self._pc.close()
        except Exception as error:
            # Whatever stopped it, TimeoutError included: what is still open is taken away by force.
            logger.warning("A peer did not close by itself: %s", type(error).__name__)
            await media_stack.abandon(self._pc, half_s)
        finally:
            self._receiver.close()
            self._playout.close()
            media_stack.let_go(self._pc)
            self._session = self._batched = None  # which own this peer


def _opus() -> list[RTCRtpCodecCapability]:
    capabilities = RTCRtpSender.getCapabilities("audio")
    assert capabilities is not None
    return [codec for codec in capabilities.codecs if codec.mimeType.lower() == "audio/opus"]


def _sends(transceiver: RTCRtpTransceiver) -> bool:
    return transceiver.currentDirection in ("sendonly", "sendrecv")


@functools.cache
def _media_address(configured: str) -> tuple[str, str]:
    offered = configured
    if not offered or ipaddress.ip_address(offered).is_unspecified:
        offered = _own_address()
    family = socket.AF_INET6 if ":" in offered else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((offered, 0))
        except OSError:
            return ("::" if family == socket.AF_INET6 else "0.0.0.0"), offered  # noqa: S104 - the host is behind NAT
    return offered, offered


def media_address(server: ServerSettings) -> tuple[str, str]:
    """The IP address to bind media sockets to, and the one to offer.

    They differ when MEDIA_HOST is not an address of this machine (1:1 NAT, a published container port): then every
    address is bound. Raises OSError when MEDIA_HOST or HOST is a name that does not resolve.
    """
    name = server.media_host or server.host
    try:
        ipaddress.ip_address(name)
    except ValueError:
        name = socket.gethostbyname(name)
    return _media_address(name)


def _own_address() -> str:
    """The address that packets to the rest of the world leave from; loopback without a network. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
