"""Lost calls in memory: for how long, how many, and whose; and calls put together from stored turns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scripts import autojump
from signaling.directory import CallDirectory, LiveCall, Owner
from signaling.errors import ApiError
from signaling.registry import Registry
from signaling.resume import Grant, ResumeDesk
from tests.integration.signaling_support import EchoSession, agent
from voice_agent.call.snapshot import Snapshot, from_turns
from voice_agent.call.transport import SpeechOutput
from voice_agent.realtime.items import Item, Part
from voice_agent.records import Turn
from voice_agent.settings import ServerSettings

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Nowhere:
    """A transport to nobody."""

    speech: SpeechOutput | None = None

    def send_event(self, event: Mapping[str, object]) -> None:
        pass

    async def close(self) -> None:
        pass


class Desk:
    """A desk with its directory, and calls that are connected."""

    def __init__(self, **settings: float) -> None:
        server = ServerSettings.model_validate({"close_timeout_s": 1, **settings})
        self.directory = CallDirectory(server, lambda: True)
        self.desk = ResumeDesk(self.directory, Registry(None, server), server)

    def call(self, call_id: str, *, origin: str | None = None, text: str = "hello") -> tuple[LiveCall, str]:
        """A live call, and its token."""
        session = Talk(call_id, text)
        owner = Owner("key_1")
        live = self.directory.start(session, Nowhere(), owner, self.directory.admit())
        return live, self.desk.issue(Grant(call_id, owner, "interviewer", greet=False, origin=origin))

    async def lost(self, call_id: str, text: str = "hello") -> str:
        """The token of a call whose connection is lost."""
        live, token = self.call(call_id, text=text)
        live.session.end("client_gone")
        await live.task
        return token

    async def code(self, token: str, origin: str | None = None) -> str:
        """How a claim ends: "" or the code of the refusal. A claim that succeeds is held."""
        try:
            await self.desk.claim(token, origin)
        except ApiError as error:
            return error.code
        return ""


class Talk(EchoSession):
    def __init__(self, call_id: str, text: str) -> None:
        super().__init__(call_id=call_id, transport=Nowhere())
        self._text = text

    def snapshot(self) -> Snapshot:
        item = Item("item_1", "message", "in_progress", "assistant", (Part("output_text", self._text),))
        return replace(super().snapshot(), items=(item,))


def test_a_lost_call_waits_for_the_window_and_not_longer() -> None:
    async def story() -> None:
        desk = Desk(resume_window_s=60)
        early, late = await desk.lost("call_1"), await desk.lost("call_2")
        await asyncio.sleep(59)
        assert await desk.code(early) == ""
        await asyncio.sleep(2)
        assert await desk.code(late) == "invalid_resume_token"
        assert desk.desk.waiting == 0

    autojump.run(story())


def test_a_connected_peer_makes_way_for_the_client_that_comes_back() -> None:
    async def story() -> None:
        desk = Desk()
        live, token = desk.call("call_1")
        claim = await desk.desk.claim(token, None)
        assert live.task.done()
        assert desk.directory.get("call_1") is None
        assert claim.snapshot.items[0].status == "incomplete"

    autojump.run(story())


def test_two_connections_cannot_take_the_same_call() -> None:
    async def story() -> None:
        desk = Desk()
        token = await desk.lost("call_1")
        claim = await desk.desk.claim(token, None)
        assert await desk.code(token) == "resume_in_progress"
        claim.release()
        assert await desk.code(token) == ""

    autojump.run(story())


def test_a_token_is_void_once_the_next_connection_stands() -> None:
    async def story() -> None:
        desk = Desk()
        token = await desk.lost("call_1")
        (await desk.desk.claim(token, None)).release()
        _, second = desk.call("call_1")
        assert desk.desk.waiting == 0
        assert await desk.code(token) == "invalid_resume_token"
        assert await desk.code(second) == ""

    autojump.run(story())


def test_a_claim_that_comes_to_nothing_after_the_window_leaves_nothing_behind() -> None:
    async def story() -> None:
        desk = Desk(resume_window_s=60)
        token = await desk.lost("call_1")
        claim = await desk.desk.claim(token, None)
        await asyncio.sleep(61)
        claim.release()
        assert await desk.code(token) == "invalid_resume_token"
        assert not desk.desk.knows(token)

    autojump.run(story())


@pytest.mark.parametrize("outcome", ["hangup", "idle", "time_limit", "shutdown"])
def test_a_call_that_ended_by_itself_is_forgotten(outcome: str) -> None:
    async def story() -> None:
        desk = Desk()
        live, token = desk.call("call_1")
        live.session.end(outcome)
        await live.task
        assert await desk.code(token) == "invalid_resume_token"

    autojump.run(story())


def test_the_oldest_lost_call_goes_when_there_are_too_many() -> None:
    async def story() -> None:
        desk = Desk(resume_max_calls=2)
        tokens = [await desk.lost(f"call_{number}") for number in range(3)]
        assert [await desk.code(token) for token in tokens] == ["invalid_resume_token", "", ""]

    autojump.run(story())


def test_the_oldest_lost_call_goes_when_their_text_is_too_much_and_one_too_large_is_never_kept() -> None:
    async def story() -> None:
        desk = Desk(resume_max_bytes=20_000)
        first, second = await desk.lost("call_1", "x" * 3000), await desk.lost("call_2", "x" * 3000)
        huge = await desk.lost("call_3", "x" * 6000)
        assert [await desk.code(token) for token in (first, second, huge)] == [
            "invalid_resume_token",
            "",
            "invalid_resume_token",
        ]

    autojump.run(story())


def test_another_page_cannot_take_a_guests_call() -> None:
    async def story() -> None:
        desk = Desk()
        _, token = desk.call("call_1", origin="https://voice.example.org")
        assert await desk.code(token, "https://evil.example.org") == "wrong_origin"
        assert await desk.code(token, None) == "wrong_origin"
        assert await desk.code(token, "https://voice.example.org") == ""

    autojump.run(story())


def test_a_grant_survives_the_way_through_the_registry() -> None:
    grant = Grant("call_1", Owner(None, b"\x01" * 32), "helpdesk", greet=True, origin="https://voice.example.org")
    assert Grant.from_json(grant.to_json()) == grant


def turn(seq: int, role: str, heard: str, **changes: object) -> Turn:
    fields = {"channel": "voice", "text": heard, "start_ms": 0, "end_ms": 1} | changes
    return Turn(call_id="call_1", seq=seq, role=role, heard=heard, **fields)  # type: ignore[arg-type]


def test_a_stored_call_is_put_together_from_what_was_heard() -> None:
    turns = [
        turn(1, "user", "my printer is offline"),
        turn(2, "assistant", "Is the printer", text="Is the printer switched on?", interrupted=True),
        turn(3, "assistant", "", text="Never heard."),
        turn(4, "user", "yes", channel="text"),
    ]
    snapshot = from_turns(agent("helpdesk"), "call_1", "key_1", NOW, turns, greet=True)
    assert [(item.role, item.text, item.status, item.content[0].type) for item in snapshot.items] == [
        ("user", "my printer is offline", "completed", "input_audio"),
        ("assistant", "Is the printer", "incomplete", "output_audio"),
        ("user", "yes", "completed", "input_text"),
    ]
    assert snapshot.config.sends_transcription
    assert snapshot.turns > 4
