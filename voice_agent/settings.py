"""Every setting of the server, in one documented place.

Each group reads its fields from environment variables of the same name in upper case (and from a `.env` file in
the working directory): `TurnSettings.max_utterance_s` is `TURN_MAX_UTTERANCE_S`, because the group's prefix is `TURN_`.
Names that the field already knows keep them: `DATABASE_URL`, `REDIS_URL`, `OPENAI_API_KEY`, `OPENAI_BASE_URL`,
`HOST`, `PORT`. Durations end in `_ms` or `_s`, sizes in `_bytes`, rates in `_hz`.

`.env.example` is made from this module by `scripts/env_example.py`; a test holds the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_ENV = {"env_file": ".env", "extra": "ignore", "frozen": True, "env_ignore_empty": True}


class ServerSettings(BaseSettings):
    """Where the server listens and who may use it."""

    model_config = SettingsConfigDict(**_ENV)  # type: ignore[typeddict-item]

    host: str = Field("127.0.0.1", description="Address of the HTTP server.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the HTTP server; 0 takes any free one.")
    media_host: str = Field(
        "",
        description="Address offered for media (WebRTC). Empty: HOST, or this machine's own address "
        "when HOST is 0.0.0.0.",
    )
    allowed_origins: str = Field(
        "",
        description="Comma-separated browser origins that may call the API besides our own. "
        "'*' permits key-bearing clients from anywhere.",
    )
    public_origin: str = Field(
        "",
        description="Where browsers reach us, e.g. https://voice.example.org. Empty: whatever the Host header says, "
        "but on a loopback address only its own names.",
    )
    trust_proxy: bool = Field(
        False, description="Take the caller's address from the last entry of X-Forwarded-For (a proxy of ours sets it)."
    )
    web_dir: str = Field("", description="Folder of the page. Empty: the one that comes with the server.")
    default_agent: str = Field("interviewer", description="The agent where a client names none.")
    model_aliases: str = Field(
        "gpt-realtime,gpt-4o-realtime,gpt-4o-mini-realtime",
        description="Comma-separated beginnings of model names that stock clients send by default: they mean the "
        "agent of the client secret, else DEFAULT_AGENT.",
    )
    guests: bool = Field(True, description="Our own page may call without a key; nothing of it is kept.")
    max_calls: int = Field(100, ge=1, description="Calls one process accepts; one more gets 503.")
    max_cpu_percent: int = Field(
        75, ge=0, description="No new call while this process uses so much of one core; 0 does not judge by it."
    )
    call_cpu_percent: float = Field(
        1.0, ge=0, description="What a call just admitted counts with until its cost is measured."
    )
    load_window_s: float = Field(3, gt=0, description="Processor time and loop lag are judged over this time.")
    descriptor_reserve: int = Field(
        64, ge=0, description="File descriptors that new calls and connections leave free for the calls that run."
    )
    address_calls: int = Field(
        20, ge=1, description="Calls at once per address, of guests and client secrets (not of keys themselves)."
    )
    address_calls_per_minute: int = Field(60, ge=1, description="Calls begun per address, of the same.")
    key_calls: int = Field(80, ge=1, description="Calls at once per API key, in all server processes together.")
    key_calls_per_minute: int = Field(300, ge=1, description="Calls begun per API key, the same.")
    max_connections: int = Field(2000, ge=1, description="TCP connections of one process at once.")
    address_connections: int = Field(
        100, ge=1, description="Of these, from one address; not counted with TRUST_PROXY, where all are the proxy's."
    )
    address_requests_per_s: float = Field(
        50, gt=0, description="HTTP requests per address (and process) in the long run; more get 429."
    )
    address_request_burst: int = Field(300, ge=1, description="Requests above that at one time.")
    address_table: int = Field(10_000, ge=1, description="Addresses whose rates are remembered in memory.")
    events_per_s: float = Field(
        100,
        gt=0,
        description="Client events per channel in the long run. A WebSocket is then read no faster; on a "
        "data channel more are refused.",
    )
    event_burst: int = Field(500, ge=1, description="Events above that at one time.")
    event_bytes_per_s: int = Field(
        512 * 1024, gt=0, description="Their bytes, the same; speech in real time is 64 KiB/s (base64 PCM, 24 kHz)."
    )
    event_burst_bytes: int = Field(4 * 1024 * 1024, gt=0, description="Bytes above that at one time.")
    max_call_s: float = Field(3600, gt=0, description="A call ends after this time.")
    connect_timeout_s: float = Field(15, gt=0, description="A peer must be connected after this time.")
    no_media_timeout_s: float = Field(
        10, gt=0, description="A connected peer that sends neither media nor consent for this long is gone."
    )
    undecodable_timeout_s: float = Field(
        5, gt=0, description="A peer whose audio cannot be decoded for this long is closed."
    )
    negotiation_timeout_s: float = Field(5, gt=0, description="Deadline of answering an SDP offer.")
    close_timeout_s: float = Field(5, gt=0, description="No close of a peer or socket takes longer.")
    drain_timeout_s: float = Field(30, ge=0, description="On SIGTERM calls may go on for this long.")
    client_secret_ttl_s: int = Field(600, ge=10, le=7200, description="Default life of an ek_ secret.")
    guest_secret_ttl_s: int = Field(60, ge=10, le=600, description="Life of the secret our page is given.")
    guest_limit: int = Field(10, ge=1, description="Guest calls per address and window.")
    guest_window_s: int = Field(60, ge=1, description="That window.")
    header_timeout_s: float = Field(
        15, gt=0, description="A connection that is idle, or whose request headers are not complete, is closed after."
    )
    body_timeout_s: float = Field(10, gt=0, description="A request body must be complete after this time.")
    retry_after_s: int = Field(5, ge=1, description="What a client is told to wait when the server is full.")
    doctor_timeout_s: float = Field(60, gt=0, description="One check of `voice-agent doctor` takes no longer.")
    max_side_channels: int = Field(4, ge=0, description="WebSockets that may be attached to one call besides its own.")
    max_offer_bytes: int = Field(16 * 1024, gt=0, description="Largest SDP offer.")
    max_offer_lines: int = Field(400, gt=0, description="Lines of an SDP offer at most.")
    max_event_bytes: int = Field(64 * 1024, gt=0, description="Largest event on a data channel.")
    max_event_backlog_bytes: int = Field(
        1024 * 1024, gt=0, description="Events waiting for one client at most; one that cannot keep up is closed."
    )
    max_ws_event_bytes: int = Field(1024 * 1024, gt=0, description="Largest WebSocket message (base64 audio included).")
    max_ws_message_bytes: int = Field(
        2 * 1024 * 1024,
        gt=0,
        description="A message above MAX_WS_EVENT_BYTES is answered with an error event; above this the socket closes.",
    )
    ws_heartbeat_s: float = Field(20, gt=0, description="A WebSocket is pinged this often; no answer closes it.")
    ws_send_queue_bytes: int = Field(
        4 * 1024 * 1024, gt=0, description="Events waiting for a WebSocket client; one that cannot keep up is closed."
    )
    ws_send_timeout_s: float = Field(10, gt=0, description="A WebSocket client must take an event within this time.")
    max_http_body_bytes: int = Field(256 * 1024, gt=0, description="Largest other request body.")
    resume_window_s: float = Field(
        60,
        ge=0,
        description="A call whose connection was lost can be resumed for this long; its text is in memory. 0: never.",
    )
    resume_max_calls: int = Field(200, ge=1, description="Lost calls whose text waits in memory, at most.")
    resume_max_bytes: int = Field(32 * 1024 * 1024, gt=0, description="Their text together, at most.")
    workers: int = Field(
        1, ge=1, description="Server processes, one per core; more than one needs REDIS_URL. `serve --workers` wins."
    )
    serve_start_timeout_s: float = Field(180, gt=0, description="All server processes must be ready after this time.")
    serve_restart_s: float = Field(0.5, gt=0, description="Pause before a dead server process is replaced; doubles.")
    serve_restart_max_s: float = Field(10, gt=0, description="Longest such pause.")
    private_host: str = Field(
        "127.0.0.1",
        description="Address on which a server process takes requests that others pass on to it (with REDIS_URL). "
        "For servers on several machines: this machine's address in their own network.",
    )
    private_base_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of the first server process at PRIVATE_HOST; the next ones follow. Scrape /metrics there. "
        "0: any free ones.",
    )
    registry_ttl_s: int = Field(
        15, ge=2, description="What Redis knows of where a call runs is renewed thrice in this time, and then gone."
    )
    forward_timeout_s: float = Field(5, gt=0, description="Another server process must answer within this time.")
    turn_urls: str = Field(
        "", description="Comma-separated addresses of a TURN relay for browsers, e.g. turn:turn.example.org:3478."
    )
    turn_secret: SecretStr = Field(SecretStr(""), description="Its static-auth-secret, which never leaves the server.")
    turn_ttl_s: int = Field(
        3600, ge=60, description="Life of the relay credentials a caller is given; as long as a call may last."
    )
    turn_relay_only: bool = Field(False, description="Our page sends its media through the relay alone.")
    log_lines_per_minute: int = Field(
        5, ge=1, description="Log lines of one cause at most; the next one says how many were left out."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Log level.")
    log_format: Literal["logfmt", "json"] = Field("logfmt", description="Format of the log on stderr.")
    metrics_public: bool = Field(False, description="Serve /metrics to any client, not only to this machine.")
    max_loop_lag_ms: int = Field(100, ge=1, description="p99 event loop lag from which /readyz fails.")
    require_landlock: bool = Field(
        False,
        description="Do not start on a kernel without Landlock, by which the server forbids itself to write files.",
    )


class TurnSettings(BaseSettings):
    """What counts as an interruption, and the limits of a turn. How long a pause may be is each agent's own."""

    model_config = SettingsConfigDict(**_ENV, env_prefix="TURN_")  # type: ignore[typeddict-item]

    interrupt_min_ms: int = Field(
        1000,
        ge=0,
        description="Speech over the agent that lasts this long stops it if no words are known yet "
        "(AUDIO_STOP_MS of silence at its end included).",
    )
    interrupt_min_words: int = Field(
        2,
        ge=1,
        description="So many words over the agent stop it (backchannels such as 'uh-huh' never count).",
    )
    resume_after_ms: int = Field(
        700, ge=0, description="Silence after an unconfirmed interruption until the agent goes on."
    )
    echo_warmup_ms: int = Field(
        300, ge=0, description="At the start of a reply, speech must last longer to count (echo canceller)."
    )
    final_timeout_ms: int = Field(
        4000, ge=100, description="Wait for the final transcript after the commit, then use the last partial."
    )
    unclear_min_ms: int = Field(
        800, ge=0, description="Speech this long in which no words were found is asked about; shorter is noise."
    )
    max_unclear: int = Field(2, ge=0, description="So many times in a row, at most.")
    max_utterance_s: float = Field(90, gt=1, description="A turn is committed after this much speech.")
    speculation: bool = Field(True, description="Begin the reply at the pause, before the turn is committed.")
    max_speculations: int = Field(
        3, ge=0, description="Speculative replies begun per turn, at most; the last one waits for final words."
    )
    max_waste_share: float = Field(
        0.35,
        ge=0,
        le=1,
        description="When more of a call's tokens than this went into discarded replies, its replies wait for final "
        "words.",
    )
    speculate_from: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How complete words that may still change must seem (0 to 1) to begin a reply; 1: await the final.",
    )
    cut_into_s: float = Field(
        2.0,
        ge=0,
        description="A caller who speaks over the reply so soon after their turn was held to be over had not finished: "
        "they are given more time.",
    )
    ask_model: bool = Field(
        True,
        description="A language model that is asked for a reply in the caller's pause may say that they have not "
        "finished: then they are waited for. Needs TURN_SPECULATION; the scripted agents never say so.",
    )
    judgement_timeout_ms: int = Field(
        1000, ge=0, description="A turn that seems over stays open at most this long for the model's first token."
    )
    max_waits: int = Field(6, ge=0, description="In one turn, the model may make the agent wait so often.")
    max_wrong_waits: int = Field(
        2,
        ge=1,
        description="A model that made callers wait in vain so often, in one call, is not asked any more in it.",
    )
    trust_model_after: int = Field(
        1,
        ge=1,
        description="A model that has waited rightly so often, in one call, may also end turns that seem unfinished.",
    )
    speculation_lead_ms: int = Field(
        1000,
        ge=0,
        description="Once its words are final, a reply is begun this long before the turn ends, not sooner: a caller "
        "in the middle of a sentence is waited for.",
    )
    idle_warning_s: float = Field(90, gt=0, description="Silence until the caller is asked if they are there.")
    idle_end_s: float = Field(20, gt=0, description="Silence after that warning until the call ends.")
    tool_timeout_s: float = Field(
        8, gt=0, description="Deadline of a tool that runs on this server, whatever deadline it has of its own."
    )
    max_tool_rounds: int = Field(4, ge=0, description="Times a reply may call tools before it must speak.")
    goodbye_timeout_s: float = Field(8, ge=0, description="A spoken goodbye takes no longer than this.")
    max_conversation_items: int = Field(600, ge=10, description="Entries of a conversation that are remembered.")
    audio_backlog_s: float = Field(
        30, gt=1, description="Audio a WebSocket client may send ahead of its processing; the oldest is dropped."
    )


