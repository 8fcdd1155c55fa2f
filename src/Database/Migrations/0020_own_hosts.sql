-- The operator's own hosts among up to a million names.
CREATE INDEX IF NOT EXISTS names_own ON certificates.names (hostname) WHERE cluster_id IS NULL;
