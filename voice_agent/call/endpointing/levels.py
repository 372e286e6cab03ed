"""Probabilities (0-1) that a turn is complete, and what they stand for."""

from __future__ import annotations

SURE = 0.97
COMPLETE = 0.88
PROBABLE = 0.75
DOUBTFUL = 0.63
WAITING = 0.4
UNDER_WAY = 0.22
OPEN = 0.1
