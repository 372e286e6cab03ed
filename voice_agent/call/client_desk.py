"""Answers the client's events: checks whether each makes sense now, and does it or says why not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from voice_agent.call.metrics import EVENTS_REFUSED
from voice_agent.call.turn_types import CommitRequested, ContextChanged, PlayoutCleared
from voice_agent.realtime import server_events
from voice_agent.realtime.client_events import (
    ClientEvent,
    InputAudioAppend,
    InputAudioClear,
    InputAudioCommit,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    OutputAudioClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
    parse_client_event,
)
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.items import Item
from voice_agent.realtime.response_config import ResponseConfig

if TYPE_CHECKING:
    from voice_agent.call.session import CallSession

log = logging.getLogger(__name__)

_MIN_COMMIT_MS = 100
"""As the protocol has it: less than this is not a buffer that can be committed."""


class ClientDesk:
    """The client events of one call."""

    def __init__(self, session: CallSession) -> None:
        self._session = session

    def take(self, raw: str | bytes) -> None:
        """One message of the client. Never raises: an `error` event answers what cannot be done."""
        event_id: str | None = None
        try:
            event = parse_client_event(raw, max_bytes=self._session.settings.server.max_ws_event_bytes)
            event_id = event.event_id
            self._do(event)
        except ProtocolError as error:
            EVENTS_REFUSED.labels(error.code).inc()
            self._session.emit(error.caused_by(event_id).to_event())
        except Exception as error:
            # One event must not end the call, whatever it hit.
            log.error("a client event failed inside", extra={"error": type(error).__name__}, exc_info=True)
            failure = ProtocolError(
                "The server could not process this event.", code="server_error", event_id=event_id, type="server_error"
            )
            self._session.emit(failure.to_event())

    def _do(self, event: ClientEvent) -> None:
        session = self._session
        match event:
            case InputAudioAppend(audio):
                session.input_audio.append(audio)
            case SessionUpdate(partial):
                session.apply_config(session.config.updated(partial, audio_started=session.speaker.audio_started))
                session.emit(server_events.session_updated(session.config))
                session.feed(ContextChanged())
            case ItemCreate(item, previous_item_id):
                self._create(item, previous_item_id)
            case ItemRetrieve(item_id):
                session.emit(server_events.item_retrieved(session.conversation.retrieve(item_id)))
            case ItemDelete(item_id):
                session.conversation.delete(item_id)
                session.emit(server_events.item_deleted(item_id))
                session.feed(ContextChanged())
            case ItemTruncate(item_id, content_index, audio_end_ms):
                self._truncate(item_id, content_index, audio_end_ms)
            case InputAudioCommit():
                self._commit()
            case InputAudioClear():
                session.input_audio.clear(session.clear_input)
            case OutputAudioClear():
                session.feed(PlayoutCleared())
            case ResponseCreate(params):
                self._respond(params)
            case ResponseCancel(response_id):
                self._cancel(response_id)

    def _create(self, item: Item, previous_item_id: str | None) -> None:
        session = self._session
        session.conversation.create(item, previous_item_id)
        before = session.conversation.previous_visible_id(item.id)
        session.emit(server_events.item_added(item, before))
        session.emit(server_events.item_done(item, before))
        if item.type == "message" and item.role == "user" and item.text:
            session.caller_typed(item.text)
        session.feed(ContextChanged())

    def _truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        session = self._session
        session.speaker.truncate(item_id, content_index, audio_end_ms)
        session.feed(ContextChanged())
        if not session.paces_speech and session.speaker.speaking_item == item_id:
            # The client plays by itself, and has stopped: the floor is free.
            session.feed(PlayoutCleared())

    def _commit(self) -> None:
        session = self._session
        if session.input_audio.uncommitted_ms < _MIN_COMMIT_MS and not session.listener.has_audio:
            message = f"The input audio buffer is empty: a commit needs at least {_MIN_COMMIT_MS} ms of audio."
            raise ProtocolError(message, code="input_audio_buffer_commit_empty")

        def commit() -> None:
            session.listener.cut()
            session.feed(CommitRequested())

        session.input_audio.commit(commit)

    def _respond(self, params: Mapping[str, object]) -> None:
        session = self._session
        if session.speaker.generating or session.reply_pending:
            running = session.speaker.response_id or "not yet begun"
            message = f"A response is in progress ({running}): wait for it, or cancel it first."
            raise ProtocolError(message, code="conversation_already_has_active_response")
        config = ResponseConfig.create(session.config, params, audio_started=session.speaker.audio_started)
        if config.input is not None:
            session.conversation.resolve(config.input)
        session.request_reply(config)

    def _cancel(self, response_id: str | None) -> None:
        speaker = self._session.speaker
        running = speaker.generating or self._session.reply_pending
        if not running or response_id not in (None, speaker.response_id):
            raise ProtocolError("There is no such response in progress.", code="response_cancel_not_active")
        self._session.stop_reply()
