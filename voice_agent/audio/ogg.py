"""Takes the Opus packets out of an Ogg stream as it arrives (RFC 3533, RFC 7845), so that a provider's Opus can be
passed on without decoding it.

The structure is checked (capture pattern, version, serial, page order, identification header); the page checksum is
not, because the stream comes over TLS. Memory is bounded by one page and one packet. Seeking, other codecs and several
streams side by side are not supported; streams one after the other are.
"""

from __future__ import annotations

from voice_agent.audio.opus import MAX_PACKET_BYTES

_CAPTURE = b"OggS"
_HEADER_BYTES = 27
_CONTINUED, _FIRST = 1, 2
_FULL_SEGMENT = 255
_HEAD_BYTES = 19


class OggError(ValueError):
    """Not an Ogg stream that carries Opus, or a broken one. The reader cannot go on."""


class OggOpusReader:
    """Feed it bytes as they come; `pre_skip` and `channels` are known once the first page was read."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._packet = bytearray()
        self._open_packet = False
        self._serial: int | None = None
        self._page = 0
        self._headers = 0
        self.channels = 0
        self.pre_skip = 0
        """Samples at 48 kHz that a decoder's output should lose at the start."""

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the whole audio packets that `data` completed. Raises OggError."""
        self._buffer += data
        packets: list[bytes] = []
        at = 0
        while True:
            end = self._page_end(at)
            if end is None:
                break
            self._read_page(at, end, packets)
            at = end
        del self._buffer[:at]
        return packets

    def _page_end(self, at: int) -> int | None:
        buffer = self._buffer
        if not _CAPTURE.startswith(buffer[at : at + 4]) and buffer[at : at + 4] != _CAPTURE:
            raise OggError("no Ogg page where one must begin")
        if len(buffer) < at + _HEADER_BYTES:
            return None
        if buffer[at + 4] != 0:
            raise OggError("an Ogg version that does not exist")
        table = at + _HEADER_BYTES
        segments = buffer[at + 26]
        if len(buffer) < table + segments:
            return None
        end = table + segments + sum(buffer[table : table + segments])
        return end if len(buffer) >= end else None

    def _read_page(self, at: int, end: int, packets: list[bytes]) -> None:
        buffer = self._buffer
        flags = buffer[at + 5]
        serial = int.from_bytes(buffer[at + 14 : at + 18], "little")
        number = int.from_bytes(buffer[at + 18 : at + 22], "little")
        if flags & _FIRST:
            self._serial, self._page, self._headers, self._open_packet = serial, number, 0, False
            self._packet.clear()
        if self._serial is None or serial != self._serial or number != self._page:
            raise OggError("an Ogg page out of place")
        self._page = (number + 1) & 0xFFFFFFFF
        if bool(flags & _CONTINUED) != self._open_packet:
            raise OggError("an Ogg page that does not continue the one before")
        table = at + _HEADER_BYTES
        position = table + buffer[at + 26]
        for size in buffer[table:position]:
            self._packet += buffer[position : position + size]
            position += size
            if len(self._packet) > MAX_PACKET_BYTES:
                raise OggError("an Ogg packet longer than any Opus packet")
            self._open_packet = size == _FULL_SEGMENT
            if not self._open_packet:
                self._finish_packet(packets)
        if position != end:
            raise OggError("an Ogg page whose sizes disagree")

    def _finish_packet(self, packets: list[bytes]) -> None:
        packet = bytes(self._packet)
        self._packet.clear()
        if self._headers == 0:
            self._identify(packet)
            self._headers = 1
        elif self._headers == 1:
            if not packet.startswith(b"OpusTags"):
                raise OggError("the second Ogg packet is no Opus comment header")
            self._headers = 2
        elif packet:
            packets.append(packet)

    def _identify(self, packet: bytes) -> None:
        if len(packet) < _HEAD_BYTES or not packet.startswith(b"OpusHead"):
            raise OggError("the Ogg stream does not carry Opus")
        version, channels, mapping = packet[8], packet[9], packet[18]
        if version >> 4 != 0 or channels not in (1, 2) or mapping != 0:
            raise OggError("an Opus stream of a kind that is not supported")
        self.channels = channels
        self.pre_skip = int.from_bytes(packet[10:12], "little")
