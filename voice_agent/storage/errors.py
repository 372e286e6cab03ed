"""What storage raises. Callers that may not import this package can catch `ConnectionError` for "away just now"."""

from __future__ import annotations


class StorageError(Exception):
    """The storage cannot work as it is set up; the message tells the operator what to do."""


class DatabaseUnavailable(ConnectionError):  # noqa: N818 - a state, not a mistake
    """The database did not answer in time, or not at all. The same request may succeed soon."""


class SecretsUnavailable(ConnectionError):  # noqa: N818 - a state, not a mistake
    """Redis did not answer in time, or not at all. Whatever was to be checked counts as not allowed."""


class OutboxUnavailable(Exception):  # noqa: N818 - a state, not a mistake
    """The disk of the outbox did not take or give text in time, or not at all.

    `code`: `timeout`, `behind`, `closed`, or the system's name of an error, such as `enospc`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
