"""What a file of the outbox looks like, and what can still be read of one whose writer was killed. Pure.

    header   magic "VAOB", version, id of the key, salt, time it was made (ms since 1970), CRC-32 of all that
    frame    length of the body, rows in it, CRC-32 of both and the body; then the body: a batch of records, encrypted
    frame    …

A frame is what one fsync made durable. So only the last one of a file can be incomplete, and what is incomplete was
never acknowledged: that tail is cut off. A broken frame with a whole one behind it is something else, namely damage.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from voice_agent.storage.crypto import KEY_ID_BYTES, SALT_BYTES
from voice_agent.storage.errors import StorageError

_MAGIC = b"VAOB"
_VERSION = 1
_HEADER = struct.Struct(f">4sB{KEY_ID_BYTES}s{SALT_BYTES}sQ")
_CRC = struct.Struct(">I")
_FRAME = struct.Struct(">II")
HEADER_BYTES = _HEADER.size + _CRC.size
FRAME_BYTES = _FRAME.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Header:
    key_id: bytes
    salt: bytes
    made_ms: int

    def encode(self) -> bytes:
        fields = _HEADER.pack(_MAGIC, _VERSION, self.key_id, self.salt, self.made_ms)
        return fields + _CRC.pack(zlib.crc32(fields))


def decode_header(data: bytes) -> Header | None:
    """None where it is incomplete or damaged. Raises StorageError for a file of a newer release."""
    if len(data) < HEADER_BYTES:
        return None
    magic, version, key_id, salt, made_ms = _HEADER.unpack_from(data)
    (crc,) = _CRC.unpack_from(data, _HEADER.size)
    if magic != _MAGIC or crc != zlib.crc32(data[: _HEADER.size]):
        return None
    if version != _VERSION:
        raise StorageError("The outbox holds text that a newer release wrote: install that release.")
    return Header(key_id, salt, made_ms)


@dataclass(frozen=True, slots=True)
class Frame:
    number: int
    rows: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    frames: tuple[Frame, ...]
    """The whole ones."""
    whole_bytes: int
    """Length of the file without its torn tail."""
    damaged: int
    """Broken frames before that point."""


def encode_frame(body: bytes, rows: int) -> bytes:
    fields = _FRAME.pack(len(body), rows)
    return fields + _CRC.pack(zlib.crc32(body, zlib.crc32(fields))) + body


def scan(data: bytes) -> Scan:
    """The frames behind a whole header."""
    frames: list[Frame] = []
    damaged = broken = number = 0
    position = whole = min(HEADER_BYTES, len(data))
    while position + FRAME_BYTES <= len(data):
        length, rows = _FRAME.unpack_from(data, position)
        (crc,) = _CRC.unpack_from(data, position + _FRAME.size)
        end = position + FRAME_BYTES + length
        if end > len(data):
            break
        body = data[position + FRAME_BYTES : end]
        if crc == zlib.crc32(body, zlib.crc32(data[position : position + _FRAME.size])):
            frames.append(Frame(number, rows, body))
            damaged, broken, whole = damaged + broken, 0, end
        else:
            broken += 1
        position = end
        number += 1
    return Scan(tuple(frames), whole, damaged)
