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
CREATE UNIQUE INDEX stored_events_position ON ingest.stored_events (cluster_id, position);
CREATE INDEX stored_events_age ON ingest.stored_events USING brin (stored_at);
