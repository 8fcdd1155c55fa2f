-- What changes for links that are already sent: destinations that are blocked for everybody, and destinations that are
-- repaired within a message or a tag. Few rows, and every edge holds all of them in memory.
CREATE TABLE links.blocked_destinations (
    -- A host, "*." and a host, or one of them with a path.
    pattern    text        COLLATE "C" PRIMARY KEY,
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Rows stay when a repair is undone: events of the new destination refer to it.
CREATE TABLE links.repairs (
    cluster_id  integer     NOT NULL,
    id          uuid        NOT NULL,
    -- The destination as it stood in the mail, and the one that takes its place: both in links.destinations, so that
    -- clicks of the two are counted apart.
    link_id     bigint      NOT NULL,
    new_link_id bigint      NOT NULL,
    -- Where: one message, or all messages with a tag, those of tomorrow too.
    message_key bytea,
    tag         text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    undone_at   timestamptz,
    PRIMARY KEY (cluster_id, id),
    CHECK ((message_key IS NULL) <> (tag IS NULL))
);
CREATE UNIQUE INDEX repairs_message ON links.repairs (cluster_id, link_id, message_key)
    WHERE undone_at IS NULL AND message_key IS NOT NULL;
CREATE UNIQUE INDEX repairs_tag ON links.repairs (cluster_id, link_id, tag) WHERE undone_at IS NULL AND tag IS NOT NULL;

-- Files at fixed paths of a tracking domain by which telephones know the app of a site.
-- kind: 0 apple-app-site-association, 1 assetlinks.json.
CREATE TABLE domains.app_files (
    domain_id  uuid        NOT NULL,
    kind       smallint    NOT NULL,
    content    bytea       NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain_id, kind)
);
