"""One file of the outbox: written once, from its start to its end, and read back. Blocking: for the outbox's thread.

The lengths kept here are those that an fsync has confirmed. After a failed write nothing is appended any more: what the
disk holds of it is unknown, and the number of the frame must not be used for another text.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from voice_agent.storage.crypto import SALT_BYTES, FileCipher, WrongKeyOrDamage, key_id, sync_folder
from voice_agent.storage.errors import StorageError
from voice_agent.storage.outbox_format import HEADER_BYTES, Header, decode_header, encode_frame, scan
from voice_agent.storage.outbox_records import decode_records, join_records
from voice_agent.storage.rows import Record

logger = logging.getLogger(__name__)

DAMAGED_SUFFIX = ".damaged"


class Segment:
    """Made by `create` (to append to) or `find` (to read)."""

    def __init__(self, path: Path, size: int, rows: int, born: float) -> None:
        self.path = path
        self.bytes = size
        self.rows = rows
        self.born = born
        """`time.monotonic()` when it was made."""
        self._descriptor: int | None = None
        self._cipher: FileCipher | None = None
        self._header = b""
        self._frames = 0

    @classmethod
    def create(cls, path: Path, key: bytes) -> Self:
        """Raises OSError; then there is no such file, or an empty one that `find` removes."""
        header = Header(key_id(key), secrets.token_bytes(SALT_BYTES), int(time.time() * 1000))
        segment = cls(path, HEADER_BYTES, 0, time.monotonic())
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        segment._descriptor = os.open(path, flags, 0o600)
        segment._cipher = FileCipher(key, header.salt)
        segment._header = header.encode()
        try:
            _write(segment._descriptor, segment._header)
            sync_folder(path.parent)
        except OSError:
            segment.seal()
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        return segment

    @classmethod
    def find(cls, path: Path, key: bytes) -> Self | None:
        """What another process left behind, its torn tail cut off.

        None where there is nothing to be stored: an empty file is removed, an unreadable one renamed. Raises
        StorageError where it was written with another key or by a newer release, and OSError.
        """
        data = path.read_bytes()
        header = decode_header(data)
        if header is None:
            if len(data) > HEADER_BYTES:
                logger.error("A file of the outbox is damaged: it was renamed to *.damaged")
                path.rename(path.with_suffix(DAMAGED_SUFFIX))
            else:
                path.unlink()
            return None
        if header.key_id != key_id(key):
            raise StorageError(f"{path} was encrypted with another DATA_KEY: set that one, or move the file away.")
        found = scan(data)
        if found.whole_bytes < len(data):
            logger.warning("Cut %d bytes that a killed writer left unfinished", len(data) - found.whole_bytes)
            os.truncate(path, found.whole_bytes)
        if not found.frames and not found.damaged:
            path.unlink()
            return None
        age_s = max(0.0, time.time() - header.made_ms / 1000)
        return cls(path, found.whole_bytes, sum(frame.rows for frame in found.frames), time.monotonic() - age_s)

    @property
    def open(self) -> bool:
        """Whether it can still be appended to."""
        return self._descriptor is not None

    def append(self, records: Sequence[bytes]) -> None:
        """On the disk when it returns. Raises OSError; then none of it counts, and the segment is sealed."""
        if self._descriptor is None or self._cipher is None:
            raise ValueError("a sealed segment is not appended to")
        body = self._cipher.seal(self._frames, join_records(records), self._header)
        frame = encode_frame(body, len(records))
        try:
            _write(self._descriptor, frame)
            os.fdatasync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):  # what cannot be cut off now is left out when it is read
                os.ftruncate(self._descriptor, self.bytes)
            self.seal()
            raise
        self._frames += 1
        self.bytes += len(frame)
        self.rows += len(records)

    def seal(self) -> None:
        """Nothing is appended any more. Idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self, key: bytes) -> tuple[list[Record], int]:
        """Its records in order, and the number of frames that are damaged. Raises OSError."""
        with self.path.open("rb") as file:
            data = file.read(self.bytes)
        header = decode_header(data)
        if header is None:
            return [], 1
        cipher, found, records = FileCipher(key, header.salt), scan(data), list[Record]()
        damaged = found.damaged
        for frame in found.frames:
            try:
                records += decode_records(cipher.open(frame.number, frame.body, data[:HEADER_BYTES]))
            except (WrongKeyOrDamage, ValueError, TypeError, KeyError):
                damaged += 1
        if found.whole_bytes < self.bytes:
            damaged += 1
        return records, damaged


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
