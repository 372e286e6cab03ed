"""Our own media path without a conversation: the peer, its detection and its playout, as a call uses them.

WITHOUT_SILERO=1 leaves webrtcvad alone with the decision.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from scripts.peers.wire import SPEECH_HZ, run, speech
from signaling.peer import Peer
from voice_agent.audio.segmenter import Segmenter
from voice_agent.audio.vad import SpeechDetector
from voice_agent.engines.ports import Pcm
from voice_agent.settings import AudioSettings, ServerSettings, Settings

SPEECH = speech()
SETTINGS = Settings(
    server=ServerSettings(media_host="127.0.0.1"), audio=AudioSettings(silero=not os.environ.get("WITHOUT_SILERO"))
)
calls: dict[Peer, asyncio.Task[None]] = {}


class Session:
    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.detector = SpeechDetector(SETTINGS.audio)
        self._segmenter = Segmenter(SETTINGS.audio, voiced=self.detector.feed)

    def audio_in(self, pcm: bytes) -> None:
        self._segmenter.feed(pcm)

    def client_event(self, raw: str | bytes) -> None:
        pass

    def connected(self) -> None:
        calls[self._peer] = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        speech: Any = self._peer.speech
        speech.begin("speech")
        while True:
            for at in range(0, len(SPEECH), SPEECH_HZ * 2):
                await speech.room()
                speech.write(Pcm(SPEECH[at : at + SPEECH_HZ * 2], SPEECH_HZ))


async def answer(offer: str) -> str:
    peer, sdp = await Peer.answer(offer, settings=SETTINGS, on_closed=lambda _: None)
    peer.bind(Session(peer))
    return sdp


run(answer)
