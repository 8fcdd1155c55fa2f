-- Certificates of tracking domains and of the operator's own hosts, and where their orders stand: whoever dies in the
-- middle of an order, another process goes on.
CREATE SCHEMA IF NOT EXISTS certificates;

-- One account at each certificate authority.
CREATE TABLE certificates.accounts (
    id             uuid        PRIMARY KEY,
    -- The URL of the authority's ACME directory.
    directory      text        NOT NULL UNIQUE,
    -- The account's URL; null until the authority has answered.
    url            text,
    -- Sealed under the master key, bound to id.
    sealed_key     bytea       NOT NULL,
    -- SHA-256 of the public key (RFC 7638): answers http-01, no secret.
    thumbprint     text        NOT NULL,
    -- A key that is to take the place of the other; both are kept until one is proved.
    new_sealed_key bytea,
    new_thumbprint text,
    -- Place among the configured authorities, 0 first.
    rank           integer     NOT NULL,
    -- Why the authority takes no orders from this account; a person has to act.
    refused        jsonb,
    created_at     timestamptz NOT NULL
);

CREATE TABLE certificates.issued (
    id             uuid        PRIMARY KEY,
    hostname       text        NOT NULL,
    -- Null: a host of the operator's own.
    cluster_id     integer,
    directory      text        NOT NULL,
    -- As RFC 9773 names it; null when the certificate does not say who issued it.
    renewal_id     text,
    not_before     timestamptz NOT NULL,
    not_after      timestamptz NOT NULL,
    -- PEM, the certificates exactly as the authority gave them.
    chain          text        NOT NULL,
    -- Sealed under the master key, bound to id.
    sealed_key     bytea       NOT NULL,
    stored_at      timestamptz NOT NULL,
    -- Whether it was ordered in place of an older one.
    is_renewal     boolean     NOT NULL,
    revoked_at     timestamptz
);
CREATE INDEX issued_hostname ON certificates.issued (hostname, not_after);

-- Every name that wants a certificate.
CREATE TABLE certificates.names (
    hostname         text        PRIMARY KEY,
    cluster_id       integer,
    certificate_id   uuid        REFERENCES certificates.issued (id),
    -- HSTS begins only then.
    first_renewed_at timestamptz,
    -- When it is looked at next: an order, a retry, a question about renewal. Null: never by itself.
    due_at           timestamptz,
    -- When the certificate in use is to be renewed, chosen once.
    renew_at         timestamptz,
    -- What the authority said about that, and when it is asked again (RFC 9773).
    window_start     timestamptz,
    window_end       timestamptz,
    window_url       text,
    window_asked_at  timestamptz,
    -- The order under way. Its key is stored before its request is sent.
    order_id         uuid,
    order_directory  text,
    order_url        text,
    order_sealed_key bytea,
    order_began_at   timestamptz,
    order_replaces   uuid,
    -- The challenge that is open: its token, and for tls-alpn-01 the hash that its certificate carries.
    challenge_token  text,
    challenge_type   smallint,
    -- Failures in a row: the place on the ladder.
    failures         integer     NOT NULL DEFAULT 0,
    last_failure     jsonb,
    last_failed_at   timestamptz,
    paused_url       text,
    leased_by        uuid,
    leased_until     timestamptz,
    -- The transaction of the last change that gateways must hear of.
    changed_in       xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX names_due ON certificates.names (due_at);
CREATE INDEX names_changed ON certificates.names (changed_in);
CREATE INDEX names_challenged ON certificates.names (hostname) WHERE challenge_token IS NOT NULL;

CREATE FUNCTION certificates.note_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF (NEW.certificate_id, NEW.first_renewed_at, NEW.challenge_token)
        IS DISTINCT FROM (OLD.certificate_id, OLD.first_renewed_at, OLD.challenge_token)
    THEN
        NEW.changed_in := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER note_change BEFORE UPDATE ON certificates.names
    FOR EACH ROW EXECUTE FUNCTION certificates.note_change();

-- What was tried for a name, in the authority's own words and ours.
CREATE TABLE certificates.attempts (
    id         uuid        PRIMARY KEY,
    hostname   text        NOT NULL,
    cluster_id integer,
    at         timestamptz NOT NULL,
    directory  text,
    -- 0 own check before the order, 1 order, 2 challenge, 3 finalize, 4 download, 5 stored, 6 revoked.
    step       smallint    NOT NULL,
    succeeded  boolean     NOT NULL,
    problem    jsonb,
    next_at    timestamptz
);
CREATE INDEX attempts_hostname ON certificates.attempts (hostname, id);

-- What is left of each authority's limits, as buckets of tokens that fill with time.
CREATE TABLE certificates.budgets (
    directory text             NOT NULL,
    bucket    text             NOT NULL,
    tokens    double precision NOT NULL,
    at        timestamptz      NOT NULL,
    PRIMARY KEY (directory, bucket)
);
