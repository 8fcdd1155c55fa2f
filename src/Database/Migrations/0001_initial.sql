-- A schema per owning service. Every table that grows with mail or clicks begins its key with the cluster, except the
-- event table, which is partitioned by its own id (UUIDv7) so that the id alone can be unique.

CREATE SCHEMA management;
CREATE SCHEMA links;
CREATE SCHEMA rewrite;
CREATE SCHEMA ingest;

-- Clusters keep their row when deleted: the number must never be given to another tenant.
CREATE TABLE management.clusters (
    id            integer     PRIMARY KEY CHECK (id BETWEEN 1 AND 16777215),
    name          text        NOT NULL,
    notify_emails text[]      NOT NULL DEFAULT '{}',
    settings      jsonb       NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);
CREATE UNIQUE INDEX clusters_name ON management.clusters (lower(name)) WHERE deleted_at IS NULL;

CREATE TABLE management.sending_domains (
    domain     text    PRIMARY KEY,
    cluster_id integer NOT NULL REFERENCES management.clusters (id)
);
CREATE INDEX sending_domains_cluster ON management.sending_domains (cluster_id);

-- cluster_id NULL: an admin key. The secret has 160 random bits, so a plain SHA-256 is a sufficient hash.
CREATE TABLE management.api_keys (
    id          uuid        PRIMARY KEY,
    cluster_id  integer     REFERENCES management.clusters (id),
    name        text        NOT NULL,
    secret_hash bytea       NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
CREATE INDEX api_keys_cluster ON management.api_keys (cluster_id);

-- sealed: AES-256-GCM under the master key. A version verifies as soon as it exists and signs from signs_from on.
CREATE TABLE links.signing_keys (
    version    integer     PRIMARY KEY CHECK (version >= 1),
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    signs_from timestamptz NOT NULL
);

-- One row per cluster and URL, however many messages carry it. url_hash is the whole SHA-256 of url; link_id its first
-- 64 bits under salt. Rows outlive messages and events: retention never breaks a link.
CREATE TABLE links.destinations (
    cluster_id integer     NOT NULL,
    link_id    bigint      NOT NULL,
    url_hash   bytea       NOT NULL,
    salt       smallint    NOT NULL DEFAULT 0,
    url        text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, link_id)
);

-- link_map packs part, position in the part and name of every tracked link in ordinal order (one column, no row per
-- link). trace is the W3C trace id and span id of the request that rewrote the message, when it was sampled.
CREATE TABLE rewrite.messages (
    cluster_id       integer     NOT NULL,
    message_key      bytea       NOT NULL CHECK (length(message_key) = 9),
    id_hash          bytea       NOT NULL,
    salt             smallint    NOT NULL DEFAULT 0,
    content_hash     bytea       NOT NULL,
    message_id       text        NOT NULL,
    sender           text,
    recipient        text,
    recipient_domain text,
    tags             text[]      NOT NULL DEFAULT '{}',
    tracking_level   smallint    NOT NULL DEFAULT 0,
    host             text        NOT NULL,
    sent_at          timestamptz,
    registered_at    timestamptz NOT NULL DEFAULT now(),
    link_count       integer     NOT NULL,
    opens_tracked    boolean     NOT NULL,
    link_map         bytea       NOT NULL,
    trace            bytea,
    PRIMARY KEY (cluster_id, message_key)
);
CREATE INDEX messages_registered ON rewrite.messages (cluster_id, registered_at, message_key);
-- Messages under a stricter level than usual: asked for by every batch of events, and nearly always empty.
CREATE INDEX messages_restricted ON rewrite.messages (cluster_id, message_key) WHERE tracking_level <> 0;