class AudioSettings(BaseSettings):
    """Speech detection, buffers and the Opus encoder."""

    model_config = SettingsConfigDict(**_ENV, env_prefix="AUDIO_")  # type: ignore[typeddict-item]

    vad_mode: int = Field(2, ge=0, le=3, description="webrtcvad aggressiveness.")
    silero: bool = Field(True, description="Confirm webrtcvad's verdict with Silero.")
    silero_threshold: float = Field(0.5, gt=0, lt=1, description="Silero probability that counts as speech.")
    silero_hysteresis: float = Field(
        0.15, ge=0, lt=1, description="Speech goes on until the probability is this far below the threshold."
    )
    gate_close_ms: int = Field(
        200, ge=20, description="Silero stops listening after so much audio without a voice for webrtcvad."
    )
    batch_ms: int = Field(
        4,
        ge=0,
        le=20,
        description="A WebRTC caller's frame waits this long for those of others, so that Silero judges them together: "
        "answers are as much later, and with 100 calls the server takes 6 % less processor time. 0: at once.",
    )
    start_ms: int = Field(40, ge=20, description="Voiced audio until speech counts as started.")
    stop_ms: int = Field(80, ge=40, description="Unvoiced audio until speech counts as stopped.")
    lull_ms: int = Field(
        100, ge=20, description="Faint or unvoiced audio from which the end is thought possible: a reply is prepared."
    )
    piece_ms: int = Field(
        120,
        ge=20,
        description="Speech is handed to the transcriber in pieces of this at most, and at once where the voice fades: "
        "each piece costs, each ms may delay partial words.",
    )
    lull_drop_db: float = Field(
        20, gt=0, description="Audio is faint when it is this far below the loudest of the latest speech."
    )
    prefix_ms: int = Field(300, ge=0, description="Audio before the start that the transcriber gets as well.")
    jitter_wait_ms: int = Field(50, ge=0, le=200, description="A missing packet is awaited this long.")
    conceal_max_ms: int = Field(
        120, ge=0, description="Longest invented audio in one gap; the rest of the gap is silence."
    )
    silence_after_ms: int = Field(
        80, ge=20, description="A caller whose next packet is overdue by this is heard as silent, in real time."
    )
    discontinuous: bool = Field(
        True, description="Ask WebRTC callers to send next to nothing while they are silent (Opus DTX)."
    )
    silence_fill_max_ms: int = Field(2000, ge=100, description="Silence put in at one moment, at most.")
    playout_max_s: float = Field(20, gt=1, description="Synthesized audio held ahead of the caller's ear.")
    playout_reanchor_ms: int = Field(
        100, ge=20, description="A sender this late gives up the lost time instead of sending a burst."
    )
    fade_ms: int = Field(8, ge=0, le=20, description="Fade where speech is cut or begins again.")
    opus_bitrate: int = Field(44_000, ge=6_000, le=128_000, description="Bits per second of sent audio.")
    opus_complexity: int = Field(
        1, ge=0, le=10, description="Encoder effort; 0 smears the beginnings of sounds (scripts/bench_encoder.py)."
    )
    opus_voip_complexity: int = Field(5, ge=0, le=10, description="Encoder effort with VOIP, for lossy links.")
    loss_for_fec_percent: float = Field(
        2.0, ge=0, description="Reported packet loss from which the encoder changes to VOIP with FEC."
    )


