-- Who it was: what a verdict rests on. shape: the packed shape of the request, 0 or null when nobody looked. score: the
-- sum of the reasons' weights. rules: the rule set in force. revised_at: when later evidence changed the verdict.
-- Written by this version on; null in rows from before.
ALTER TABLE ingest.events ADD COLUMN shape smallint, ADD COLUMN score smallint, ADD COLUMN rules integer,
    ADD COLUMN revised_at timestamptz;

-- Every set of rules that events were judged by: a JSON array of {code, verdict, weight, source, version, meaning}. The
-- number is made of the content, so that all processes with the same rules write the same row.
CREATE TABLE ingest.rule_sets (
    number     integer     PRIMARY KEY,
    content    jsonb       NOT NULL,
    first_used timestamptz NOT NULL DEFAULT now()
);

-- Messages that were clicked in, to be looked at once more when what belongs together is there: a row for each stored
-- batch, its messages packed: cluster (4 bytes, big-endian), message key (9), and 1 where one click is reason enough.
CREATE TABLE ingest.reviews (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due_at   timestamptz NOT NULL,
    -- The first of the batch's clicks: nothing before it and what belongs to it needs to be looked at.
    earliest timestamptz NOT NULL,
    messages bytea       NOT NULL
);
CREATE INDEX reviews_due ON ingest.reviews (due_at);

-- Each change of a verdict, with what it was before.
CREATE TABLE ingest.revisions (
    cluster_id     integer     NOT NULL,
    event_id       uuid        NOT NULL,
    revised_at     timestamptz NOT NULL,
    verdict_before smallint    NOT NULL,
    vendor_before  text,
    reasons_before text[]      NOT NULL,
    score_before   smallint,
    verdict        smallint    NOT NULL,
    PRIMARY KEY (cluster_id, event_id, revised_at)
);
