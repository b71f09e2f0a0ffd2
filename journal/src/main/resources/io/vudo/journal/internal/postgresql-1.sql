-- The tables of pekko-persistence-jdbc for PostgreSQL, with text of any length, and two of our own.
-- The primary key of event_journal is the fence: one row at a position of a persistence id.
CREATE TABLE event_journal (
    ordering BIGSERIAL NOT NULL,
    persistence_id TEXT NOT NULL,
    sequence_number BIGINT NOT NULL,
    deleted BOOLEAN DEFAULT FALSE NOT NULL,
    writer TEXT NOT NULL,
    write_timestamp BIGINT NOT NULL,
    adapter_manifest TEXT NOT NULL,
    event_payload BYTEA NOT NULL,
    event_ser_id INTEGER NOT NULL,
    event_ser_manifest TEXT NOT NULL,
    meta_payload BYTEA,
    meta_ser_id INTEGER,
    meta_ser_manifest TEXT,
    PRIMARY KEY (persistence_id, sequence_number)
);

CREATE UNIQUE INDEX event_journal_ordering_idx ON event_journal (ordering);

CREATE TABLE event_tag (
    event_id BIGINT NOT NULL REFERENCES event_journal (ordering) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (event_id, tag)
);

CREATE TABLE snapshot (
    persistence_id TEXT NOT NULL,
    sequence_number BIGINT NOT NULL,
    created BIGINT NOT NULL,
    snapshot_ser_id INTEGER NOT NULL,
    snapshot_ser_manifest TEXT NOT NULL,
    snapshot_payload BYTEA NOT NULL,
    meta_ser_id INTEGER,
    meta_ser_manifest TEXT,
    meta_payload BYTEA,
    PRIMARY KEY (persistence_id, sequence_number)
);

-- Compressed already: the server need not try.
ALTER TABLE snapshot ALTER COLUMN snapshot_payload SET STORAGE EXTERNAL;

CREATE TABLE vudo_module (
    digest TEXT PRIMARY KEY,
    content BYTEA NOT NULL
);

CREATE TABLE vudo_schema (
    version INTEGER PRIMARY KEY
);