class SpeechSettings(BaseSettings):
    """How the agent's words are cut into the clauses that are spoken, in characters."""

    model_config = SettingsConfigDict(**_ENV, env_prefix="SPEECH_")  # type: ignore[typeddict-item]

    rehearse: bool = Field(
        True, description="Speak greetings, set phrases and openers into the cache when the server starts."
    )
    first_clause_min: int = Field(14, ge=1, description="A reply's first clause may be cut at a comma from here on.")
    first_clause_soft: int = Field(60, ge=1, description="From here on it is cut before a conjunction as well.")
    clause_min: int = Field(24, ge=1, description="Later clauses are no shorter, unless the sentence is.")
    clause_soft: int = Field(140, ge=1, description="From here on a comma ends a clause.")
    clause_max: int = Field(240, ge=1, description="From here on any space ends a clause.")


class EngineSettings(BaseSettings):
    """The four engines: which, where, with which deadline. Empty engine names choose: OpenAI-compatible when
    that engine has a key or a base URL, else the local one."""

    model_config = SettingsConfigDict(**_ENV)  # type: ignore[typeddict-item]

    openai_api_key: SecretStr = Field(SecretStr(""), description="Key for every OpenAI-compatible engine.")
    openai_base_url: str = Field("", description="Base URL for every OpenAI-compatible engine (…/v1).")

    transcriber: Literal["", "openai", "openai-realtime", "pocketsphinx", "faster-whisper", "vosk", "sherpa-onnx"] = (
        Field("", description="Transcriber.")
    )
    transcriber_api_key: SecretStr = Field(SecretStr(""), description="Its own key.")
    transcriber_base_url: str = Field("", description="Its own base URL.")
    transcriber_model: str = Field("gpt-4o-mini-transcribe", description="Its model.")
    transcriber_model_path: str = Field("", description="Folder or file of a local model.")
    transcriber_timeout_s: float = Field(2.5, gt=0, description="Deadline of a final transcript.")
    transcriber_word_times: bool = Field(
        False, description="Ask for word times (whisper-1 and its kin); the transcript then comes in one piece."
    )
    transcriber_verbatim: bool = Field(
        False,
        description="Your transcriber is known to write um and uh: reports then count them. Whisper models are known "
        "to do so where a prompt asks for it.",
    )
    transcriber_speakers: bool = Field(
        False, description="Ask for speakers told apart (diarizing models); clients then get segment events."
    )
    transcriber_client_models: str = Field(
        "", description="Comma-separated models that a client's session may ask for; others get TRANSCRIBER_MODEL."
    )
    transcriber_replay_s: float = Field(
        90,
        ge=0,
        description="Audio of the current utterance held in memory, so that another engine can take it over "
        "from its beginning. Longer utterances are not taken over.",
    )
    transcriber_warm_connections: int = Field(
        1, ge=0, description="Connections of 'openai-realtime' opened ahead of the next caller."
    )
    transcriber_idle_connections: int = Field(
        20, ge=0, description="Used connections of 'openai-realtime' kept for the next utterance, at most."
    )
    transcriber_connection_max_age_s: float = Field(
        900, gt=0, description="A ready connection older than this is replaced."
    )

    language_model: Literal["", "openai", "scripted"] = Field("", description="Language model.")
    language_model_api_key: SecretStr = Field(SecretStr(""), description="Its own key.")
    language_model_base_url: str = Field("", description="Its own base URL.")
    language_model_model: str = Field("gpt-4.1-mini", description="Its model.")
    language_model_temperature: float = Field(0.6, ge=0, le=2, description="Sampling temperature.")
    language_model_first_token_timeout_s: float = Field(6, gt=0, description="Deadline of the first token.")
    language_model_stall_timeout_s: float = Field(4, gt=0, description="Deadline of each next token.")

    synthesizer: Literal["", "openai", "flite", "espeak", "piper", "kokoro"] = Field("", description="Synthesizer.")
    synthesizer_api_key: SecretStr = Field(SecretStr(""), description="Its own key.")
    synthesizer_base_url: str = Field("", description="Its own base URL.")
    synthesizer_model: str = Field("gpt-4o-mini-tts", description="Its model.")
    synthesizer_model_path: str = Field("", description="Folder or file of a local model.")
    synthesizer_voice: str = Field("", description="Voice; empty takes the engine's own default.")
    synthesizer_format: Literal["pcm", "opus"] = Field("pcm", description="What the provider is asked for.")
    synthesizer_pcm_rate_hz: int = Field(24_000, ge=8_000, le=48_000, description="Rate of the provider's PCM.")
    synthesizer_openai_voice: str = Field(
        "alloy",
        description="Voice asked of a provider that needs one when neither SYNTHESIZER_VOICE nor the agent "
        "names one, or when it does not know theirs.",
    )
    synthesizer_instructions: str = Field(
        "Speak naturally, in a warm and conversational tone. The language is {language}.",
        description="Style asked of models that take instructions; empty sends none.",
    )
    synthesizer_chars_per_s: float = Field(
        15, gt=0, description="Pace by which the part of a clause already spoken is estimated when a voice fails."
    )
    synthesizer_first_byte_timeout_s: float = Field(4, gt=0, description="Deadline of the first audio.")
    synthesizer_stall_timeout_s: float = Field(3, gt=0, description="Deadline of each next audio.")
    synthesizer_cache_bytes: int = Field(
        16 * 1024 * 1024, ge=0, description="In-memory cache of spoken phrases; gone on restart."
    )

    moderator: Literal["", "openai", "wordlist", "off"] = Field("", description="Moderator.")
    moderator_api_key: SecretStr = Field(SecretStr(""), description="Its own key.")
    moderator_base_url: str = Field("", description="Its own base URL.")
    moderator_model: str = Field("omni-moderation-latest", description="Its model.")
    moderator_timeout_s: float = Field(2, gt=0, description="Deadline of a verdict; then the local one judges.")

    retry_budget_ms: int = Field(800, ge=0, description="A failed request is tried once more within this time.")
    retry_delay_ms: int = Field(100, ge=0, description="Wait before that, give or take half of it at random.")
    local_fallback: bool = Field(True, description="Local engines stand ready behind those of a provider.")
    provider_connect_timeout_s: float = Field(3, gt=0, description="Deadline of a connection to a provider.")
    provider_send_timeout_s: float = Field(5, gt=0, description="Deadline of each piece sent to a provider.")
    provider_read_timeout_s: float = Field(
        30, gt=0, description="Longest silence on a provider's connection, whatever the engine's own deadlines."
    )
    provider_connections: int = Field(200, ge=1, description="HTTP connections per provider at most.")
    provider_keepalive_s: float = Field(60, ge=0, description="An idle HTTP connection is kept ready this long.")
    provider_message_bytes: int = Field(
        1024 * 1024, gt=0, description="Largest message of a provider: on a WebSocket, in a stream, or a whole answer."
    )
    breaker_failures: int = Field(3, ge=1, description="Failures in a row that open the circuit breaker.")
    breaker_reset_s: float = Field(20, gt=0, description="An open breaker lets one request try after this time.")
    filler_after_ms: int = Field(1500, ge=0, description="A slow model is covered by a short filler after this.")
    pocketsphinx_workers: int = Field(2, ge=1, description="Processes that transcribe (110 MB each).")
    pocketsphinx_partial_ms: int = Field(200, ge=50, description="Audio between two partial transcripts.")
    transcriber_workers: int = Field(1, ge=1, description="Processes of a transcriber with a model path.")
    transcriber_threads: int = Field(2, ge=1, description="Threads each of those computes with.")
    synthesizer_workers: int = Field(2, ge=1, description="Processes of a local synthesizer.")
    worker_start_timeout_s: float = Field(60, gt=0, description="Deadline for a local engine to load.")
    worker_wait_s: float = Field(10, gt=0, description="Wait for a free local worker, at most.")
    worker_reset_timeout_s: float = Field(2, gt=0, description="A worker that does not stop a job by then is replaced.")
    worker_stop_timeout_s: float = Field(3, gt=0, description="Deadline for the workers to be gone at shutdown.")
    worker_restart_s: float = Field(0.5, gt=0, description="Pause before a dead worker is replaced; doubles to 30 s.")
    worker_niceness: int = Field(5, ge=0, le=19, description="Local workers yield this much to the media path.")
    worker_audio_max_s: float = Field(120, gt=1, description="Longest utterance or clause a worker handles.")


