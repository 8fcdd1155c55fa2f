-- Tracking domains: a customer's own names. One active row per name over all clusters, and one default per cluster, are
-- held by indexes: whatever two programs do at once, there is one winner.
CREATE SCHEMA IF NOT EXISTS domains;

CREATE TABLE domains.tracking_domains (
    id                  uuid        PRIMARY KEY,
    cluster_id          integer     NOT NULL,
    -- A-labels, lower case, without a final dot.
    hostname            text        NOT NULL,
    -- The value of the one CNAME record. Never given again: a deleted row stays as its tombstone.
    target              text        NOT NULL UNIQUE,
    -- 0 pending, 1 active.
    status              smallint    NOT NULL DEFAULT 0 CHECK (status IN (0, 1)),
    status_since        timestamptz NOT NULL DEFAULT now(),
    verified_at         timestamptz,
    is_default          boolean     NOT NULL DEFAULT false,
    -- Becomes the default as soon as it is verified.
    wants_default       boolean     NOT NULL DEFAULT false,
    is_retired          boolean     NOT NULL DEFAULT false,
    track_clicks        boolean     NOT NULL DEFAULT true,
    track_opens         boolean     NOT NULL DEFAULT true,
    -- 0 required, 1 optional.
    https               smallint    NOT NULL DEFAULT 0 CHECK (https IN (0, 1)),
    excluded_domains    text[]      NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    deleted_at          timestamptz,
    -- Until when the certificate in use is valid, by the service that gets certificates; null: there is none.
    certificate_until   timestamptz,
    -- Consecutive checks that proved the record gone, and when the first of them was.
    strikes             smallint    NOT NULL DEFAULT 0,
    struck_at           timestamptz,
    last_check          jsonb,
    last_checked_at     timestamptz,
    -- When it is looked at next; null: only when somebody asks.
    next_check_at       timestamptz,
    -- When somebody asked for a check last; answered once last_checked_at is not before it.
    check_requested_at  timestamptz,
    -- Checks since it became pending: how the gaps of polling grow.
    pending_checks      integer     NOT NULL DEFAULT 0,
    -- The verifier at work on it, until when.
    leased_by           uuid,
    leased_until        timestamptz,
    -- The transaction of its last change that other processes must hear of: they ask what changed since theirs.
    changed_in          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    CHECK (NOT is_default OR (status = 1 AND deleted_at IS NULL AND NOT is_retired))
);
CREATE UNIQUE INDEX tracking_domains_name ON domains.tracking_domains (cluster_id, hostname) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX tracking_domains_active ON domains.tracking_domains (hostname)
    WHERE status = 1 AND deleted_at IS NULL;
CREATE UNIQUE INDEX tracking_domains_default ON domains.tracking_domains (cluster_id) WHERE is_default;
CREATE INDEX tracking_domains_hostname ON domains.tracking_domains (hostname) WHERE deleted_at IS NULL;
CREATE INDEX tracking_domains_due ON domains.tracking_domains (next_check_at) WHERE deleted_at IS NULL;
-- Those that somebody waits for, few at a time however many are due; the verifier asks with these very words.
CREATE INDEX tracking_domains_asked ON domains.tracking_domains (check_requested_at)
    WHERE deleted_at IS NULL AND check_requested_at IS NOT NULL
        AND (last_checked_at IS NULL OR last_checked_at < check_requested_at);
CREATE INDEX tracking_domains_changed ON domains.tracking_domains (changed_in);

-- What rewriting and the edge need to know changes with these columns alone; a check that changes nothing reloads nothing.
CREATE FUNCTION domains.note_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF (NEW.status, NEW.is_default, NEW.is_retired, NEW.track_clicks, NEW.track_opens, NEW.https,
            NEW.excluded_domains, NEW.deleted_at, NEW.certificate_until)
        IS DISTINCT FROM (OLD.status, OLD.is_default, OLD.is_retired, OLD.track_clicks, OLD.track_opens, OLD.https,
            OLD.excluded_domains, OLD.deleted_at, OLD.certificate_until)
    THEN
        NEW.changed_in := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER note_change BEFORE UPDATE ON domains.tracking_domains
    FOR EACH ROW EXECUTE FUNCTION domains.note_change();

-- Checks, newest kept: what DNS said and what followed from it.
CREATE TABLE domains.checks (
    id         uuid        PRIMARY KEY,
    domain_id  uuid        NOT NULL REFERENCES domains.tracking_domains (id),
    at         timestamptz NOT NULL,
    -- 0 polled while pending, 1 the daily check, 2 somebody asked, 3 another cluster verified the name.
    cause      smallint    NOT NULL,
    -- 0 verified, 1 contradicted, 2 no evidence.
    outcome    smallint    NOT NULL,
    -- What followed: 0 nothing, 1 became active, 2 first strike, 3 became pending, 4 strike taken back.
    effect     smallint    NOT NULL,
    diagnosis  jsonb       NOT NULL
);
CREATE INDEX checks_domain ON domains.checks (domain_id, id);

-- What has to be told: written in the transaction of what it tells, deleted from here never before it was sent.
CREATE TABLE domains.notices (
    id              uuid        PRIMARY KEY,
    cluster_id      integer     NOT NULL,
    hostname        text        NOT NULL,
    -- 0 warning, 1 lost, 2 verified again, 3 certificate in danger.
    kind            smallint    NOT NULL,
    at              timestamptz NOT NULL,
    facts           jsonb       NOT NULL,
    -- Recipients that have it, so that a second try does not tell them twice.
    mailed_to       text[]      NOT NULL DEFAULT '{}',
    mailed_at       timestamptz,
    published_at    timestamptz,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error      text,
    leased_by       uuid,
    leased_until    timestamptz
);
CREATE INDEX notices_due ON domains.notices (next_attempt_at) WHERE mailed_at IS NULL OR published_at IS NULL;

-- Every change through the API. Secrets never stand in it.
CREATE TABLE management.audit_log (
    id          uuid        PRIMARY KEY,
    at          timestamptz NOT NULL,
    -- The cluster that was changed; null for what belongs to none.
    cluster_id  integer,
    -- The key that did it, and its name then; null for what the system did by itself.
    api_key_id  uuid,
    actor       text        NOT NULL,
    -- Kebab-case: create-tracking-domain, change-cluster, revoke-api-key …
    action      text        NOT NULL,
    -- What was changed: a host name, a key's id, a cluster's id.
    subject     text        NOT NULL,
    before      jsonb,
    after       jsonb
);
CREATE INDEX audit_log_cluster ON management.audit_log (cluster_id, id);
