-- Links of mail that another system sent: what a path on a tracking domain leads to. A row never changes, so edges and
-- the shared cache keep it for as long as they like.
CREATE TABLE links.imported_links (
    cluster_id  integer  NOT NULL,
    -- As in domains.tracking_domains.
    host        text     COLLATE "C" NOT NULL,
    -- Printable ASCII, with the query where that belongs to the link's name.
    path        text     COLLATE "C" NOT NULL CHECK (octet_length(path) <= 2000),
    -- As in tokens: 0 click, 1 open. -1: the path alone is no link, links on it are told apart by their query.
    kind        smallint NOT NULL,
    message_key bytea    NOT NULL,
    -- In links.destinations; 0 for an open.
    link_id     bigint   NOT NULL,
    PRIMARY KEY (cluster_id, host, path)
);

-- Edges look for imported links on these names alone.
ALTER TABLE domains.tracking_domains ADD COLUMN has_imported_links boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION domains.note_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF (NEW.status, NEW.is_default, NEW.is_retired, NEW.track_clicks, NEW.track_opens, NEW.https,
            NEW.excluded_domains, NEW.tracking_level, NEW.utm, NEW.has_imported_links, NEW.deleted_at,
            NEW.certificate_until)
        IS DISTINCT FROM (OLD.status, OLD.is_default, OLD.is_retired, OLD.track_clicks, OLD.track_opens, OLD.https,
            OLD.excluded_domains, OLD.tracking_level, OLD.utm, OLD.has_imported_links, OLD.deleted_at,
            OLD.certificate_until)
    THEN
        NEW.changed_in := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
