-- Lists that machines are told from people by, as an admin sends them. state: 0 in the shadow, 1 in force, 2 replaced,
-- 3 refused. difference: what ingest found that it would change, a JSON object, or why it is refused.
CREATE TABLE ingest.lists (
    name        text        NOT NULL,
    version     text        NOT NULL,
    content     bytea       NOT NULL,
    state       smallint    NOT NULL DEFAULT 0,
    added_at    timestamptz NOT NULL DEFAULT now(),
    compared_at timestamptz,
    difference  jsonb,
    PRIMARY KEY (name, version)
);
CREATE UNIQUE INDEX lists_in_force ON ingest.lists (name) WHERE state = 1;
