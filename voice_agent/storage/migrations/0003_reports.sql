-- What a caller decides about a call, what is known of it at its end, and the report that is made of it.

ALTER TABLE calls
    ADD COLUMN language text NOT NULL DEFAULT 'en',
    -- When it was decided to keep the call; null for a guest's, and while a caller has not decided.
    ADD COLUMN saved_at timestamptz,
    -- The agent's facts (voice_agent/facts.py). They hold the caller's words: null for a guest's call.
    ADD COLUMN facts jsonb,
    ADD CHECK (key_id IS NOT NULL OR (saved_at IS NULL AND facts IS NULL));

-- Calls from before there was a choice were stored to be kept.
UPDATE calls SET saved_at = started_at WHERE key_id IS NOT NULL;

CREATE INDEX calls_undecided ON calls (started_at) WHERE key_id IS NOT NULL AND saved_at IS NULL;
CREATE INDEX calls_without_end ON calls (started_at) WHERE ended_at IS NULL;

ALTER TABLE turns
    -- Where the times of the words come from.
    ADD COLUMN timing text NOT NULL DEFAULT 'segment' CHECK (timing IN ('word', 'segment', 'interpolated')),
    -- The transcriber was known to write hesitation sounds.
    ADD COLUMN verbatim boolean NOT NULL DEFAULT false;

CREATE TABLE reports (
    call_id text PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
    -- The end of the call that the report knows: a call that was resumed ends again, and gets another.
    ended_at timestamptz NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    -- Null: it could not be made.
    body jsonb,
    -- The figures of the call as a whole, for trends.
    measures jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(measures) = 'array')
);

-- Calls that were discarded: records of them that still wait somewhere are not stored any more.
CREATE TABLE deleted_calls (
    id text PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX deleted_calls_by_time ON deleted_calls (deleted_at);

-- An operator's key may see figures about all calls and work on tickets.
ALTER TABLE api_keys ADD COLUMN operator boolean NOT NULL DEFAULT false;

ALTER TABLE tickets
    ADD COLUMN pending_since timestamptz,
    -- Time spent waiting for the caller, without the present wait.
    ADD COLUMN pending_s double precision NOT NULL DEFAULT 0 CHECK (pending_s >= 0),
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN closed_at timestamptz;

UPDATE tickets SET resolved_at = created_at WHERE status IN ('solved', 'closed');
UPDATE tickets SET closed_at = created_at WHERE status = 'closed';
UPDATE tickets SET pending_since = now() WHERE status = 'pending';

ALTER TABLE tickets
    ADD CHECK ((status = 'pending') = (pending_since IS NOT NULL)),
    ADD CHECK ((status IN ('solved', 'closed')) = (resolved_at IS NOT NULL)),
    ADD CHECK ((status = 'closed') = (closed_at IS NOT NULL));
