"""Speech that was already synthesized, in memory only: greetings, fillers and other phrases said again and again.

Only whole clauses are kept. What was cut, failed or cancelled never is, and a restart forgets everything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from voice_agent.engines.ports import AudioChunk, Pcm, SpeechOptions, Synthesizer

_Key = tuple[str, SpeechOptions]


def size_bytes(chunk: AudioChunk) -> int:
    """Bytes of audio in a chunk."""
    return len(chunk.data) if isinstance(chunk, Pcm) else sum(len(packet) for packet in chunk.packets)


class CachingSynthesizer:
    """A synthesizer with the `capacity_bytes` of audio used last before it. Bytes are those of the audio alone."""

    def __init__(self, inner: Synthesizer, capacity_bytes: int) -> None:
        self.name = inner.name
        self._inner = inner
        self._capacity = capacity_bytes
        self._clauses: OrderedDict[_Key, tuple[int, tuple[AudioChunk, ...]]] = OrderedDict()
        self._used = 0

    @property
    def used_bytes(self) -> int:
        return self._used

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        """As the engine's own `speak`; a clause said before comes at once and is not asked for. Raises EngineError."""
        key = (text, options)
        if key in self._clauses:
            self._clauses.move_to_end(key)
            for chunk in self._clauses[key][1]:
                yield chunk
            return
        size = 0
        chunks: list[AudioChunk] = []
        async with aclosing(self._inner.speak(text, options)) as speech:
            async for chunk in speech:
                size += size_bytes(chunk)
                if size <= self._capacity:
                    chunks.append(chunk)
                else:
                    chunks.clear()
                yield chunk
        if 0 < size <= self._capacity:
            self._keep(key, size, tuple(chunks))

    async def warm(self, texts: Iterable[str], options: SpeechOptions) -> None:
        """Synthesizes those that are not there yet, one after the other. Raises EngineError."""
        for text in texts:
            async with aclosing(self.speak(text, options)) as speech:
                async for _chunk in speech:
                    pass

    async def aclose(self) -> None:
        """Forgets everything. The engine behind it is left to its owner."""
        self._clauses.clear()
        self._used = 0

    def _keep(self, key: _Key, size: int, chunks: tuple[AudioChunk, ...]) -> None:
        if key in self._clauses:
            self._used -= self._clauses.pop(key)[0]
        self._clauses[key] = (size, chunks)
        self._used += size
        while self._used > self._capacity:
            _key, (oldest, _chunks) = self._clauses.popitem(last=False)
            self._used -= oldest