class StorageSettings(BaseSettings):
    """Text and numbers; never audio."""

    model_config = SettingsConfigDict(**_ENV)  # type: ignore[typeddict-item]

    database_url: SecretStr = Field(SecretStr(""), description="Postgres URL. Empty: an embedded one.")
    redis_url: SecretStr = Field(SecretStr(""), description="Redis URL. Empty: in-process, for one worker.")
    data_dir: Path = Field(Path(".data"), description="The embedded database and the outbox live here.")
    data_key: SecretStr = Field(
        SecretStr(""),
        description="32 random bytes in base64 (openssl rand -base64 32) that encrypt the outbox. Empty: a key made "
        "once and kept in DATA_DIR/data.key.",
    )
    data_dir_fallback: Path = Field(
        Path("/var/lib/voice-agent"),
        description="Used instead where the server runs as root and DATA_DIR lies below a folder that the database's "
        "unprivileged user cannot enter.",
    )
    postgres_bin: str = Field(
        "", description="Folder with the programs postgres and initdb. Empty: the bundled ones, else installed ones."
    )
    postgres_user: str = Field(
        "", description="Unprivileged user of the embedded database under root. Empty: postgres, else nobody."
    )
    postgres_connections: int = Field(60, ge=5, description="Connections the embedded database accepts.")
    postgres_buffers_mb: int = Field(64, ge=1, description="Shared buffers of the embedded database.")
    postgres_init_timeout_s: float = Field(120, gt=0, description="Deadline for creating the embedded database.")
    postgres_stop_timeout_s: float = Field(10, gt=0, description="Deadline of the embedded database's shutdown.")
    postgres_restart_max_s: float = Field(5, gt=0, description="Longest wait before it is started once more.")
    database_pool: int = Field(8, ge=1, description="Connections at most.")
    database_timeout_s: float = Field(5, gt=0, description="Deadline of a query.")
    database_start_timeout_s: float = Field(30, gt=0, description="Wait at start for the database to answer.")
    migration_timeout_s: float = Field(300, gt=0, description="Deadline of one migration, and of waiting for others.")
    redis_timeout_s: float = Field(2, gt=0, description="Deadline of a Redis command.")
    rate_limit_key: SecretStr = Field(
        SecretStr(""),
        description="Key under which callers' addresses are hashed for rate limits. Empty: derived from REDIS_URL, or "
        "random where Redis is in-process.",
    )
    lease_ttl_s: float = Field(
        30, gt=1, description="Calls that a killed process held are counted in Redis for this long."
    )
    rate_limit_subjects: int = Field(10_000, ge=1, description="Callers counted in memory while Redis is away.")
    key_cache_s: float = Field(2, ge=0, description="A verified API key is believed this long: revocation's delay.")
    key_cache_entries: int = Field(1000, ge=1, description="Verified API keys kept in memory.")
    key_touch_s: float = Field(60, ge=1, description="An API key's last use is stored this often at most.")
    writer_flush_ms: int = Field(100, ge=1, description="Turns are written in batches this often.")
    writer_batch_rows: int = Field(200, ge=1, description="Rows per batch at most.")
    writer_queue_rows: int = Field(
        20_000, ge=1, description="Rows waiting in memory at most; then new calls are refused."
    )
    writer_timeout_s: float = Field(
        2, gt=0, description="A batch that the database has not committed by then goes to the outbox."
    )
    writer_retry_max_s: float = Field(2, gt=0, description="Longest wait between attempts while the database is away.")
    writer_close_timeout_s: float = Field(
        5, gt=0, description="At shutdown, rows still waiting get this long; then they go to the outbox."
    )
    outbox_max_bytes: int = Field(
        256 * 1024 * 1024, ge=1, description="Encrypted text waiting for the database; past this new calls are refused."
    )
    outbox_max_age_s: float = Field(
        1800, gt=0, description="Its oldest row may wait this long; past this new calls are refused."
    )
    outbox_segment_bytes: int = Field(
        256 * 1024, ge=1, description="Size of one file of the outbox; each is stored in one transaction."
    )
    outbox_timeout_s: float = Field(5, gt=0, description="Deadline of the disk for one batch of the outbox.")
    outbox_adopt_s: float = Field(
        30, gt=0, description="How often the outbox of a worker that was killed is looked for."
    )
    outbox_catch_up_s: float = Field(
        3, gt=0, description="A call of a worker that was killed waits this long for what that left in its outbox."
    )
    storage_save: Literal["auto", "ask", "never"] = Field(
        "ask",
        description="What becomes of the text of a call with an API key that does not say: it is kept (auto), kept if "
        "the caller decides so (ask), or not stored (never). A guest's is never stored.",
    )
    storage_undecided_hours: float = Field(
        24, gt=0, description="A call that nobody decided to keep is deleted so long after its end."
    )
    storage_deleted_days: float = Field(
        30, gt=0, description="The ids of deleted calls are remembered so long, against records that come late."
    )


