-- Webhooks: who is told, of what, and how it went. A delivery is written in the transaction that stores its event, so
-- there is exactly one for an event and an endpoint, and none of an event that is not stored.
CREATE SCHEMA IF NOT EXISTS webhooks;

CREATE TABLE webhooks.endpoints (
    cluster_id             integer     NOT NULL,
    id                     uuid        NOT NULL,
    url                    text        NOT NULL,
    description            text        NOT NULL,
    -- Names of event types, or groups with ".*"; none: all.
    event_types            text[]      NOT NULL,
    -- Only events of people: without recognised machines (prefetch, preview, scanner).
    people_only            boolean     NOT NULL,
    -- Sealed under the master key, bound to id.
    sealed_secret          bytea       NOT NULL,
    -- The secret before the last rotation signs too, until then.
    previous_sealed_secret bytea,
    previous_until         timestamptz,
    created_at             timestamptz NOT NULL,
    disabled_at            timestamptz,
    -- 0 asked for, 1 the receiver answered 410, 2 every attempt failed for days.
    disabled_reason        smallint,
    deleted_at             timestamptz,
    -- The transaction of the last change of what is told to whom: whoever stores events asks what changed since.
    changed_in             xid8        NOT NULL DEFAULT pg_current_xact_id(),
    -- How it goes, by who delivers. Visits that failed, in a row, and since when no attempt has succeeded.
    failures               integer     NOT NULL DEFAULT 0,
    failing_since          timestamptz,
    last_error             text,
    last_success_at        timestamptz,
    is_slow                boolean     NOT NULL DEFAULT false,
    -- Nothing is tried before.
    rests_until            timestamptz,
    -- Who visits it, until when: one process at a time.
    leased_by              uuid,
    leased_until           timestamptz,
    PRIMARY KEY (cluster_id, id)
);
CREATE INDEX endpoints_changed ON webhooks.endpoints (changed_in);

-- id is the event's own, a UUIDv7, and the webhook-id that the receiver sees: the same over all attempts and replays.
CREATE TABLE webhooks.deliveries (
    cluster_id      integer     NOT NULL,
    endpoint_id     uuid        NOT NULL,
    id              uuid        NOT NULL,
    -- 0 message.opened, 1 message.clicked, 2 tracking_domain.verified, 3 .warned, 4 .lost, 5 certificate.issued,
    -- 6 certificate.endangered, 7 webhook.test.
    event_type      smallint    NOT NULL,
    occurred_at     timestamptz NOT NULL,
    -- The body; null: it is made of the row in ingest.events when it is sent, so that what is taken away there does not
    -- go out.
    payload         text,
    -- 0 pending, 1 delivered, 2 failed.
    status          smallint    NOT NULL DEFAULT 0,
    -- Attempts since it was written or sent again, its place in the schedule; and all of them.
    tries           smallint    NOT NULL DEFAULT 0,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (cluster_id, endpoint_id, id)
);
CREATE INDEX deliveries_due ON webhooks.deliveries (cluster_id, endpoint_id, next_attempt_at) WHERE status = 0;
CREATE INDEX deliveries_failed ON webhooks.deliveries (cluster_id, endpoint_id, id) WHERE status = 2;

CREATE TABLE webhooks.attempts (
    cluster_id  integer     NOT NULL,
    endpoint_id uuid        NOT NULL,
    delivery_id uuid        NOT NULL,
    -- From 1, over all replays.
    number      integer     NOT NULL,
    at          timestamptz NOT NULL,
    took_ms     integer     NOT NULL,
    succeeded   boolean     NOT NULL,
    -- The HTTP status; null: there was no answer.
    http_status smallint,
    -- What went wrong, in words.
    error       text,
    -- The beginning of the answer, 8 kB at most.
    answer      text,
    PRIMARY KEY (cluster_id, endpoint_id, delivery_id, number)
);
CREATE INDEX attempts_latest ON webhooks.attempts (cluster_id, endpoint_id, at);

-- What is told of names and certificates is an outbox already; when it became deliveries, once. Nobody had an endpoint
-- before.
ALTER TABLE domains.notices ADD COLUMN webhooks_at timestamptz;
UPDATE domains.notices SET webhooks_at = now();
CREATE INDEX notices_webhooks ON domains.notices (id) WHERE webhooks_at IS NULL;
ALTER TABLE certificates.issued ADD COLUMN webhooks_at timestamptz;
UPDATE certificates.issued SET webhooks_at = now();
CREATE INDEX issued_webhooks ON certificates.issued (id) WHERE webhooks_at IS NULL;
