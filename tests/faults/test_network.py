"""A call over a bad network: what is lost is concealed, nothing adds lasting delay, and what comes back goes on.

The arithmetic of loss without a network is in `tests/unit/test_audio_receiver.py` and `test_audio_jitter.py`; here
packets of a real client cross a relay to a real peer. What a transcriber makes of it: `test_transcripts_under_loss.py`.
"""

from __future__ import annotations

import asyncio

import pytest
from aioice import ice

from scripts.udp_relay import Impairment
from tests.faults.support import RelayedCaller, relayed_call, takes_minutes
from tests.security.caller import SPEECH, TalkingTrack, until
from voice_agent.engines.ports import Pcm

LEAST = {0.01: 0.98, 0.05: 0.98, 0.10: 0.87, 0.20: 0.75}
UNDER_WAY_S = 0.15
"""By then what was sent has been heard or given up: frames are counted so much later than packets."""


async def talk(call: RelayedCaller, track: TalkingTrack, seconds: float) -> tuple[int, int, float]:
    """Packets sent, frames that reached the session, and of these the ms of silence in the place of lost ones."""
    await until(lambda: track.sent > 5)
    receiver = call.peer._receiver
    sent = track.sent
    await asyncio.sleep(UNDER_WAY_S)
    frames, silent_ms = len(call.session.frames), receiver.silence_ms
    await asyncio.sleep(seconds - UNDER_WAY_S)
    sent = track.sent - sent
    await asyncio.sleep(UNDER_WAY_S)
    return sent, len(call.session.frames) - frames, receiver.silence_ms - silent_ms


async def share_heard(impairment: Impairment, seconds: float) -> float:
    """The share of what was sent that was heard, delivered or concealed."""
    track = TalkingTrack()
    async with relayed_call(impairment, track=track) as call:
        sent, frames, silent_ms = await talk(call, track, seconds)
        assert call.session.reasons == []
        assert call.relay.lost > 0
        return min(1.0, (frames - silent_ms / 20) / sent)


async def test_at_a_twentieth_lost_and_uneven_arrival_the_caller_is_heard() -> None:
    assert await share_heard(Impairment(loss=0.05, jitter_ms=30), 2.5) >= LEAST[0.05]


@takes_minutes
@pytest.mark.parametrize("loss", LEAST)
async def test_what_is_lost_is_delivered_or_concealed(loss: float) -> None:
    assert await share_heard(Impairment(loss=loss), 12) >= LEAST[loss]


@pytest.mark.parametrize(
    "impairment", [Impairment(jitter_ms=60), Impairment(reorder=0.05)], ids=["jitter 60 ms", "reorder 5 %"]
)
async def test_an_uneven_network_adds_no_lasting_delay_and_loses_nothing(impairment: Impairment) -> None:
    track = TalkingTrack()
    async with relayed_call(impairment, track=track) as call:
        sent, frames, silent_ms = await talk(call, track, 2.5)
        # All that was sent is heard, but for what may still be under way: 100 ms are 5 frames.
        assert sent - frames <= 5
        assert call.peer._receiver.jitter.lost <= 0.02 * sent
        assert silent_ms <= 100


async def test_reports_of_loss_bring_the_agents_speech_into_the_form_that_survives_it() -> None:
    async with relayed_call() as call:
        playout = call.peer._playout
        playout.begin("speech")
        playout.write(Pcm(SPEECH * 4, 48_000))
        await until(lambda: call.heard > 25)
        assert playout.mode == "celt"
        call.relay.impairment = Impairment(loss=0.1)
        await until(lambda: playout.mode == "voip")
        heard = call.heard
        await until(lambda: call.heard > heard + 25)


# --- the network is gone for a while ------------------------------------------------------------------------------


async def outage(call: RelayedCaller, seconds: float) -> float:
    """How long it took from the network's return to the caller's voice, in s."""
    loop = asyncio.get_running_loop()
    receiver = call.peer._receiver
    call.relay.blackout = True
    await asyncio.sleep(0.2)
    decoded = receiver.decoded
    await asyncio.sleep(seconds - 0.2)
    assert receiver.decoded == decoded
    call.relay.blackout = False
    back_at = loop.time()
    await until(lambda: receiver.decoded > decoded)
    after = loop.time() - back_at
    await until(lambda: receiver.decoded > decoded + 25)
    return after


async def events_flow(call: RelayedCaller) -> None:
    assert call.channel is not None
    events = len(call.session.events)
    call.channel.send('{"type":"input_audio_buffer.clear"}')
    call.peer.send_event({"type": "agent.state"})
    messages = len(call.messages)
    await until(lambda: len(call.session.events) > events and len(call.messages) > messages, 15)


async def test_after_two_seconds_without_network_the_same_call_goes_on() -> None:
    async with relayed_call() as call:
        assert await outage(call, 2) < 0.5
        assert call.session.reasons == []
        await events_flow(call)


@takes_minutes
async def test_after_eight_seconds_without_network_the_same_call_goes_on() -> None:
    async with relayed_call() as call:
        assert await outage(call, 8) < 0.5
        assert call.session.reasons == []
        await events_flow(call)


async def test_a_caller_whose_nat_forgets_them_is_heard_from_their_new_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client notices nothing and checks again when its consent is due, which here is soon."""
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.5)
    async with relayed_call() as call:
        receiver = call.peer._receiver
        await call.relay.rebind()
        decoded = receiver.decoded
        await until(lambda: receiver.decoded > decoded + 25, 12)
        assert call.session.reasons == []
