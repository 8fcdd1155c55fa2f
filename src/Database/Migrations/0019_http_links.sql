-- Whether links on a name that begin with http may be in mail. They are made while the name is active, its https is
-- optional and it has no certificate; what is set later takes none of them back. The verifier clears it when the cluster
-- is told that browsers refuse these links.
ALTER TABLE domains.tracking_domains ADD COLUMN has_http_links boolean NOT NULL DEFAULT false;

CREATE FUNCTION domains.note_http_links() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.has_http_links := true;
    RETURN NEW;
END
$$;
CREATE TRIGGER note_http_links BEFORE INSERT OR UPDATE ON domains.tracking_domains
    FOR EACH ROW
    WHEN (NEW.status = 1 AND NEW.https = 1 AND NOT NEW.is_retired
        AND (NEW.certificate_until IS NULL OR NEW.certificate_until <= now()))
    EXECUTE FUNCTION domains.note_http_links();

-- Names that were optional before this migration. Of those that are required now the audit log knows it; a cluster whose
-- last check found a parent that demands https has been told.
UPDATE domains.tracking_domains d SET has_http_links = true
WHERE deleted_at IS NULL AND verified_at IS NOT NULL
    AND (https = 1 OR EXISTS (
        SELECT FROM management.audit_log a
        WHERE a.cluster_id = d.cluster_id AND a.subject = d.hostname AND a.action = 'change-tracking-domain'
            AND a.before->>'https' = 'optional'))
    AND NOT coalesce(last_check @> '{"findings": [{"code": "https-forced-by-parent"}]}', false);
