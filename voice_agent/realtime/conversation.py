"""The conversation: its items in order, for the wire and for the language model.

Clients may insert, retrieve, truncate and delete; the server appends what was said. It is bounded: when it is full
the session's truncation setting decides whether the oldest items go or the client is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from voice_agent.engines.ports import Message
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.ids import new_id
from voice_agent.realtime.items import ROOT, Item, Part, Status
from voice_agent.realtime.messages import messages_of
from voice_agent.realtime.response_config import ItemReference
from voice_agent.realtime.session_parts import Truncation
from voice_agent.realtime.validation import invalid


class Conversation:
    """At most `max_items` items. Ids are unique among those present."""

    def __init__(self, *, max_items: int, conversation_id: str | None = None) -> None:
        if max_items < 1:
            raise ValueError("max_items must be positive")
        self.id = conversation_id or new_id("conv")
        self.truncation = Truncation()
        """Follows the session's setting."""
        self._max_items = max_items
        self._items: dict[str, Item] = {}
        self._order: list[str] = []

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._items[item_id] for item_id in self._order)

    @property
    def last_visible_id(self) -> str | None:
        """What the next item of the server will follow, on the wire."""
        return self._visible_before(len(self._order))

    def previous_visible_id(self, item_id: str) -> str | None:
        """The item before it that clients know; None at the front. Raises ProtocolError."""
        self.get(item_id)
        return self._visible_before(self._order.index(item_id))

    def get(self, item_id: str) -> Item:
        """Raises ProtocolError (`item_not_found`)."""
        item = self._items.get(item_id)
        if item is None:
            raise _not_found("item_id")
        return item

    def retrieve(self, item_id: str) -> Item:
        """As `get`, for a client: internal items are not there. Raises ProtocolError."""
        item = self.get(item_id)
        if item.internal:
            raise _not_found("item_id")
        return item

    def append(self, item: Item) -> None:
        """Adds what the server itself made: always possible, whatever has to go for it. Raises ValueError for an
        id that is taken."""
        if item.id in self._items:
            raise ValueError("an item with this id exists")
        self._make_room()
        self._insert(len(self._order), item)

    def create(self, item: Item, previous_item_id: str | None = None) -> None:
        """Adds an item of the client: at the end, after another one, or first ("root"). Raises ProtocolError."""
        if item.id in self._items:
            raise invalid("item.id", "an item with this id exists already")
        if item.type == "function_call_output" and not self._has_call(item.call_id):
            raise invalid("item.call_id", "the conversation has no function call with this id")
        if previous_item_id not in (None, ROOT) and previous_item_id not in self._items:
            raise _not_found("previous_item_id")
        if len(self._order) >= self._max_items and not self.truncation.enabled:
            message = f"The conversation is full ({self._max_items} items) and its truncation is disabled."
            raise ProtocolError(message, code="conversation_full", param="item")
        self._make_room(keep=previous_item_id)
        if previous_item_id is None:
            position = len(self._order)
        elif previous_item_id == ROOT:
            position = 0
        else:
            position = self._order.index(previous_item_id) + 1
        self._insert(position, item)

    def delete(self, item_id: str) -> None:
        """Raises ProtocolError."""
        self.retrieve(item_id)
        self._remove(item_id)

    def update(self, item: Item) -> None:
        """Replaces the item of the same id in its place. An item deleted meanwhile stays deleted."""
        if item.id in self._items:
            self._items[item.id] = item

    def set_status(self, item_id: str, status: Status) -> None:
        """Nothing happens where the item is gone: a client may have deleted it."""
        item = self._items.get(item_id)
        if item is not None:
            self._items[item_id] = replace(item, status=status)

    def set_transcript(self, item_id: str, text: str, content_index: int = 0) -> None:
        """Nothing happens where the item is gone: a client may have deleted it."""
        item = self._items.get(item_id)
        if item is not None and content_index < len(item.content):
            self._items[item_id] = item.with_text(text, content_index)

    def set_audio_ms(self, item_id: str, audio_ms: int) -> None:
        """Tells how much speech was made for an item, which bounds its truncation."""
        item = self._items.get(item_id)
        if item is not None:
            self._items[item_id] = replace(item, audio_ms=audio_ms)

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int, *, heard: str | None = None) -> Item:
        """Cuts an assistant's speech to what was heard and returns the item as it is now.

        `heard` is the text heard up to `audio_end_ms`; None takes a share of the words in proportion to the time. An
        item cut shorter already stays as it is: client and server both truncate after an interruption. Raises
        ProtocolError for anything but finished speech of the agent, and for a time beyond its end.
        """
        item = self.retrieve(item_id)
        if item.type != "message" or item.role != "assistant":
            raise invalid("item_id", "only messages of the assistant can be truncated")
        if item.status == "in_progress":
            raise invalid("item_id", "this item is still being made; cancel the response first")
        if content_index >= len(item.content) or item.content[content_index].type != "output_audio":
            raise invalid("content_index", "there is no audio part at this index")
        if audio_end_ms > item.audio_ms:
            raise invalid("audio_end_ms", f"the audio of this item is {item.audio_ms} ms long")
        length = item.audio_ms if item.heard_ms is None else item.heard_ms
        if item.heard_ms is not None and audio_end_ms >= length:
            return item
        text = words_within(item.content[content_index], audio_end_ms, length) if heard is None else heard
        cut = replace(item.with_text(text, content_index), heard_ms=audio_end_ms, status="incomplete")
        self._items[item_id] = cut
        return cut

    def to_messages(self, entries: Iterable[Item | ItemReference] | None = None) -> list[Message]:
        """As the language model sees it: the whole conversation, or these entries of a response's input. Items that
        are gone, because the client deleted them while the response was waiting, are left out."""
        if entries is None:
            return messages_of(self.items)
        present = [entry for entry in entries if not isinstance(entry, ItemReference) or entry.id in self]
        return messages_of(self.resolve(present))

    def resolve(self, entries: Iterable[Item | ItemReference]) -> list[Item]:
        """The input of a response, its references replaced by the items. Raises ProtocolError."""
        return [self.retrieve(entry.id) if isinstance(entry, ItemReference) else entry for entry in entries]

    def _has_call(self, call_id: str) -> bool:
        return any(
            item.type == "function_call" and item.call_id == call_id and not item.internal
            for item in self._items.values()
        )

    def _visible_before(self, position: int) -> str | None:
        for item_id in reversed(self._order[:position]):
            if not self._items[item_id].internal:
                return item_id
        return None

    def _insert(self, position: int, item: Item) -> None:
        self._order.insert(position, item.id)
        self._items[item.id] = item

    def _remove(self, item_id: str) -> None:
        self._order.remove(item_id)
        del self._items[item_id]

    def _make_room(self, keep: str | None = None) -> None:
        """Drops the oldest finished items until one more fits, further down with a retention ratio."""
        if len(self._order) < self._max_items:
            return
        ratio = self.truncation.retention_ratio if self.truncation.enabled else 1.0
        target = min(int(self._max_items * ratio), self._max_items - 1)
        removable = self._removable(keep)
        for item_id in removable[: len(self._order) - target]:
            self._remove(item_id)

    def _removable(self, keep: str | None) -> Sequence[str]:
        return [item_id for item_id in self._order if item_id != keep and self._items[item_id].status != "in_progress"]


def _not_found(param: str) -> ProtocolError:
    return ProtocolError("The conversation has no item with this id.", code="item_not_found", param=param)


def words_within(part: Part, audio_end_ms: int, audio_ms: int) -> str:
    """The first words of a part in proportion to the time heard, rounded down."""
    words = (part.text or "").split()
    if audio_ms <= 0:
        return ""
    return " ".join(words[: len(words) * audio_end_ms // audio_ms])
