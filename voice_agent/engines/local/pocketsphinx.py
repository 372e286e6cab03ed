"""The transcriber that needs neither key nor network: CMU Pocketsphinx, US English, in worker processes of 91 MB each.

About one word in ten is wrong on clean speech and most in noise; it is there so that a call works at once. Partials
arrive about every `POCKETSPHINX_PARTIAL_MS` of audio, the final a few milliseconds after the commit.
"""

from __future__ import annotations

from voice_agent.engines.local.transcriber import WorkerTranscriber
from voice_agent.engines.local.worker import WorkerSpec
from voice_agent.settings import EngineSettings


class PocketsphinxTranscriber(WorkerTranscriber):
    """Uses `hints` where the caller answers a closed question; ignores `prompt` and `model`."""

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__(
            "pocketsphinx",
            WorkerSpec(
                "voice_agent.engines.local.workers.pocketsphinx:PocketsphinxEngine",
                {"partial_ms": settings.pocketsphinx_partial_ms},
            ),
            partials=True,
            workers=settings.pocketsphinx_workers,
            settings=settings,
            languages=frozenset({"en"}),
        )
