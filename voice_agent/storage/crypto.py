"""Encryption of text that waits on a disk: AES-256-GCM, with a key of its own for every file.

The data key itself encrypts nothing. Each file's key is derived from it and from the file's random salt (HKDF-SHA256,
RFC 5869), so that the parts of a file can simply be numbered for their nonces: no nonce is used twice with one key as
long as a file is never written again from an earlier point, and a part that is moved, repeated or taken from another
file does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from voice_agent.settings import StorageSettings
from voice_agent.storage.errors import StorageError

KEY_BYTES = 32
KEY_ID_BYTES = 8
SALT_BYTES = 32
_NONCE_BYTES = 12


class WrongKeyOrDamage(Exception):  # noqa: N818 - a finding about data, not a mistake
    """The text was encrypted with another key, or is not what was encrypted."""


class FileCipher:
    """Encrypts the numbered parts of one file."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._cipher = AESGCM(_derive(key, salt, b"voice-agent file", KEY_BYTES))

    def seal(self, number: int, text: bytes, context: bytes) -> bytes:
        """Part `number`, each sealed once. `context` is not hidden, but has to be the same to open it."""
        return self._cipher.encrypt(_nonce(number), text, context)

    def open(self, number: int, sealed: bytes, context: bytes) -> bytes:
        """Raises WrongKeyOrDamage."""
        try:
            return self._cipher.decrypt(_nonce(number), sealed, context)
        except InvalidTag:
            raise WrongKeyOrDamage from None


def key_id(key: bytes) -> bytes:
    """Tells keys apart without saying anything about them."""
    return _derive(key, b"", b"voice-agent key id", KEY_ID_BYTES)


def load_key(settings: StorageSettings) -> bytes:
    """DATA_KEY, else what DATA_DIR/data.key holds, which is made where it is missing.

    Processes that may do so at the same time have to queue for a lock. Raises StorageError.
    """
    configured = settings.data_key.get_secret_value()
    if configured:
        return _decode(configured, "DATA_KEY")
    path = settings.data_dir / "data.key"
    try:
        if not path.exists():
            _make(path)
        return _decode(path.read_text(encoding="ascii"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"The key {path} cannot be used ({type(error).__name__}): set DATA_KEY.") from None


def _make(path: Path) -> None:
    """Complete under its name or not there at all."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes names that were added to, or removed from, a folder survive a loss of power. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decode(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise StorageError(f"{source} is not {KEY_BYTES} bytes in base64: make one with `openssl rand -base64 32`.")
    return key


def _derive(key: bytes, salt: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=purpose).derive(key)


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_BYTES, "big")