class ReportSettings(BaseSettings):
    """Reports of calls that have ended: by rules, and with a language model where one is set up."""

    model_config = SettingsConfigDict(**_ENV, env_prefix="REPORT_")  # type: ignore[typeddict-item]

    window_s: float = Field(
        900, ge=0, description="A finished call that is not stored stays in memory this long, for its report."
    )
    window_calls: int = Field(500, ge=1, description="Such calls at most; the oldest go first.")
    window_bytes: int = Field(64 * 1024 * 1024, ge=1, description="Their size at most; the oldest go first.")
    build_timeout_s: float = Field(30, gt=0, description="Deadline of the process that works out a report.")
    build_nice: int = Field(15, ge=0, le=19, description="How far that process steps back for others (nice).")
    retry_after_s: int = Field(2, ge=1, description="When to ask again for a report that is being made.")
    model: bool = Field(
        True, description="The language model, where one is set up, scores answers and writes model answers."
    )
    model_timeout_s: float = Field(30, gt=0, description="Deadline of each question to the language model.")
    model_budget_s: float = Field(150, gt=0, description="Time for all of them; the rules do the rest.")
    model_answers: int = Field(12, ge=0, description="Answers of one interview that the language model looks at.")
    model_max_tokens: int = Field(1500, ge=100, description="Length of what it writes each time.")
    list_limit: int = Field(100, ge=1, le=1000, description="Calls in one page of a list, at most.")
    progress_calls: int = Field(200, ge=2, description="Saved calls that trends are drawn from, the newest.")
    figures_days: int = Field(30, ge=1, description="Days that helpdesk figures cover where nobody says how many.")
    figures_max_days: int = Field(366, ge=1, description="Days that they may cover.")


