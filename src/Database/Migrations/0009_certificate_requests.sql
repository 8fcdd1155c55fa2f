-- What people ask of the certificate service, which alone speaks to authorities: whatever process of it takes a request
-- carries it out, and another goes on where it died.
CREATE TABLE certificates.requests (
    id                   uuid        PRIMARY KEY,
    -- 0 register, 1 change the key of an account, 2 test a name, 3 revoke a certificate.
    kind                 smallint    NOT NULL,
    -- The tracking domain of a test or a revocation.
    hostname             text,
    cluster_id           integer,
    -- The authority of an account, and of a test that is under way; null: all of them.
    directory            text,
    -- The certificate that is revoked, why (RFC 5280), and whether another one takes its place first.
    certificate_id       uuid,
    reason               smallint,
    is_replaced_first    boolean     NOT NULL DEFAULT false,
    asked_at             timestamptz NOT NULL,
    due_at               timestamptz NOT NULL,
    done_at              timestamptz,
    succeeded            boolean,
    -- What was done and found, in its order.
    steps                jsonb       NOT NULL DEFAULT '[]',
    -- The challenge of a test that is open, which gateways answer.
    challenge_token      text,
    challenge_type       smallint,
    challenge_thumbprint text,
    leased_by            uuid,
    leased_until         timestamptz
);
CREATE INDEX requests_open ON certificates.requests (due_at) WHERE done_at IS NULL;
CREATE INDEX requests_hostname ON certificates.requests (hostname, asked_at);
CREATE INDEX requests_challenged ON certificates.requests (hostname) WHERE challenge_token IS NOT NULL;

-- When the account got the key that it has; null: it has its first.
ALTER TABLE certificates.accounts ADD COLUMN key_changed_at timestamptz;

-- Whose key the open challenge is answered with: another than the account's now while its key changes.
ALTER TABLE certificates.names ADD COLUMN challenge_thumbprint text;

-- The limit in whose queue the name has its place, as directory and bucket; null: in none.
ALTER TABLE certificates.names ADD COLUMN queued_for text;

CREATE INDEX names_queued ON certificates.names (queued_for) WHERE queued_for IS NOT NULL;

-- When the last name in the queue for this limit has its turn.
ALTER TABLE certificates.budgets ADD COLUMN queued_until timestamptz;

-- How many keys are sealed under which version of the master key: the first four bytes say so. Whoever may see the
-- numbers needs no right to see the keys.
CREATE FUNCTION certificates.sealed_keys() RETURNS TABLE (kind text, version integer, keys bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.kind,
        CASE WHEN length(k.sealed) >= 4 THEN get_byte(k.sealed, 0) * 16777216 + get_byte(k.sealed, 1) * 65536
            + get_byte(k.sealed, 2) * 256 + get_byte(k.sealed, 3) ELSE 0 END,
        count(*)
    FROM (
        SELECT 'accounts' AS kind, sealed_key AS sealed FROM certificates.accounts
        UNION ALL SELECT 'accounts', new_sealed_key FROM certificates.accounts WHERE new_sealed_key IS NOT NULL
        UNION ALL SELECT 'certificates', sealed_key FROM certificates.issued
        UNION ALL SELECT 'orders', order_sealed_key FROM certificates.names WHERE order_sealed_key IS NOT NULL
    ) k
    GROUP BY 1, 2
$$;
REVOKE EXECUTE ON FUNCTION certificates.sealed_keys() FROM PUBLIC;
