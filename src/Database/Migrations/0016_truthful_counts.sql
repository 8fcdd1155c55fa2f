-- Openers: messages in the bucket of the first moment that a person opened them or clicked in them. A mail program that
-- loads no pictures shows who reads only by clicks. Counters from before are built anew by ingest.
ALTER TABLE ingest.counts ADD COLUMN openers bigint NOT NULL DEFAULT 0;
-- Empty in rows of a version from before: no openers.
ALTER TABLE ingest.count_changes ADD COLUMN openers integer[] NOT NULL DEFAULT '{}';

CREATE OR REPLACE VIEW ingest.changed_counts AS
SELECT c.cluster_id, c.generation, u.dimension, g.grain,
    CASE g.grain WHEN 0 THEN u.bucket - u.bucket % 96 ELSE u.bucket END AS bucket, u.key COLLATE "C" AS key,
    -- Of the same types as in ingest.counts: only then a condition reaches the index behind the union.
    u.clicks_people::bigint, u.clicks_machines::bigint, u.opens_people::bigint, u.opens_machines::bigint,
    u.others::bigint, u.first_clicks_people::bigint, u.first_clicks_machines::bigint, u.first_clicks::bigint,
    u.first_opens_people::bigint, u.first_opens_machines::bigint, u.first_opens::bigint,
    coalesce(u.openers, 0)::bigint AS openers
FROM ingest.count_changes c,
    unnest(c.dimension, c.bucket, c.key, c.clicks_people, c.clicks_machines, c.opens_people, c.opens_machines, c.others,
        c.first_clicks_people, c.first_clicks_machines, c.first_clicks, c.first_opens_people, c.first_opens_machines,
        c.first_opens, c.openers)
    AS u (dimension, bucket, key, clicks_people, clicks_machines, opens_people, opens_machines, others,
        first_clicks_people, first_clicks_machines, first_clicks, first_opens_people, first_opens_machines, first_opens,
        openers),
    (VALUES (0::smallint), (1::smallint)) AS g (grain)
WHERE u.dimension <> 0 OR g.grain = 1;

CREATE OR REPLACE VIEW ingest.counted AS
SELECT cluster_id, generation, dimension, grain, bucket, key, clicks_people, clicks_machines, opens_people,
    opens_machines, others, first_clicks_people, first_clicks_machines, first_clicks, first_opens_people,
    first_opens_machines, first_opens, openers
FROM ingest.counts
UNION ALL
SELECT * FROM ingest.changed_counts;

INSERT INTO ingest.statistics (cluster_id, requested_at) SELECT id, now() FROM management.clusters
ON CONFLICT (cluster_id) DO UPDATE SET requested_at = excluded.requested_at;

-- A test message takes the same path as any other, and its events count nowhere.
-- system_links: ordinals of links to the sender's own pages (unsubscribing, preferences, the mail in a browser): their
-- clicks are events and count nowhere. left_plain: how many links were left as they were, by reason; null: none, or
-- from a version that did not say.
ALTER TABLE rewrite.messages ADD COLUMN is_test boolean NOT NULL DEFAULT false, ADD COLUMN system_links smallint[],
    ADD COLUMN left_plain jsonb;

-- Why an event counts nowhere: 1 its message is a test, 2 its link is a system link. Null: it counts.
ALTER TABLE ingest.events ADD COLUMN uncounted smallint;
