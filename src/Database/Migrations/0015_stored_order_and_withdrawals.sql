-- Which events were stored together, a row for each batch and cluster. Whoever asks for events in the order of their
-- storing reads them by position. Position is given by the first reader that sees the row committed, one reader of a
-- cluster at a time: a row that is committed later never gets a smaller number, and storing waits for nobody.
CREATE TABLE ingest.stored_events (
    cluster_id integer     NOT NULL,
    id         uuid        NOT NULL,
    stored_at  timestamptz NOT NULL DEFAULT now(),
    position   bigint,
    event_ids  uuid[]      NOT NULL,
    PRIMARY KEY (cluster_id, id)
);
-- Identifiers do not get smaller by compression.
ALTER TABLE ingest.stored_events ALTER COLUMN event_ids SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX stored_events_position ON ingest.stored_events (cluster_id, position);
CREATE INDEX stored_events_age ON ingest.stored_events USING brin (stored_at);

-- Levels of tracking: 0 full, 3 pseudonymous, 1 anonymous, 2 off. A version before this reads the last two as before,
-- keeps nothing personal under a number that it does not know, and tracks nothing where settings hold a new word.
UPDATE management.clusters SET settings = jsonb_set(settings, '{trackingLevel}', '"off"')
WHERE settings ->> 'trackingLevel' = 'none';

-- The level of mail on a tracking domain: it may be stricter than its cluster's, never less strict.
ALTER TABLE domains.tracking_domains ADD COLUMN tracking_level smallint NOT NULL DEFAULT 0;

-- Recipients who withdrew their consent. Not the address, only a keyed hash of it: mail that is sent to it later is
-- found by that. number rises from one committed withdrawal to the next (they are made one at a time), so ingest sees
-- by the largest whether there was one since it read what it may keep.
CREATE TABLE rewrite.withdrawals (
    cluster_id     integer     NOT NULL,
    id             uuid        NOT NULL,
    number         bigint      GENERATED ALWAYS AS IDENTITY,
    recipient_hash bytea       NOT NULL,
    withdrawn_at   timestamptz NOT NULL,
    -- What was done, when all of it is.
    receipt        text,
    PRIMARY KEY (cluster_id, id)
);
CREATE INDEX withdrawals_number ON rewrite.withdrawals (number);
CREATE INDEX withdrawals_recipient ON rewrite.withdrawals (cluster_id, recipient_hash);

-- Messages that are withdrawn: edges keep nothing of who follows their links.
CREATE TABLE rewrite.withdrawn_messages (
    cluster_id   integer     NOT NULL,
    message_key  bytea       NOT NULL,
    withdrawn_at timestamptz NOT NULL,
    PRIMARY KEY (cluster_id, message_key)
);
CREATE INDEX withdrawn_messages_age ON rewrite.withdrawn_messages (withdrawn_at);
