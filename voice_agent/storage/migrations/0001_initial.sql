-- Text and numbers of calls, API keys and tickets. Never audio.

CREATE TABLE api_keys (
    id text PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    -- The first characters, by which an operator knows the key again.
    prefix text NOT NULL,
    -- The key itself is random and long: a plain digest cannot be reversed.
    sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    last_used_at timestamptz
);

CREATE TABLE calls (
    id text PRIMARY KEY,
    -- Null for a guest, of whom no text is stored. Keys are revoked, not deleted.
    key_id text REFERENCES api_keys (id) ON DELETE CASCADE,
    agent text NOT NULL,
    transport text NOT NULL CHECK (transport IN ('webrtc', 'websocket', 'console')),
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

CREATE INDEX calls_by_key ON calls (key_id, started_at DESC, id DESC);
CREATE INDEX calls_by_time ON calls USING brin (started_at);

CREATE TABLE turns (
    call_id text NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    seq integer NOT NULL CHECK (seq >= 0),
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    channel text NOT NULL CHECK (channel IN ('voice', 'text')),
    text text NOT NULL,
    heard text NOT NULL,
    -- Milliseconds since the call started.
    start_ms bigint NOT NULL CHECK (start_ms >= 0),
    end_ms bigint NOT NULL CHECK (end_ms >= start_ms),
    interrupted boolean NOT NULL,
    partial boolean NOT NULL,
    -- [{"text", "start_ms", "end_ms", "probability"}]
    words jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(words) = 'array'),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (call_id, seq)
);

-- Of guests' turns too: there is nothing personal in it, so it does not need the turn's row.
CREATE TABLE turn_metrics (
    call_id text NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    seq integer NOT NULL CHECK (seq >= 0),
    eou_ms bigint,
    stt_ms bigint,
    moderation_ms bigint,
    ttft_ms bigint,
    ttfb_ms bigint,
    e2e_ms bigint,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    wasted_tokens bigint NOT NULL,
    engine text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (call_id, seq)
);

CREATE INDEX turn_metrics_by_time ON turn_metrics USING brin (created_at);

CREATE TABLE tickets (
    -- Spoken to the caller, so it starts where numbers sound like tickets.
    number bigint GENERATED ALWAYS AS IDENTITY (START WITH 1001) PRIMARY KEY,
    -- No foreign key: a ticket is stored at once, its call in the next batch. Null once the call is deleted.
    call_id text,
    summary text NOT NULL,
    description text NOT NULL,
    category text NOT NULL,
    priority text NOT NULL CHECK (priority IN ('P1', 'P2', 'P3', 'P4')),
    contact text NOT NULL,
    article_id text NOT NULL,
    steps_tried text[] NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'pending', 'solved', 'closed')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tickets_by_call ON tickets (call_id);
CREATE INDEX tickets_to_do ON tickets (priority, created_at) WHERE status IN ('open', 'pending');
