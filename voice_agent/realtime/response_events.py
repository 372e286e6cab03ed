"""The events of one response, in the order clients rely on.

    response.created
      response.output_item.added, conversation.item.added          for each message or function call
        response.content_part.added
          …deltas…
        response.output_audio.done, response.output_audio_transcript.done   (or response.output_text.done)
        response.content_part.done
      conversation.item.done, response.output_item.done
    response.done

Whatever ends a response, everything opened is closed, once, and `response.done` comes last: clients that miss it never
speak again. The sound itself may go on after it; `output_audio_buffer.*` belongs to the playout and is not made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Literal

from voice_agent.engines.ports import Usage
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.errors import IllegalOrderError
from voice_agent.realtime.ids import new_id
from voice_agent.realtime.items import Item, Part, Status
from voice_agent.realtime.response_config import ResponseConfig
from voice_agent.realtime.server_events import Event, event, item_added, item_done

Transport = Literal["webrtc", "websocket"]
FinalStatus = Literal["completed", "cancelled", "incomplete", "failed"]
Reason = Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"]

_REASONS: dict[FinalStatus, tuple[Reason | None, ...]] = {
    "completed": (None,),
    "cancelled": ("turn_detected", "client_cancelled"),
    "incomplete": ("max_output_tokens", "content_filter"),
    "failed": (None,),
}


class ResponseState(Enum):
    NEW = auto()
    """Nothing was sent."""
    OPEN = auto()
    """Begun; no item is open."""
    MESSAGE = auto()
    """A message is open and takes text and audio."""
    DONE = auto()
    """`response.done` was sent; nothing more may be."""


class ResponseEvents:
    """One response. `emit` takes each event at once and in order.

    Items are added to the conversation and kept up to date there, unless the response is out of band.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        conversation: Conversation,
        config: ResponseConfig,
        *,
        transport: Transport,
        response_id: str | None = None,
        make_id: Callable[[str], str] = new_id,
    ) -> None:
        self.id = response_id or make_id("resp")
        self.config = config
        self._emit = emit
        self._conversation = conversation
        self._transport = transport
        self._make_id = make_id
        self._state = ResponseState.NEW
        self._output: list[Item] = []
        self._item: Item | None = None
        self._previous_id: str | None = None
        self._text: list[str] = []

    @property
    def state(self) -> ResponseState:
        return self._state

    @property
    def active(self) -> bool:
        """Between `begin` and `finish`."""
        return self._state in (ResponseState.OPEN, ResponseState.MESSAGE)

    @property
    def item_id(self) -> str | None:
        """The open message."""
        return self._item.id if self._item else None

    @property
    def output(self) -> tuple[Item, ...]:
        """The items finished so far."""
        return tuple(self._output)

    def begin(self) -> None:
        self._require(ResponseState.NEW)
        self._state = ResponseState.OPEN
        self._emit(event("response.created", response=self._response("in_progress")))

    def begin_message(self, item_id: str | None = None) -> str:
        """Opens an assistant message and returns its id."""
        self._require(ResponseState.OPEN)
        self._state = ResponseState.MESSAGE
        self._text = []
        item = Item(
            id=item_id or self._make_id("item"), type="message", status="in_progress", role="assistant", content=()
        )
        self._item = item
        self._open(item)
        part = {"type": "audio", "transcript": ""} if self._audible else {"type": "text", "text": ""}
        self._emit(self._content_event("response.content_part.added", part=part))
        return item.id

    def text(self, delta: str) -> None:
        """More text of the message: the transcript where the response is spoken. Empty deltas are not sent."""
        self._require(ResponseState.MESSAGE)
        if not delta:
            return
        self._text.append(delta)
        kind = "response.output_audio_transcript.delta" if self._audible else "response.output_text.delta"
        self._emit(self._content_event(kind, delta=delta))

    def audio(self, base64_audio: str) -> None:
        """More audio of the message, in the response's output format. Only where audio travels in events."""
        self._require(ResponseState.MESSAGE)
        if self._transport != "websocket" or not self._audible:
            raise IllegalOrderError("this response sends no audio in events")
        self._emit(self._content_event("response.output_audio.delta", delta=base64_audio))

    def end_message(self, status: Status = "completed") -> Item:
        """Closes the message and returns it."""
        self._require(ResponseState.MESSAGE)
        if self._item is None or status == "in_progress":
            raise IllegalOrderError("a message ends as completed or incomplete")
        text = "".join(self._text)
        if self._audible:
            self._emit(self._content_event("response.output_audio.done"))
            self._emit(self._content_event("response.output_audio_transcript.done", transcript=text))
            self._emit(self._content_event("response.content_part.done", part={"type": "audio", "transcript": text}))
            content = Part("output_audio", text)
        else:
            self._emit(self._content_event("response.output_text.done", text=text))
            self._emit(self._content_event("response.content_part.done", part={"type": "text", "text": text}))
            content = Part("output_text", text)
        current = self._current(self._item)
        item = replace(current, status=status, content=(content,))
        self._state = ResponseState.OPEN
        self._item = None
        self._close(item)
        return item

    def function_call(self, name: str, call_id: str, arguments: str) -> str:
        """A whole call of a tool that the client runs, as an item of its own. Returns the item's id."""
        self._require(ResponseState.OPEN)
        item = Item(id=self._make_id("item"), type="function_call", status="in_progress", name=name, call_id=call_id)
        self._open(item)
        fields: dict[str, object] = {
            "response_id": self.id,
            "item_id": item.id,
            "output_index": len(self._output),
            "call_id": call_id,
        }
        self._emit(event("response.function_call_arguments.delta", **fields, delta=arguments))
        self._emit(event("response.function_call_arguments.done", **fields, name=name, arguments=arguments))
        self._close(replace(item, status="completed", arguments=arguments))
        return item.id

    def finish(
        self,
        status: FinalStatus = "completed",
        reason: Reason | None = None,
        usage: Usage | None = None,
        *,
        error_code: str = "server_error",
        error_message: str = "The response could not be made.",
    ) -> None:
        """Ends the response from any state but NEW and DONE; an open message is closed first.

        `reason` belongs to cancelled (turn_detected | client_cancelled) and incomplete (max_output_tokens |
        content_filter); the error texts to failed. Raises IllegalOrderError.
        """
        self._require(ResponseState.OPEN, ResponseState.MESSAGE)
        if reason not in _REASONS[status]:
            raise IllegalOrderError("this reason does not go with this status")
        if self._state is ResponseState.MESSAGE:
            self.end_message("completed" if status == "completed" else "incomplete")
        self._state = ResponseState.DONE
        response = self._response(status)
        if reason is not None:
            response["status_details"] = {"type": status, "reason": reason}
        elif status == "failed":
            error = {"type": "server_error", "code": error_code, "message": error_message}
            response["status_details"] = {"type": status, "error": error}
        response["usage"] = _usage(usage or Usage(0, 0))
        self._emit(event("response.done", response=response))

    @property
    def _audible(self) -> bool:
        return self.config.modality == "audio"

    def _require(self, *states: ResponseState) -> None:
        if self._state not in states:
            raise IllegalOrderError(f"not possible while the response is {self._state.name}")

    def _current(self, item: Item) -> Item:
        """The item with what others noted on it meanwhile, such as the length of its audio."""
        if not self.config.out_of_band and item.id in self._conversation:
            return self._conversation.get(item.id)
        return item

    def _open(self, item: Item) -> None:
        self._emit(
            event(
                "response.output_item.added",
                response_id=self.id,
                output_index=len(self._output),
                item=item.to_wire(),
            )
        )
        if self.config.out_of_band:
            return
        self._previous_id = self._conversation.last_visible_id
        self._conversation.append(item)
        self._emit(item_added(item, self._previous_id))

    def _close(self, item: Item) -> None:
        if not self.config.out_of_band:
            self._conversation.update(item)
            self._emit(item_done(item, self._previous_id))
        self._emit(
            event(
                "response.output_item.done",
                response_id=self.id,
                output_index=len(self._output),
                item=item.to_wire(),
            )
        )
        self._output.append(item)

    def _content_event(self, kind: str, **fields: object) -> Event:
        return event(
            kind,
            response_id=self.id,
            item_id=self.item_id,
            output_index=len(self._output),
            content_index=0,
            **fields,
        )

    def _response(self, status: str) -> dict[str, object]:
        config = self.config
        response: dict[str, object] = {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "output": [item.to_wire() for item in self._output],
            "output_modalities": [config.modality],
            "max_output_tokens": "inf" if config.max_output_tokens is None else config.max_output_tokens,
        }
        if not config.out_of_band:
            response["conversation_id"] = self._conversation.id
        if config.metadata:
            response["metadata"] = dict(config.metadata)
        if self._audible:
            audio: dict[str, object] = {"format": config.output_format.to_wire()}
            if config.voice:
                audio["voice"] = config.voice
            response["audio"] = {"output": audio}
        return response


def _usage(usage: Usage) -> dict[str, object]:
    """Our models take and give text; speech is made and understood beside them and counts no tokens."""
    return {
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "input_token_details": {"text_tokens": usage.input_tokens, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": usage.output_tokens, "audio_tokens": 0},
    }
