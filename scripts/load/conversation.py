"""One load caller's conversation: plays a part on a phone, and measures what the caller notices.

voice_to_voice   end of the caller's voice -> first sound of the answer
typed_to_voice   a typed turn -> first sound of the answer
barge_in_stop    first sound of an interruption -> end of the agent's sound, as it reaches the caller
first_text       a typed turn -> first words of the answer in writing
whole_text       the same -> the end of the answer
set_up           dialling -> the call is connected
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from scripts.load.measures import Measures
from scripts.load.phones import Line, Phone, RtcPhone, SocketPhone
from scripts.load.script import Part, Turn
from scripts.load.signal import RefusedError, UnreachableError

ANSWER_TIMEOUT_S = 15.0
_REPLY_TIMEOUT_S = 60.0
_QUIET_S = 0.6
"""No sound for so long: the agent has finished."""
_REDIAL_S = 3.0
_TEXT_DELTAS = ("response.output_text.delta", "response.output_audio_transcript.delta")

Event = dict[str, Any]
OpenPhone = Callable[[Callable[[Event], None]], Phone]


class Conversation:
    """`run` goes on until it is cancelled; a call that ends early is dialled again, and counted."""

    def __init__(self, open_phone: OpenPhone, part: Part, model: str, measures: Measures, *, voice: bool) -> None:
        self.connected = False
        self._open_phone = open_phone
        self._part = part
        self._model = model
        self._measures = measures
        self._voice = voice
        self._loop = asyncio.get_running_loop()
        self._phone: Phone | None = None
        self._asked_at: float | None = None
        self._answered = asyncio.Event()
        self._past = (0, 0, 0, 0)

    @property
    def traffic(self) -> tuple[int, int, int, int]:
        """Packets sent, received, lost, late, of all its calls."""
        return self._phone_traffic() if self._phone is not None else self._past

    async def run(self) -> None:
        while True:
            self._phone = self._open_phone(self._event)
            try:
                await self._call(self._phone)
            except RefusedError as error:
                self._measures.count(f"refused: {error.status} {error.code}".rstrip())
            except UnreachableError as error:
                self._measures.count(f"not reached: {error}")
            except ConnectionError:
                self._measures.count("call lost")
            finally:
                self.connected = False
                self._past, phone, self._phone = self.traffic, self._phone, None
                await phone.hang_up()
            await asyncio.sleep(_REDIAL_S)

    def _phone_traffic(self) -> tuple[int, int, int, int]:
        assert self._phone is not None
        now = self._phone.traffic
        sent, received, lost, late = self._past
        return sent + now.sent, received + now.received, lost + now.lost, late + now.late

    async def _call(self, phone: Phone) -> None:
        begun = self._loop.time()
        await phone.dial(self._model)
        self._measure("set_up", begun)
        self.connected = True
        while True:
            turn = self._part.next()
            await self._pause(phone, turn.pause_s)
            await (self._spoken_turn(phone, turn) if self._voice else self._written_turn(phone, turn))

    async def _pause(self, phone: Phone, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await phone.closed.wait()
        except TimeoutError:
            return
        raise ConnectionError("the call has ended")

    # --- by voice -----------------------------------------------------------------------------------------------

    async def _spoken_turn(self, phone: Phone, turn: Turn) -> None:
        phone.hearing.forget()
        if turn.how == "spoken":
            ended = await phone.say(turn.text)
            first = await self._answer(phone, "voice_to_voice", ended)
        else:
            phone.write(turn.text)
            first = await self._answer(phone, "typed_to_voice", self._loop.time())
        if first is None:
            return
        if turn.interruption:
            await asyncio.sleep(max(0.0, first + turn.interrupt_after_s - self._loop.time()))
            if phone.hearing.sounding(self._loop.time()):
                await self._interrupt(phone, turn.interruption)
        await self._hear_out(phone)

    async def _answer(self, phone: Phone, name: str, ended: float) -> float | None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                first = await phone.hearing.begins()
        except TimeoutError:
            self._measures.count("no answer" if not phone.closed.is_set() else "call lost")
            return None
        if first < ended:
            self._measures.count("cut in")
        else:
            self._measures.duration(name, first - ended, first)
        return first

    async def _interrupt(self, phone: Phone, text: str) -> None:
        begun = self._loop.time()
        speaking = asyncio.create_task(phone.say(text))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                stopped = await phone.hearing.falls_silent(_QUIET_S)
                phone.hearing.forget()
                ended = await speaking
        except TimeoutError:
            self._measures.count("not interrupted")
            return
        finally:
            speaking.cancel()
        self._measures.duration("barge_in_stop", max(0.0, stopped - begun), self._loop.time())
        await self._answer(phone, "voice_to_voice", ended)

    async def _hear_out(self, phone: Phone) -> None:
        try:
            async with asyncio.timeout(_REPLY_TIMEOUT_S):
                await phone.hearing.falls_silent(_QUIET_S)
        except TimeoutError:
            self._measures.count("endless answer")

    # --- in writing ---------------------------------------------------------------------------------------------

    async def _written_turn(self, phone: Phone, turn: Turn) -> None:
        self._answered.clear()
        self._asked_at = begun = self._loop.time()
        phone.write(turn.text)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._answered.wait()
        except TimeoutError:
            self._measures.count("no answer" if not phone.closed.is_set() else "call lost")
            return
        self._measure("whole_text", begun)

    # --- what the server says -----------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        kind = event["type"]
        if kind == "error":
            self._measures.count(f"error event: {event['error'].get('code') or event['error'].get('type')}")
        elif not self._voice and kind in _TEXT_DELTAS and self._asked_at is not None:
            self._measure("first_text", self._asked_at)
            self._asked_at = None
        elif kind == "response.done":
            self._answered.set()
            if event["response"].get("status") == "failed":
                self._measures.count("failed answer")

    def _measure(self, name: str, begun: float) -> None:
        now = self._loop.time()
        self._measures.duration(name, now - begun, now)


def phone_maker(line: Line, transport: str) -> OpenPhone:
    """`transport`: webrtc, websocket or text."""
    if transport == "webrtc":
        return lambda on_event: RtcPhone(line, on_event)
    return lambda on_event: SocketPhone(line, on_event, voice=transport == "websocket")
