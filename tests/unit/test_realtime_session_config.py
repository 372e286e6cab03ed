"""Updates of a session change what they name and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.realtime_wire import assert_valid, unhurried
from voice_agent.engines.ports import ToolSpec
from voice_agent.realtime import server_events
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.items import Item, Part
from voice_agent.realtime.response_config import ItemReference, ResponseConfig
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.realtime.session_parts import AudioFormat, SemanticVad, ServerVad, Transcription

TOOL = {"type": "function", "name": "weather", "description": "d", "parameters": {"type": "object"}}

AGENTS_SDK_UPDATE: Mapping[str, object] = {
    "type": "realtime",
    "instructions": "Be kind.",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "noise_reduction": None,
            "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {"type": "semantic_vad"},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1},
    },
    "tools": [TOOL],
}
"""The first update of @openai/agents-realtime, as it goes over the wire."""


def session(**overrides: object) -> SessionConfig:
    config = SessionConfig.create(
        agent_model="interviewer",
        agents=("interviewer", "helpdesk"),
        instructions="Interview.",
        voice="anna",
        language="en",
        expires_at=1_800_000_000,
        session_id="sess_1",
    )
    return config.updated(overrides, audio_started=False) if overrides else config


def audio(side: str, **fields: object) -> dict[str, object]:
    return {"type": "realtime", "audio": {side: fields}}


def refusal(config: SessionConfig, partial: Mapping[str, object], *, audio_started: bool = False) -> ProtocolError:
    before = config.to_wire()
    with pytest.raises(ProtocolError) as caught:
        config.updated(partial, audio_started=audio_started)
    assert config.to_wire() == before
    return caught.value


def test_the_whole_session_goes_to_the_client() -> None:
    assert session().to_wire() == {
        "id": "sess_1",
        "object": "realtime.session",
        "type": "realtime",
        "expires_at": 1_800_000_000,
        "model": "interviewer",
        "instructions": "Interview.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": {
                    "type": "semantic_vad",
                    "eagerness": "auto",
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1.0, "voice": "anna"},
        },
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
    }


@pytest.mark.parametrize("config", [session(), session(**AGENTS_SDK_UPDATE)])
def test_session_events_fit_the_published_types(config: SessionConfig) -> None:
    assert_valid(server_events.session_created(config))
    assert_valid(server_events.session_updated(config))


def test_the_first_update_of_the_agents_sdk_keeps_our_agent_and_voice() -> None:
    config = session(**AGENTS_SDK_UPDATE)
    assert (config.model, config.voice, config.instructions) == ("interviewer", "anna", "Be kind.")
    assert config.transcription == Transcription(model="gpt-4o-mini-transcribe")
    assert config.tools == (ToolSpec("weather", "d", {"type": "object"}),)
    assert config.sends_transcription


UPDATES: list[Mapping[str, object]] = [
    {"type": "realtime", "instructions": ""},
    {"type": "realtime", "output_modalities": ["text"]},
    {"type": "realtime", "max_output_tokens": 4096},
    {"type": "realtime", "tools": [TOOL], "tool_choice": {"type": "function", "name": "weather"}},
    {"type": "realtime", "tool_choice": "none"},
    {"type": "realtime", "truncation": "disabled"},
    {"type": "realtime", "truncation": {"type": "retention_ratio", "retention_ratio": 0.5}},
    {"type": "realtime", "include": ["item.input_audio_transcription.logprobs"]},
    audio("input", format={"type": "audio/pcmu"}),
    audio("input", turn_detection=None),
    audio("input", turn_detection={"type": "server_vad", "idle_timeout_ms": 6000}),
    audio("input", transcription={"model": "m", "language": "de", "prompt": "p", "keywords": ["k"]}),
    audio("input", noise_reduction={"type": "near_field"}),
    audio("output", format={"type": "audio/pcma"}),
    audio("output", speed=1.5),
    audio("output", voice={"id": "voice_1"}),
]


@pytest.mark.parametrize("update", UPDATES)
def test_an_update_shows_in_the_answer_and_leaves_the_rest(update: Mapping[str, object]) -> None:
    before = session(**AGENTS_SDK_UPDATE)
    after = before.updated(update, audio_started=False)
    assert after != before
    assert_valid(server_events.session_updated(after))
    changed = set(_leaves(after.to_wire()).items()) ^ set(_leaves(before.to_wire()).items())
    named = tuple(_leaves(update))
    assert {path for path, _ in changed if not _within(path, named)} == set()


@unhurried
@given(order=st.lists(st.sampled_from(UPDATES), max_size=6))
def test_repeating_the_last_update_changes_nothing(order: list[Mapping[str, object]]) -> None:
    config = session()
    for update in order:
        config = config.updated(update, audio_started=False)
        assert config.updated(update, audio_started=False) == config
        assert_valid(server_events.session_updated(config))


@unhurried
@given(order=st.lists(st.sampled_from(UPDATES), max_size=5))
def test_a_session_accepts_what_it_sent(order: list[Mapping[str, object]]) -> None:
    config = session()
    for update in order:
        config = config.updated(update, audio_started=False)
    echoed = json.loads(json.dumps(config.to_wire()))
    assert config.updated(echoed, audio_started=True) == config


def _leaves(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        return {p: leaf for key, child in value.items() for p, leaf in _leaves(child, f"{path}.{key}").items()}
    return {path: json.dumps(value)}


def _within(path: str, named: tuple[str, ...]) -> bool:
    """A field may change when it, its parent object or something inside it was named."""
    parents = {name.rsplit(".", 1)[0] for name in named if name.count(".") > 2} | set(named)
    return any(path.startswith(name) or name.startswith(path) for name in parents)


def test_explicit_null_turn_detection_is_manual_and_absent_keeps_it() -> None:
    manual = session(**audio("input", turn_detection=None))
    assert manual.turn_detection is None
    wire = manual.to_wire()["audio"]
    assert isinstance(wire, dict)
    assert wire["input"]["turn_detection"] is None
    assert manual.updated(audio("input", format={"type": "audio/pcm"}), audio_started=False).turn_detection is None


def test_turn_detection_merges_within_a_type_and_starts_afresh_in_another() -> None:
    config = session(**audio("input", turn_detection={"type": "server_vad", "threshold": 0.9, "idle_timeout_ms": 5000}))
    config = config.updated(
        audio("input", turn_detection={"type": "server_vad", "silence_duration_ms": 200, "interrupt_response": False}),
        audio_started=False,
    )
    assert config.turn_detection == ServerVad(
        threshold=0.9, silence_duration_ms=200, idle_timeout_ms=5000, interrupt_response=False
    )
    config = config.updated(
        audio("input", turn_detection={"type": "server_vad", "idle_timeout_ms": None}), audio_started=False
    )
    assert isinstance(config.turn_detection, ServerVad)
    assert config.turn_detection.idle_timeout_ms is None
    config = config.updated(
        audio("input", turn_detection={"type": "semantic_vad", "eagerness": "low"}), audio_started=False
    )
    assert config.turn_detection == SemanticVad(eagerness="low")
    assert config.turn_detection.max_wait_ms == 8000


def test_null_transcription_stops_the_events() -> None:
    config = session(**AGENTS_SDK_UPDATE).updated(audio("input", transcription=None), audio_started=False)
    assert config.transcription is None
    assert not config.sends_transcription
    assert config.transcription_language == "en"


def test_the_clients_language_goes_before_the_agents() -> None:
    config = session(**audio("input", transcription={"language": "fr"}))
    assert config.transcription_language == "fr"


def test_the_voice_is_fixed_once_it_was_heard() -> None:
    config = session()
    change = audio("output", voice="bert")
    assert config.updated(change, audio_started=False).voice == "bert"
    error = refusal(config, change, audio_started=True)
    assert (error.code, error.param) == ("cannot_update_voice", "session.audio.output.voice")
    assert config.updated(audio("output", voice="anna"), audio_started=True) == config


@pytest.mark.parametrize("model", ["interviewer", "gpt-realtime", "gpt-realtime-2.1", "anything"])
def test_a_providers_model_name_means_the_current_agent(model: str) -> None:
    assert session(type="realtime", model=model).model == "interviewer"


def test_another_agent_is_refused_during_a_session() -> None:
    assert refusal(session(), {"type": "realtime", "model": "helpdesk"}).code == "cannot_update_model"


def test_new_tools_without_the_forced_one_let_the_model_choose() -> None:
    forced = session(type="realtime", tools=[TOOL], tool_choice={"type": "function", "name": "weather"})
    assert forced.tool_choice == "weather"
    assert forced.updated({"type": "realtime", "tools": []}, audio_started=False).tool_choice == "auto"


@pytest.mark.parametrize(
    "update",
    [
        {"type": "realtime", "tracing": None},
        {"type": "realtime", "tracing": "auto"},
        {"type": "realtime", "tracing": {"workflow_name": "w"}},
        {"type": "realtime", "parallel_tool_calls": True},
        {"type": "realtime", "reasoning": {"effort": "low"}},
        {"type": "realtime", "prompt": None},
        {"type": "realtime", "instructions": None, "tools": None, "audio": None},
        {"type": "realtime", "brand_new": [1, 2]},
        {"instructions": None},
    ],
)
def test_what_has_no_effect_is_accepted(update: Mapping[str, object]) -> None:
    assert session().updated(update, audio_started=False) == session()


@pytest.mark.parametrize(
    ("update", "code", "param"),
    [
        (audio("output", speed=0.2), "invalid_value", "session.audio.output.speed"),
        (audio("output", speed=1.51), "invalid_value", "session.audio.output.speed"),
        (audio("output", speed=float("nan")), "invalid_value", "session.audio.output.speed"),
        (audio("output", speed="fast"), "invalid_type", "session.audio.output.speed"),
        (audio("output", speed=True), "invalid_type", "session.audio.output.speed"),
        (audio("output", voice=5), "invalid_type", "session.audio.output.voice"),
        (audio("input", format={"type": "audio/opus"}), "invalid_value", "session.audio.input.format.type"),
        (audio("input", format={}), "missing_required_parameter", "session.audio.input.format.type"),
        (
            audio("input", format={"type": "audio/pcm", "rate": 16000}),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            audio("input", turn_detection={"type": "server_vad", "threshold": 1.1}),
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            audio("input", turn_detection={"type": "server_vad", "idle_timeout_ms": 100}),
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            audio("input", turn_detection={"threshold": 0.4}),
            "missing_required_parameter",
            "session.audio.input.turn_detection.type",
        ),
        (
            audio("input", turn_detection={"type": "semantic_vad", "eagerness": "wild"}),
            "invalid_value",
            "session.audio.input.turn_detection.eagerness",
        ),
        ({"type": "realtime", "max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"type": "realtime", "max_output_tokens": 4097}, "invalid_value", "session.max_output_tokens"),
        ({"type": "realtime", "max_output_tokens": "many"}, "invalid_type", "session.max_output_tokens"),
        ({"type": "realtime", "output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"type": "realtime", "output_modalities": []}, "invalid_value", "session.output_modalities"),
        ({"type": "realtime", "tools": [{"type": "mcp", "server_label": "s"}]}, "unsupported", "session.tools[0].type"),
        ({"type": "realtime", "tools": [TOOL, TOOL]}, "invalid_value", "session.tools"),
        ({"type": "realtime", "tools": [{**TOOL, "name": "a b"}]}, "invalid_value", "session.tools[0].name"),
        ({"type": "realtime", "tools": [{**TOOL, "name": "auto"}]}, "invalid_value", "session.tools[0].name"),
        ({"type": "realtime", "tools": [{"name": "f"}]}, "missing_required_parameter", "session.tools[0].type"),
        (
            {"type": "realtime", "tools": [{**TOOL, "name": f"t{n}"} for n in range(129)]},
            "invalid_value",
            "session.tools",
        ),
        ({"type": "realtime", "tool_choice": "maybe"}, "invalid_value", "session.tool_choice"),
        (
            {"type": "realtime", "tool_choice": {"type": "function", "name": "none_such"}},
            "invalid_value",
            "session.tool_choice.name",
        ),
        ({"type": "realtime", "prompt": {"id": "pmpt_1"}}, "unsupported", "session.prompt"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"type": "other"}, "invalid_value", "session.type"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(update: Mapping[str, object], code: str, param: str) -> None:
    error = refusal(session(), update)
    assert (error.code, error.param) == (code, param)


def test_a_transcription_session_has_only_its_input() -> None:
    config = SessionConfig.create(agent_model="interviewer", kind="transcription", session_id="s")
    config = config.updated(
        {"type": "transcription", "audio": {"input": {"transcription": {"language": "de"}, "turn_detection": None}}},
        audio_started=False,
    )
    assert config.to_wire() == {
        "id": "s",
        "object": "realtime.transcription_session",
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": None,
                "transcription": {"language": "de"},
            }
        },
    }
    assert_valid(server_events.session_created(config))
    assert config.sends_transcription
    off = {"type": "transcription", "audio": {"input": {"transcription": None}}}
    assert refusal(config, off).param == "session.audio.input.transcription"
    with pytest.raises(ProtocolError):
        ResponseConfig.create(config, {})


def test_formats_know_their_rate_and_width() -> None:
    assert (AudioFormat("pcm").rate_hz, AudioFormat("pcm").bytes_per_sample) == (24_000, 2)
    assert (AudioFormat("pcma").rate_hz, AudioFormat("pcma").bytes_per_sample) == (8_000, 1)


def test_an_agents_own_speed_is_brought_into_range() -> None:
    assert SessionConfig.create(agent_model="a", speed=3.0).speed == 1.5


def test_a_response_overrides_the_session_for_itself() -> None:
    base = session(type="realtime", tools=[TOOL], tool_choice={"type": "function", "name": "weather"})
    message = {"id": "i", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    response = ResponseConfig.create(
        base,
        {
            "conversation": "none",
            "instructions": "Classify.",
            "output_modalities": ["text"],
            "tools": [],
            "max_output_tokens": 5,
            "metadata": {"topic": "x"},
            "input": [{"type": "item_reference", "id": "item_9"}, message],
        },
    )
    assert response.out_of_band
    assert (response.instructions, response.modality, response.max_output_tokens) == ("Classify.", "text", 5)
    assert (response.tools, response.tool_choice) == ((), "auto")
    assert response.metadata == {"topic": "x"}
    assert response.input == (
        ItemReference("item_9"),
        Item("i", "message", content=(Part("input_text", "Hi"),)),
    )
    assert ResponseConfig.create(base, {}) == ResponseConfig.of(base)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"conversation": "other"}, "response.conversation"),
        ({"input": "Hi"}, "response.input"),
        ({"input": [{"type": "item_reference"}]}, "response.input[0].id"),
        (
            {"input": [{"type": "message", "role": "user", "content": [{"type": "x"}]}]},
            "response.input[0].content[0].type",
        ),
        ({"metadata": {"a": 1}}, "response.metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, "response.metadata"),
        ({"metadata": {"k": "v" * 513}}, "response.metadata"),
        ({"max_output_tokens": 5000}, "response.max_output_tokens"),
        ({"prompt": {"id": "p"}}, "response.prompt"),
        ({"audio": {"output": {"format": {"type": "audio/mp3"}}}}, "response.audio.output.format.type"),
        ({"audio": {"output": {"voice": "bert"}}}, "response.audio.output.voice"),
        ({"tool_choice": {"type": "function", "name": "none_such"}}, "response.tool_choice.name"),
    ],
)
def test_wrong_response_parameters_are_named(params: Mapping[str, object], param: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        ResponseConfig.create(session(), params, audio_started=True)
    assert caught.value.param == param


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=6,
)


@unhurried
@given(
    where=st.sampled_from(["input", "output", ""]),
    name=st.sampled_from(
        [
            *("format", "turn_detection", "transcription", "noise_reduction", "voice", "speed", "tools", "tool_choice"),
            *("instructions", "truncation", "include", "max_output_tokens", "output_modalities", "prompt", "model"),
        ]
    ),
    value=json_values,
)
def test_any_value_anywhere_is_taken_or_refused(where: str, name: str, value: object) -> None:
    update = audio(where, **{name: value}) if where else {"type": "realtime", name: value}
    try:
        config = session().updated(update, audio_started=False)
    except ProtocolError as error:
        assert_valid(error.to_event())
    else:
        assert_valid(server_events.session_updated(config))
