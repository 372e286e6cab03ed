"""No event of the protocol is left out: each is shown by a test that drives the server with the public client."""

from __future__ import annotations

from types import ModuleType
from typing import Any, get_args

import pytest
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent

from tests.integration import test_clients_audio, test_clients_calls, test_clients_text
from tests.integration.clients_support import shown_by

NEVER_SENT = {
    "conversation.created": "of the protocol's beta; a conversation is implied by its session",
    "conversation.item.created": "of the protocol's beta; now conversation.item.added and .done",
    "input_audio_buffer.dtmf_event_received": "there is no telephone line",
}


def types_of(union: Any) -> set[str]:
    """The values of `type` in a union of the client library's events."""
    members = get_args(get_args(union)[0])
    return {get_args(member.model_fields["type"].annotation)[0] for member in members}


def shown_in(*modules: ModuleType) -> dict[str, list[str]]:
    """Which tests show an event type."""
    shown: dict[str, list[str]] = {}
    for module in modules:
        for name, test in vars(module).items():
            for kind in shown_by(test):
                shown.setdefault(kind, []).append(f"{module.__name__}.{name}")
    return shown


SHOWN = shown_in(test_clients_text, test_clients_audio, test_clients_calls)


@pytest.mark.parametrize("kind", sorted(types_of(RealtimeClientEvent)))
def test_every_event_that_a_client_may_send_is_sent(kind: str) -> None:
    assert SHOWN.get(kind), "no test shows it"


@pytest.mark.parametrize("kind", sorted(types_of(RealtimeServerEvent)))
def test_every_event_that_a_server_may_send_is_received_or_has_a_reason_not_to_be(kind: str) -> None:
    unsupported = kind in NEVER_SENT or "mcp" in kind
    assert bool(SHOWN.get(kind)) is not unsupported, SHOWN.get(kind) or "no test shows it"
