-- UTM parameters of links on a tracking domain, over those of its cluster; as in a URL, empty for none.
ALTER TABLE domains.tracking_domains ADD COLUMN utm text NOT NULL DEFAULT '';

-- The level of a domain is what rewriting needs to know, too.
CREATE OR REPLACE FUNCTION domains.note_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF (NEW.status, NEW.is_default, NEW.is_retired, NEW.track_clicks, NEW.track_opens, NEW.https,
            NEW.excluded_domains, NEW.tracking_level, NEW.utm, NEW.deleted_at, NEW.certificate_until)
        IS DISTINCT FROM (OLD.status, OLD.is_default, OLD.is_retired, OLD.track_clicks, OLD.track_opens, OLD.https,
            OLD.excluded_domains, OLD.tracking_level, OLD.utm, OLD.deleted_at, OLD.certificate_until)
    THEN
        NEW.changed_in := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
