"""Sends a long piece of audio so that the server can play its start and cancel its rest."""

from __future__ import annotations

from voice_agent.engines.local.workers.host import Job

_PIECE_BYTES = 4096


def send_in_pieces(job: Job, pcm: bytes) -> None:
    """Raises JobCancelledError."""
    for start in range(0, len(pcm), _PIECE_BYTES):
        job.send(pcm[start : start + _PIECE_BYTES])
