-- The HTML of mail for click maps, where a cluster's setting says so: once for all messages that have the same. Its tracked
-- links hold their places and nothing of a message or a recipient; Brotli (RFC 7932).
CREATE TABLE rewrite.bodies (
    cluster_id integer     NOT NULL,
    -- SHA-256 of the HTML.
    hash       bytea       NOT NULL,
    html       bytea       NOT NULL,
    kept_until timestamptz NOT NULL,
    PRIMARY KEY (cluster_id, hash)
);

-- Which messages have it.
CREATE TABLE rewrite.message_bodies (
    cluster_id  integer     NOT NULL,
    message_key bytea       NOT NULL,
    hash        bytea       NOT NULL,
    kept_until  timestamptz NOT NULL,
    PRIMARY KEY (cluster_id, message_key)
);
CREATE INDEX message_bodies_hash ON rewrite.message_bodies (cluster_id, hash);
