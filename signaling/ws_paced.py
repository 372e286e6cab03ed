"""A WebSocket that is read no faster than its client may send: the rest waits in the client's own buffers.

Pings count like messages. The library would answer them without ever giving way to other callers, and so would a loop
over small messages; here a flood of either is left unread for most of the time.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

from aiohttp import WSMessage, WSMsgType, web

from signaling.limits import ChannelRate
from voice_agent.hardening.rejections import rejected
from voice_agent.settings import ServerSettings

_WITH_DATA = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)


class PacedSocket(web.WebSocketResponse[bool]):
    """Hands out text that is not UTF-8 as well: answering it is not the socket's business."""

    def __init__(self, server: ServerSettings, protocols: tuple[str, ...]) -> None:
        super().__init__(
            protocols=protocols,
            heartbeat=server.ws_heartbeat_s,
            timeout=server.close_timeout_s,
            max_msg_size=server.max_ws_message_bytes,
            compress=False,
            autoping=False,
            decode_text=False,
        )
        self._send_timeout_s = server.ws_send_timeout_s
        self._rate = ChannelRate(server, asyncio.get_running_loop().time())

    async def receive(self, timeout: float | None = None) -> WSMessage:
        """The next message that is no ping or pong, once the earlier ones are paid for."""
        while True:
            message = cast(WSMessage, await super().receive(timeout))  # The same but for the type of its data.
            if message.type not in _WITH_DATA:
                return message
            pause_s = self._rate.wait_s(len(message.data), asyncio.get_running_loop().time())
            if pause_s:
                rejected("socket_rate")
                await asyncio.sleep(pause_s)
            if message.type is WSMsgType.PING:
                await self._answer(message.data)
            elif message.type is not WSMsgType.PONG:
                return message

    async def _answer(self, data: bytes) -> None:
        # A client that takes no pong is lost: its own silence or the next message sent to it will tell.
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(self._send_timeout_s):
                await self.pong(data)