-- kind: 0 click, 1 open, 2 image, 3 honeypot. verdict: 0 unknown, 1 human, 2 proxy, 3 prefetch, 4 preview, 5 scanner.
CREATE TABLE ingest.events (
    id             uuid        NOT NULL PRIMARY KEY,
    occurred_at    timestamptz NOT NULL,
    kind           smallint    NOT NULL,
    method         smallint    NOT NULL,
    cluster_id     integer     NOT NULL,
    message_key    bytea       NOT NULL,
    link_id        bigint      NOT NULL,
    ordinal        smallint    NOT NULL,
    client_address inet,
    user_agent     text,
    verdict        smallint    NOT NULL,
    vendor         text,
    reasons        text[]      NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX events_cluster ON ingest.events (cluster_id, id);
CREATE INDEX events_message ON ingest.events (cluster_id, message_key, id);

CREATE TABLE ingest.events_default PARTITION OF ingest.events DEFAULT;

-- The smallest UUIDv7 of a moment: 48 bits of milliseconds since 1970, everything else zero. Rounded down, so that a
-- range that begins inside a millisecond does not lose the events of its first part.
CREATE FUNCTION ingest.uuidv7_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT (lpad(to_hex(greatest(floor(extract(epoch FROM at) * 1000)::bigint, 0)), 12, '0') || repeat('0', 20))::uuid
$$;

-- Makes the partition of the month that holds "at" (UTC); rows that waited in the default partition move into it.
-- True when it was made, false when it was already there.
-- Built aside and attached: ATTACH takes a lock on ingest.events that lets COPY go on, CREATE TABLE ... PARTITION OF
-- would wait for every reader and writer and hold up all that come after. Only the default partition is locked, after
-- its parent, the order in which COPY locks them too.
CREATE FUNCTION ingest.create_month(at timestamptz) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    first timestamptz := date_trunc('month', at, 'UTC');
    next  timestamptz;
    child text := 'events_' || to_char(at AT TIME ZONE 'UTC', 'YYYY_MM');
    low   uuid;
    high  uuid;
BEGIN
    -- Months are added in UTC: a session's own zone must not shift a bound.
    next := ((first AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    low := ingest.uuidv7_floor(first);
    high := ingest.uuidv7_floor(next);
    PERFORM pg_advisory_xact_lock(hashtext('tracking.ingest.create_month'));
    IF to_regclass('ingest.' || child) IS NOT NULL THEN
        RETURN false;
    END IF;

    EXECUTE format('CREATE TABLE ingest.%I (LIKE ingest.events INCLUDING ALL)', child);
    LOCK TABLE ONLY ingest.events IN SHARE UPDATE EXCLUSIVE MODE;
    LOCK TABLE ingest.events_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH waiting AS (DELETE FROM ingest.events_default WHERE id >= %L AND id < %L RETURNING *) '
        'INSERT INTO ingest.%I SELECT * FROM waiting', low, high, child);
    EXECUTE format(
        'ALTER TABLE ingest.events ATTACH PARTITION ingest.%I FOR VALUES FROM (%L) TO (%L)', child, low, high);
    RETURN true;
END
$$;

SELECT ingest.create_month(now());
SELECT ingest.create_month(now() + interval '1 month');
SELECT ingest.create_month(now() + interval '2 months');

-- Exactly once: the key of every stored batch, in the transaction that stored its rows. Rows below an edge's
-- acknowledged_below are pruned into ingest.edges, which then answers for them.
CREATE TABLE ingest.batches (
    edge_id            uuid        NOT NULL,
    sequence           bigint      NOT NULL,
    acknowledged_below bigint      NOT NULL,
    event_count        integer     NOT NULL,
    stored_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (edge_id, sequence)
);
CREATE TABLE ingest.edges (
    edge_id            uuid        PRIMARY KEY,
    acknowledged_below bigint      NOT NULL,
    pruned_at          timestamptz NOT NULL DEFAULT now()
);

-- An event that cannot be stored, with its reason; raw is its frame as it came, unless policy forbids keeping it.
CREATE TABLE ingest.rejected_events (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rejected_at timestamptz NOT NULL DEFAULT now(),
    edge_id     uuid        NOT NULL,
    sequence    bigint      NOT NULL,
    position    integer     NOT NULL,
    event_id    uuid,
    cluster_id  integer,
    reason      text        NOT NULL,
    raw         bytea
);
CREATE INDEX rejected_events_cluster ON ingest.rejected_events (cluster_id, rejected_at);

-- Totals by hour and link, kept in the same transaction as the rows they count.
CREATE TABLE ingest.link_hours (
    cluster_id integer     NOT NULL,
    hour       timestamptz NOT NULL,
    kind       smallint    NOT NULL,
    link_id    bigint      NOT NULL,
    verdict    smallint    NOT NULL,
    count      bigint      NOT NULL,
    PRIMARY KEY (cluster_id, hour, kind, link_id, verdict)
) WITH (fillfactor = 70); -- room in each page, so that counting up touches no index (heap-only updates)
