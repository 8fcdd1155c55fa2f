-- Whoever stores events makes the months they need, and owns nothing: the function makes them as the owner of
-- ingest.events. Every name in it has its schema; the path keeps those of operators and types from being anybody else's.
ALTER FUNCTION ingest.create_month(timestamptz) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE EXECUTE ON FUNCTION ingest.create_month(timestamptz) FROM PUBLIC;
