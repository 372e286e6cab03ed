"""The folders of the outbox: whose they are, and which segments lie in them. Blocking: for the outbox's thread.

    DATA_DIR/outbox/            0700
        lock                    held while folders are made, taken over or removed
        3f9c…/                  of one process
            lock                held by that process for as long as it lives: a free one was left behind
            00000001.seg        oldest first
            00000007.damaged    set aside: a part of it could not be read
    DATA_DIR/data.key           0600; made where DATA_KEY is not set

A process writes to a folder of its own only, and takes over, to empty them, folders that were left behind. The kernel
frees a lock with the process that held it, however that ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voice_agent.settings import StorageSettings
from voice_agent.storage.crypto import load_key, sync_folder
from voice_agent.storage.errors import StorageError
from voice_agent.storage.outbox_segment import DAMAGED_SUFFIX, Segment
from voice_agent.storage.rows import Record

logger = logging.getLogger(__name__)

_LOCK = "lock"
_SEGMENT = ".seg"


def prepare_outbox(settings: StorageSettings) -> Path:
    """Makes the folder and, where it is missing, the key; returns the only folder that is written to afterwards.

    Call it before the process gives up its right to create files elsewhere. Raises StorageError.
    """
    folder = settings.data_dir.resolve() / "outbox"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with _locked(folder / _LOCK):
            load_key(settings)
    except OSError as error:
        raise StorageError(f"{folder} cannot be used for the outbox ({error.strerror}): set DATA_DIR.") from None
    return folder


@dataclass(slots=True)
class _Folder:
    path: Path
    lock_fd: int
    segments: deque[Segment] = field(default_factory=deque)


class OutboxFolders:
    """The process' own folder, and those it has taken over. The numbers may be read from any thread."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._key = b""
        self._top = Path()
        self._own: _Folder | None = None
        self._adopted: deque[_Folder] = deque()
        self._numbers = 0
        self.rows = 0
        self.bytes = 0
        self.born: float | None = None
        """When the oldest segment was made (`time.monotonic()`); None where there is none."""

    def open(self) -> None:
        """Raises StorageError and OSError."""
        self._top = prepare_outbox(self._settings)
        self._key = load_key(self._settings)
        try:
            with _locked(self._top / _LOCK):
                path = self._top / secrets.token_hex(8)
                path.mkdir(mode=0o700)
                self._own = _Folder(path, _try_lock(path / _LOCK))
                sync_folder(self._top)
            self.adopt()
        except BaseException:
            self.close()
            raise

    def adopt(self) -> bool:
        """Takes over the folders of processes that have ended; whether other processes still have records. Raises
        StorageError and OSError."""
        others, own = False, self.rows
        with _locked(self._top / _LOCK):
            held = {folder.path for folder in self._held()}
            for path in sorted(self._top.iterdir()):
                if path in held or not path.is_dir():
                    continue
                try:
                    lock_fd = _try_lock(path / _LOCK)
                except BlockingIOError:
                    others = others or any(path.glob(f"*{_SEGMENT}"))
                    continue
                self._take_over(_Folder(path, lock_fd))
        self._count()
        if self.rows > own:
            logger.info("The outbox holds %d records from before", self.rows - own)
        return others

    def _take_over(self, folder: _Folder) -> None:
        try:
            for path in sorted(folder.path.glob(f"*{_SEGMENT}")):
                segment = Segment.find(path, self._key)
                if segment is not None:
                    folder.segments.append(segment)
        except BaseException:
            os.close(folder.lock_fd)
            raise
        if folder.segments:
            self._adopted.append(folder)
        else:
            _give_up(folder)

    def append(self, records: Sequence[bytes]) -> None:
        """Encoded records, on the disk when it returns. Raises OSError; then none of them counts."""
        own = self._mine()
        active = own.segments[-1] if own.segments and own.segments[-1].open else None
        if active is not None and active.bytes >= self._settings.outbox_segment_bytes:
            active.seal()
            active = None
        if active is None:
            self._numbers += 1
            active = Segment.create(own.path / f"{self._numbers:08d}{_SEGMENT}", self._key)
            own.segments.append(active)
        try:
            active.append(records)
        except OSError:
            if not active.rows:
                own.segments.remove(active)
                with contextlib.suppress(OSError):  # an empty segment is removed by whoever finds it
                    active.path.unlink()
            raise
        finally:
            self._count()

    def oldest(self) -> tuple[Segment, list[Record], int] | None:
        """The segment to be stored next, its records and how many of its frames are damaged. Raises OSError."""
        segment = next((segment for folder in self._held() for segment in folder.segments), None)
        if segment is None:
            return None
        segment.seal()
        return segment, *segment.read(self._key)

    def remove(self, segment: Segment, *, keep: bool) -> None:
        """It is stored: deletes it or, to be looked at, renames it. Raises OSError."""
        folder = next(folder for folder in self._held() if segment in folder.segments)
        if keep:
            segment.path.rename(segment.path.with_suffix(DAMAGED_SUFFIX))
        else:
            segment.path.unlink(missing_ok=True)
        folder.segments.remove(segment)
        self._count()
        sync_folder(folder.path)
        if not folder.segments and folder is not self._own:
            with _locked(self._top / _LOCK):
                self._adopted.remove(folder)
                _give_up(folder)

    def close(self) -> None:
        """Frees the locks. Folders that still hold segments are taken over by the next process. Raises OSError."""
        with _locked(self._top / _LOCK):
            for folder in self._held():
                for segment in folder.segments:
                    segment.seal()
                with contextlib.suppress(OSError):  # an empty folder is removed by whoever finds it
                    _give_up(folder)
        self._own = None
        self._adopted.clear()
        self._count()

    def _held(self) -> Iterator[_Folder]:
        """In the order in which they are emptied."""
        yield from self._adopted
        if self._own is not None:
            yield self._own

    def _mine(self) -> _Folder:
        if self._own is None:
            raise OSError("the outbox is closed")
        return self._own

    def _count(self) -> None:
        segments = [segment for folder in self._held() for segment in folder.segments]
        self.rows = sum(segment.rows for segment in segments)
        self.bytes = sum(segment.bytes for segment in segments)
        self.born = min((segment.born for segment in segments), default=None)


def _give_up(folder: _Folder) -> None:
    """Frees the lock; removes the folder where nothing lies in it. Under the lock above."""
    try:
        if not any(path.name != _LOCK for path in folder.path.iterdir()):
            (folder.path / _LOCK).unlink(missing_ok=True)
            folder.path.rmdir()
    finally:
        os.close(folder.lock_fd)


def _try_lock(path: Path) -> int:
    """The descriptor that holds the lock. Raises BlockingIOError where another process does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Waits for other processes that make, take over or remove folders: a matter of milliseconds."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
