"""How many calls a server holds: which number to try next. Pure.

Upwards in equal steps until one is too many, then between the last good and the first bad number until they are no
further apart than `resolution`.
"""

from __future__ import annotations


class Finder:
    def __init__(self, *, start: int, step: int, resolution: int, most: int) -> None:
        """Raises ValueError unless 1 <= resolution <= step and 1 <= start <= most."""
        if not 1 <= resolution <= step or not 1 <= start <= most:
            raise ValueError("1 <= resolution <= step and 1 <= start <= most")
        self.best = 0
        """The largest number that held so far."""
        self.next: int | None = start
        """To be tried; None when found."""
        self._step = step
        self._resolution = resolution
        self._most = most
        self._too_many: int | None = None

    def feed(self, held: bool) -> None:
        """The outcome of `next`. Raises ValueError where there is none."""
        if self.next is None:
            raise ValueError("found already")
        if held:
            self.best = self.next
        else:
            self._too_many = self.next
        self.next = self._following()

    def _following(self) -> int | None:
        if self._too_many is None:
            return min(self.best + self._step, self._most) if self.best < self._most else None
        if self._too_many - self.best <= self._resolution:
            return None
        return (self.best + self._too_many) // 2
