-- What statistics answer from, kept in the transaction that stores the events that they count. Every table begins with
-- the cluster. docs/statistics.md says what a count is.

-- A row for each bucket of time in which something happened, of everything (dimension 0) and of every link, position,
-- tag, recipient domain, client and tracking host that it happened to. A bucket is counted in quarters of an hour since
-- 1970 (UTC): every zone's days begin at one. grain 0: a day in UTC, by its first quarter; 1: a quarter. Uniques are
-- firsts: a message (with a link or a position: the message's link or position) counts in the bucket of its first click
-- or open, so that buckets add up.
CREATE TABLE ingest.counts (
    cluster_id            integer  NOT NULL,
    -- Counters are built anew beside those that are read, under the next number.
    generation            integer  NOT NULL,
    -- 0 everything, 1 link, 2 position, 3 tag, 4 recipient domain, 5 client, 6 host.
    dimension             smallint NOT NULL,
    grain                 smallint NOT NULL,
    bucket                integer  NOT NULL,
    -- Empty: everything, or nothing is known of it.
    key                   text     COLLATE "C" NOT NULL,
    clicks_people         bigint   NOT NULL,
    clicks_machines       bigint   NOT NULL,
    opens_people          bigint   NOT NULL,
    opens_machines        bigint   NOT NULL,
    -- Fetched images and honeypots.
    others                bigint   NOT NULL,
    first_clicks_people   bigint   NOT NULL,
    first_clicks_machines bigint   NOT NULL,
    first_clicks          bigint   NOT NULL,
    first_opens_people    bigint   NOT NULL,
    first_opens_machines  bigint   NOT NULL,
    first_opens           bigint   NOT NULL,
    PRIMARY KEY (cluster_id, generation, dimension, grain, bucket, key)
) WITH (fillfactor = 70); -- room in each page, so that counting up touches no index (heap-only updates)

-- What is to be added to the counters, as each transaction that stores events leaves it: one row a cluster, an element a
-- key. Adding it up is done once for many of them. Whoever reads takes both: ingest.counted.
CREATE TABLE ingest.count_changes (
    cluster_id            integer    NOT NULL,
    id                    bigint     GENERATED ALWAYS AS IDENTITY,
    generation            integer    NOT NULL,
    dimension             smallint[] NOT NULL,
    bucket                integer[]  NOT NULL,
    key                   text[]     NOT NULL,
    clicks_people         integer[]  NOT NULL,
    clicks_machines       integer[]  NOT NULL,
    opens_people          integer[]  NOT NULL,
    opens_machines        integer[]  NOT NULL,
    others                integer[]  NOT NULL,
    first_clicks_people   integer[]  NOT NULL,
    first_clicks_machines integer[]  NOT NULL,
    first_clicks          integer[]  NOT NULL,
    first_opens_people    integer[]  NOT NULL,
    first_opens_machines  integer[]  NOT NULL,
    first_opens           integer[]  NOT NULL,
    PRIMARY KEY (cluster_id, id)
) WITH (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- Both grains of what is not added up yet.
CREATE VIEW ingest.changed_counts AS
SELECT c.cluster_id, c.generation, u.dimension, g.grain,
    CASE g.grain WHEN 0 THEN u.bucket - u.bucket % 96 ELSE u.bucket END AS bucket, u.key COLLATE "C" AS key,
    -- Of the same types as in ingest.counts: only then a condition reaches the index behind the union.
    u.clicks_people::bigint, u.clicks_machines::bigint, u.opens_people::bigint, u.opens_machines::bigint,
    u.others::bigint, u.first_clicks_people::bigint, u.first_clicks_machines::bigint, u.first_clicks::bigint,
    u.first_opens_people::bigint, u.first_opens_machines::bigint, u.first_opens::bigint
FROM ingest.count_changes c,
    unnest(c.dimension, c.bucket, c.key, c.clicks_people, c.clicks_machines, c.opens_people, c.opens_machines, c.others,
        c.first_clicks_people, c.first_clicks_machines, c.first_clicks, c.first_opens_people, c.first_opens_machines,
        c.first_opens)
    AS u (dimension, bucket, key, clicks_people, clicks_machines, opens_people, opens_machines, others,
        first_clicks_people, first_clicks_machines, first_clicks, first_opens_people, first_opens_machines, first_opens),
    (VALUES (0::smallint), (1::smallint)) AS g (grain)
WHERE u.dimension <> 0 OR g.grain = 1;

CREATE VIEW ingest.counted AS
SELECT cluster_id, generation, dimension, grain, bucket, key, clicks_people, clicks_machines, opens_people,
    opens_machines, others, first_clicks_people, first_clicks_machines, first_clicks, first_opens_people,
    first_opens_machines, first_opens
FROM ingest.counts
UNION ALL
SELECT * FROM ingest.changed_counts;

-- A row for each message that something happened to. It is locked before anything of the message is counted: whether
-- a click is the first is decided by one transaction at a time. It outlives the events.
CREATE TABLE ingest.message_counts (
    cluster_id      integer  NOT NULL,
    message_key     bytea    NOT NULL,
    -- Days since 1970 (UTC): the day that the counts beside it are of, for most messages the only one.
    home_day        integer  NOT NULL,
    clicks_people   integer  NOT NULL,
    clicks_machines integer  NOT NULL,
    opens_people    integer  NOT NULL,
    opens_machines  integer  NOT NULL,
    -- Of all days.
    clicks          integer  NOT NULL,
    opens           integer  NOT NULL,
    -- Grows with clicks, then with opens, in few steps; 0 for most. The index finds the busiest and is rarely written.
    weight          smallint NOT NULL,
    -- First moments, packed (FirstMoments).
    firsts          bytea    NOT NULL,
    -- The generation of counters that all of its events are counted in.
    generation      integer  NOT NULL,
    PRIMARY KEY (cluster_id, message_key)
) WITH (fillfactor = 85);
CREATE INDEX message_counts_busy ON ingest.message_counts (cluster_id, weight) WHERE weight > 0;

-- Days after, or before, the home day.
CREATE TABLE ingest.message_days (
    cluster_id      integer NOT NULL,
    message_key     bytea   NOT NULL,
    day             integer NOT NULL,
    clicks_people   integer NOT NULL,
    clicks_machines integer NOT NULL,
    opens_people    integer NOT NULL,
    opens_machines  integer NOT NULL,
    PRIMARY KEY (cluster_id, message_key, day)
) WITH (fillfactor = 85);
CREATE INDEX message_days_day ON ingest.message_days (cluster_id, day);

-- Which generation of a cluster's counters is read, and which is being built. No row: 0, and none.
CREATE TABLE ingest.statistics (
    cluster_id      integer     PRIMARY KEY,
    generation      integer     NOT NULL DEFAULT 0,
    building        integer,
    -- When somebody asked for a rebuild; answered once rebuilt_at is not before it.
    requested_at    timestamptz,
    -- The first day (UTC) to be counted anew; null: that of the first event that is kept. What is before stays.
    requested_from  timestamptz,
    began_at        timestamptz,
    rebuilt_at      timestamptz,
    -- Messages that are counted, of the rebuild under way or of the last one.
    messages        bigint      NOT NULL DEFAULT 0
);

-- What was stored before is counted by ingest, as trackctl stats rebuild would have it counted.
INSERT INTO ingest.statistics (cluster_id, requested_at) SELECT id, now() FROM management.clusters;