class JobSettings(BaseSettings):
    """Work after calls: reports, and deleting what nobody saved. The queue is in Postgres."""

    model_config = SettingsConfigDict(**_ENV, env_prefix="JOBS_")  # type: ignore[typeddict-item]

    workers: int = Field(
        1, ge=0, le=32, description="Jobs at a time in each process; 0: a process of `voice-agent jobs` runs them."
    )
    attempts: int = Field(5, ge=1, description="A job that failed so often is given up.")
    retry_s: float = Field(5, gt=0, description="Wait before a job is tried again; doubles each time.")
    retry_max_s: float = Field(600, gt=0, description="Longest such wait.")
    timeout_s: float = Field(300, gt=0, description="Deadline of a job.")
    heartbeat_s: float = Field(30, gt=0, description="A job whose worker was silent for so long goes to another.")
    poll_s: float = Field(20, gt=0, description="How often a worker looks for work that nobody told it of.")
    housekeeping: str = Field(
        "*/10 * * * *", description="When to delete what nobody saved and to end lost calls; as in a crontab."
    )
    housekeeping_batch: int = Field(50, ge=1, description="Calls deleted in one transaction.")
    log_days: int = Field(30, ge=1, description="Days that the queue's log of jobs is kept; it holds no text.")


class AgentSettings(BaseSettings):
    """The agents: their content packs, patience and limits. Nudges and delays count from the last sound heard."""

    model_config = SettingsConfigDict(**_ENV, env_prefix="AGENT_")  # type: ignore[typeddict-item]

    packs_dir: str = Field(
        "", description="Folder of your own YAML content packs; an entry replaces the built-in one with its id."
    )
    pack_max_bytes: int = Field(512 * 1024, gt=0, description="Largest content pack file.")
    pack_max_files: int = Field(200, ge=1, description="Most files in one folder of content packs.")
    tool_timeout_s: float = Field(
        5, gt=0, description="The agents' tools give up after this and say that they may be tried once more."
    )
    ticket_prefix: str = Field("INC-", description="Stands before a ticket's number when it is spoken.")
    tickets_per_call: int = Field(5, ge=1, description="Tickets that one call may create, at most.")
    briefing_line_chars: int = Field(200, ge=1, description="Role, level: characters at most.")
    briefing_text_chars: int = Field(20_000, ge=1, description="Resume, job description: characters at most.")
    briefing_max_minutes: int = Field(120, ge=1, description="Longest practice that may be asked for.")
    match_threshold: float = Field(
        0.45, gt=0, lt=1, description="Similarity from which a helpdesk article is asked about: is it this problem?"
    )
    match_sure: float = Field(
        0.55, gt=0, lt=1, description="Similarity from which it counts as the caller's problem without a question."
    )
    match_margin: float = Field(
        0.07, ge=0, lt=1, description="A second article that comes so near the first, as a share, is asked about too."
    )
    failed_steps: int = Field(2, ge=1, description="Steps that may fail before a ticket is offered.")
    interview_minutes: int = Field(
        25, ge=5, le=120, description="Length of an interview for which the caller names none."
    )
    interview_minutes_per_question: float = Field(
        4, gt=0, description="One question of an interview, with its follow-ups, takes about this long."
    )
    interview_probes: int = Field(2, ge=0, le=4, description="Follow-up questions to one answer, at most.")
    interview_short_words: int = Field(25, ge=2, description="Scripted interview: an answer below this is short.")
    language_corrections: int = Field(6, ge=1, description="Corrections repeated at the end of a lesson, at most.")
    language: str = Field("en", description="Language that the language coach begins in: the id of one in the packs.")
    language_speed: float = Field(
        0.9, ge=0.5, le=1.5, description="Speech speed of the language coach until the caller's level is known."
    )
    tempo_step: float = Field(0.15, gt=0, le=0.5, description="Share by which 'slower' and 'faster' change the speech.")
    slowest: float = Field(0.6, ge=0.25, le=1, description="Speech speed below which 'slower' does not go.")
    fastest: float = Field(1.3, ge=1, le=1.5, description="Speech speed above which 'faster' does not go.")
    eval_sentences: int = Field(8, ge=1, description="`voice-agent eval`: sentences of one reply, at most.")
    eval_questions: int = Field(1, ge=1, description="`voice-agent eval`: questions in one reply, at most.")
    eval_words: int = Field(75, ge=10, description="`voice-agent eval`: words of one reply, at most.")
    eval_tool_rounds: int = Field(4, ge=1, description="`voice-agent eval`: times a reply may call tools.")
    eval_reply_timeout_s: float = Field(30, gt=0, description="`voice-agent eval`: deadline of one answer.")
    eval_parallel: int = Field(4, ge=1, description="`voice-agent eval`: dialogues and pauses tried at once.")
    helpdesk_min_delay_ms: int = Field(160, ge=0, description="Helpdesk: wait after a surely complete turn.")
    helpdesk_max_delay_ms: int = Field(2400, ge=0, description="Helpdesk: wait after a surely incomplete turn.")
    interviewer_min_delay_ms: int = Field(1000, ge=0, description="Interviewer: wait after a surely complete turn.")
    interviewer_max_delay_ms: int = Field(5000, ge=0, description="Interviewer: wait after a surely incomplete turn.")
    language_min_delay_ms: int = Field(1000, ge=0, description="Language coach: wait after a surely complete turn.")
    language_max_delay_ms: int = Field(6000, ge=0, description="Language coach: wait after a surely incomplete turn.")
    helpdesk_nudge_s: float = Field(20, gt=0, description="Helpdesk: silence until 'take your time'.")
    helpdesk_remind_s: float = Field(50, gt=0, description="Helpdesk: silence until it says what can be said.")
    helpdesk_offer_s: float = Field(75, gt=0, description="Helpdesk: silence until it offers a person.")
    interviewer_nudge_s: float = Field(8, gt=0, description="Interviewer: silence until 'take your time'.")
    interviewer_offer_s: float = Field(
        20, gt=0, description="Interviewer: silence until it offers to rephrase or skip."
    )
    interviewer_pause_s: float = Field(45, gt=0, description="Interviewer: silence until it pauses.")
    interviewer_wrap_up_s: float = Field(
        120, gt=0, description="Interviewer: an answer of this length is asked, in a pause, to come to the result."
    )
    interviewer_wrap_up_pause_ms: int = Field(
        1000, gt=0, description="Interviewer: a pause of this length is enough for that."
    )
    interviewer_max_answer_s: float = Field(
        180, gt=1, description="Interviewer: instead of TURN_MAX_UTTERANCE_S, because answers may be long."
    )
    language_nudge_s: float = Field(10, gt=0, description="Language coach: silence until 'take your time'.")
    language_offer_s: float = Field(25, gt=0, description="Language coach: silence until it offers to repeat or skip.")
    language_pause_s: float = Field(50, gt=0, description="Language coach: silence until it pauses.")


class Settings:
    """All groups together. Tests replace a group: `Settings(turns=TurnSettings(interrupt_min_ms=100))`."""

    def __init__(
        self,
        *,
        server: ServerSettings | None = None,
        turns: TurnSettings | None = None,
        audio: AudioSettings | None = None,
        speech: SpeechSettings | None = None,
        engines: EngineSettings | None = None,
        storage: StorageSettings | None = None,
        agents: AgentSettings | None = None,
        reports: ReportSettings | None = None,
        jobs: JobSettings | None = None,
    ) -> None:
        self.server = server or ServerSettings()
        self.turns = turns or TurnSettings()
        self.audio = audio or AudioSettings()
        self.speech = speech or SpeechSettings()
        self.engines = engines or EngineSettings()
        self.storage = storage or StorageSettings()
        self.agents = agents or AgentSettings()
        self.reports = reports or ReportSettings()
        self.jobs = jobs or JobSettings()

    def with_storage(self, storage: StorageSettings) -> Settings:
        """These, with another group of storage settings."""
        groups = {**vars(self), "storage": storage}
        return Settings(**groups)
