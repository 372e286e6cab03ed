"""A whole pipeline in conversation: callers who ask, wait for the answer, and ask again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil

from scripts.load.rtc import Arrived, Microphones, RtcCaller
from scripts.load.signal import RefusedError, Signal, UnreachableError
from scripts.load.voice import RATE_HZ, Utterance
from scripts.peer_bench.environments import UnavailableError
from scripts.peer_bench.processes import cpu_s
from voice_agent.audio.opus import Decoder

AUDIBLE_DBFS = -50.0
_REPLY_TIMEOUT_S = 10.0
_GREETING_TIMEOUT_S = 4.0
_OVER_S = 1.2
"""So much silence ends a reply."""
_POLL_S = 0.05


@dataclass(slots=True)
class DialogueCost:
    """Of one server: `voice_to_voice_s` is from the end of the voice that was sent to the first audible packet."""

    calls: int
    voice_to_voice_s: list[float] = field(default_factory=list)
    cut_in: int = 0
    """Answers that began while the caller still spoke; not among the times."""
    unanswered: int = 0
    seconds: float = 0.0
    cpu_s_per_call_s: float = 0.0
    cpu_s_per_call_s_with_children: float = 0.0
    """With the processes that the server started: a database and local engines, where it has them."""
    busy: float = 0.0
    """Share of the core, with children."""

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.voice_to_voice_s, percent)) * 1000


class Ear:
    """Decodes what a caller hears, and remembers when there was sound."""

    def __init__(self) -> None:
        self._decoder = Decoder(RATE_HZ)
        self.sounds: list[float] = []
        self._loop = asyncio.get_running_loop()

    def packet(self, packet: Arrived) -> None:
        samples = np.frombuffer(self._decoder.decode(packet.payload), np.int16).astype(np.float64)
        level = 20 * np.log10(max(float(np.sqrt(np.mean(samples**2))) / 32768, 1e-6))
        if level > AUDIBLE_DBFS:
            self.sounds.append(packet.at)

    def close(self) -> None:
        self._decoder.close()

    def first_after(self, moment: float) -> float | None:
        return next((at for at in self.sounds if at > moment), None)

    async def sound(self, since: float, timeout_s: float) -> float | None:
        """The first sound after `since`; None if none comes within `timeout_s` of now."""
        deadline = self._loop.time() + timeout_s
        while (found := self.first_after(since)) is None and self._loop.time() < deadline:  # noqa: ASYNC110 - time ends it too
            await asyncio.sleep(_POLL_S)
        return found

    async def silence(self) -> None:
        """Returns when nothing has been heard for `_OVER_S`."""
        while self.sounds and self._loop.time() - self.sounds[-1] < _OVER_S:  # noqa: ASYNC110 - time ends it
            await asyncio.sleep(_POLL_S)


async def converse(caller: RtcCaller, ear: Ear, utterances: Sequence[Utterance], cost: DialogueCost) -> None:
    """Waits for a greeting, where there is one, and then takes turns."""
    loop = asyncio.get_running_loop()
    await ear.sound(loop.time() - 1, _GREETING_TIMEOUT_S)
    for utterance in utterances:
        await ear.silence()
        began = loop.time()
        ended = await caller.say(utterance)
        if ear.first_after(began) is not None:
            cost.cut_in += 1
        elif (sound := await ear.sound(ended, _REPLY_TIMEOUT_S)) is None:
            cost.unanswered += 1
        else:
            cost.voice_to_voice_s.append(sound - ended)


async def dialogue_cost(
    signal: Callable[[], Signal], process: psutil.Process, *, calls: int, utterances: Sequence[Utterance], turns: int
) -> DialogueCost:
    """Raises UnavailableError when calls fail or nobody is answered."""
    cost = DialogueCost(calls)
    async with contextlib.AsyncExitStack() as stack:
        microphones = await stack.enter_async_context(Microphones())
        callers: list[tuple[RtcCaller, Ear]] = []
        for _ in range(calls):
            ear = Ear()
            stack.callback(ear.close)
            caller = RtcCaller(microphones, on_packet=ear.packet, decrypt=True)
            stack.push_async_callback(caller.hang_up)
            try:
                await caller.call(signal())
            except (UnreachableError, RefusedError) as error:
                raise UnavailableError(f"call {len(callers) + 1} of {calls}: {error}") from error
            callers.append((caller, ear))
        loop = asyncio.get_running_loop()
        began, whole, alone = loop.time(), cpu_s(process), sum(process.cpu_times()[:2])
        async with asyncio.TaskGroup() as group:
            for first, (caller, ear) in enumerate(callers):
                chosen = list(itertools.islice(itertools.cycle(utterances), first, first + turns))
                group.create_task(converse(caller, ear, chosen, cost))
        cost.seconds = loop.time() - began
        cost.busy = (cpu_s(process) - whole) / cost.seconds
        cost.cpu_s_per_call_s_with_children = cost.busy / calls
        cost.cpu_s_per_call_s = (sum(process.cpu_times()[:2]) - alone) / cost.seconds / calls
    if not cost.voice_to_voice_s:
        raise UnavailableError(f"nobody was answered ({cost.cut_in} cut in, {cost.unanswered} unanswered)")
    return cost
