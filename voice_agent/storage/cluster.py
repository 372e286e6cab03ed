"""The folder of the embedded database: where it lies, who owns it, what is in it, and the lock that guards it.

    DATA_DIR/postgres/        0700, owned by the database's user
        data/                 the cluster; complete if it exists (made as data.new, then renamed)
        s/                    the Unix socket
        programs/             a copy of the Postgres programs, where they cannot be reached otherwise
        lock                  held by the process that runs Postgres, *and by Postgres itself*: once it is free, no
                              process of the cluster lives, so whatever pid files lie there are stale
        log                   Postgres' messages since the owner's start; neither statements nor values

Nothing here waits: whatever takes long is done by `embedded.py`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
from pathlib import Path

from voice_agent.settings import StorageSettings
from voice_agent.storage.binaries import Account, can_enter
from voice_agent.storage.errors import StorageError

_SOCKET_NAME = "/.s.PGSQL.5432.lock"
_MAX_SOCKET_PATH_BYTES = 107
"""Of `sun_path`, without the terminating zero (unix(7))."""


class Cluster:
    """Paths, account and lock. Nothing is created before `prepare`."""

    def __init__(self, settings: StorageSettings) -> None:
        """Raises StorageError where the server runs as root and there is no unprivileged user."""
        self.account = _account(settings) if os.geteuid() == 0 else None
        base = settings.data_dir.resolve()
        self.moved = self.account is not None and not can_enter(base.parent, self.account)
        """DATA_DIR cannot be reached by the database's user: DATA_DIR_FALLBACK is used."""
        if self.moved:
            base = settings.data_dir_fallback.resolve() / hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
        self.base = base
        self.directory = base / "postgres"
        self.data = self.directory / "data"
        self.unfinished = self.directory / "data.new"
        self.programs = self.directory / "programs"
        self.log = self.directory / "log"
        self._sockets = self.directory / "s"
        # Postgres and its clients take a comma for the end of the path.
        fits = len(os.fsencode(self._sockets)) + len(_SOCKET_NAME) <= _MAX_SOCKET_PATH_BYTES
        self._short = fits and "," not in str(self._sockets)
        self._sockets_fd: int | None = None
        self.lock_fd: int | None = None
        """Held while not None."""
        if self.account is not None:
            self.account = _owner(self.data) or self.account

    def prepare(self) -> None:
        """Creates the folders. Raises StorageError."""
        try:
            self.base.mkdir(parents=True, exist_ok=True)
            if self.account is not None and not can_enter(self.base, self.account):
                # Ours alone, so it may let the database's user pass; what lies in it has modes of its own.
                self.base.chmod(self.base.stat().st_mode | 0o011)
            for folder in (self.directory, self._sockets):
                folder.mkdir(mode=0o700, exist_ok=True)
                self.own(folder)
        except OSError as error:
            raise StorageError(
                f"{self.base} cannot be used for the database ({error.strerror}): set DATA_DIR."
            ) from None

    def own(self, path: Path) -> None:
        """Gives a path to the database's user."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    @property
    def server_socket_folder(self) -> str:
        """As Postgres, which works in `data`, is told it."""
        return str(self._sockets) if self._short else "../s"

    @property
    def host(self) -> str:
        """As clients in this process are told it; short and plain wherever the folder lies."""
        if self._short:
            return str(self._sockets)
        if self._sockets_fd is None:
            self._sockets_fd = os.open(self._sockets, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._sockets_fd}"

    def try_lock(self) -> bool:
        """Whether this process may run Postgres: nobody else does. Stale pid files of dead processes are removed."""
        if self.lock_fd is not None:
            return True
        descriptor = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.lock_fd = descriptor
        # A pid written before a crash may by now belong to another process, at which Postgres would refuse to start.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for stale in self._sockets.iterdir():
            stale.unlink()
        return True

    def close(self) -> None:
        """Frees the lock and the descriptors. Idempotent."""
        for descriptor in (self.lock_fd, self._sockets_fd):
            if descriptor is not None:
                os.close(descriptor)
        self.lock_fd = self._sockets_fd = None


def _account(settings: StorageSettings) -> Account:
    """The configured user; else `postgres` or `nobody`."""
    names = [settings.postgres_user] if settings.postgres_user else ["postgres", "nobody"]
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise StorageError("Postgres refuses to run as root: set POSTGRES_USER to an unprivileged user.")


def _owner(data: Path) -> Account | None:
    """Whoever made the cluster: only that user can run it."""
    try:
        info = data.stat()
    except OSError:
        return None
    return Account(info.st_uid, info.st_gid) if info.st_uid != 0 else None
