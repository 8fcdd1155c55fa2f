-- Roles and logins on a PostgreSQL server, one of each for every service: psql script, run by an administrator of the
-- server in the database of Tracking, before the first migrator and again whenever something below is to be put right.
-- What is there is kept; passwords become those of the files. See README.md beside it.
--
--   psql -d tracking -v secrets=/run/secrets -f roles.sql
--
-- :secrets is a folder with a password in each of postgres_migrator, postgres_rewrite, postgres_edge, postgres_ingest,
-- postgres_management, postgres_verifier and postgres_certificates.
\set ON_ERROR_STOP on
\set QUIET on
\if :{?secrets}
\else
\set secrets /run/secrets
\endif
\set migrator `cat :'secrets'/postgres_migrator`
\set rewrite `cat :'secrets'/postgres_rewrite`
\set edge `cat :'secrets'/postgres_edge`
\set ingest `cat :'secrets'/postgres_ingest`
\set management `cat :'secrets'/postgres_management`
\set verifier `cat :'secrets'/postgres_verifier`
\set certificates `cat :'secrets'/postgres_certificates`

BEGIN;
-- Passwords are in no log of the server, whatever it logs otherwise. Where an administrator is no superuser, as in a
-- database that is rented, he cannot decide that.
SELECT count(set_config(name, value, true)) AS quiet
FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_error_statement', 'panic')) s (name, value)
WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \gset
SET LOCAL client_min_messages = warning;

-- A group for each service; what it may do, the migrator gives to it and nobody else.
CREATE TEMPORARY TABLE logins (service text, password text NOT NULL CHECK (length(password) > 0)) ON COMMIT DROP;
INSERT INTO logins VALUES ('migrator', :'migrator'), ('rewrite', :'rewrite'), ('edge', :'edge'), ('ingest', :'ingest'),
    ('management', :'management'), ('verifier', :'verifier'), ('certificates', :'certificates');
CREATE TEMPORARY VIEW names AS
    SELECT service, password, current_database() || '_' || service AS role,
        current_database() || '_' || service || CASE WHEN service = 'migrator' THEN '' ELSE '_login' END AS login
    FROM logins;

SELECT format('CREATE ROLE %I NOLOGIN', role) FROM names
WHERE service <> 'migrator' AND role NOT IN (SELECT rolname FROM pg_roles) \gexec

-- Users that own nothing and may make nothing. The migrator owns the schemas, and is the only one.
SELECT format('CREATE ROLE %I', login) FROM names WHERE login NOT IN (SELECT rolname FROM pg_roles) \gexec
SELECT format('ALTER ROLE %I NOSUPERUSER NOREPLICATION NOBYPASSRLS', login)
FROM names JOIN pg_roles ON rolname = login WHERE rolsuper OR rolreplication OR rolbypassrls \gexec
SELECT format('ALTER ROLE %I LOGIN NOCREATEROLE NOCREATEDB PASSWORD %L', login, password) FROM names \gexec
SELECT format('GRANT %I TO %I', role, login) FROM names WHERE service <> 'migrator' \gexec

-- Nobody else comes in.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role) FROM names WHERE service <> 'migrator' \gexec
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- What an earlier user made, and what there will be. Services that still log in as that user go on, until he is taken
-- out of the migrator's role; an administrator who is no superuser has to be in it.
SELECT format('GRANT %I TO %I', login, rolname)
FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba, names
WHERE datname = current_database() AND service = 'migrator' AND rolname <> login AND NOT rolsuper \gexec
SELECT format('GRANT %I TO %I', login, rolname)
FROM pg_roles, names WHERE service = 'migrator' AND rolname = current_user AND rolname <> login AND NOT rolsuper \gexec
SELECT format('ALTER DATABASE %I OWNER TO %I', current_database(), login) FROM names WHERE service = 'migrator' \gexec
SELECT format('GRANT USAGE, CREATE ON SCHEMA public TO %I', login) FROM names WHERE service = 'migrator' \gexec
SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, login)
FROM pg_namespace, names
WHERE service = 'migrator' AND nspname IN ('management', 'links', 'rewrite', 'ingest') \gexec
-- Partitions and tables; their indexes and sequences go with them.
SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, login)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, names
WHERE service = 'migrator' AND c.relkind IN ('r', 'p', 'v')
    AND (n.nspname IN ('management', 'links', 'rewrite', 'ingest')
        OR n.nspname = 'public' AND c.relname = 'tracking_migrations') \gexec
SELECT format('ALTER FUNCTION %s OWNER TO %I', p.oid::regprocedure, login)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, names
WHERE service = 'migrator' AND n.nspname IN ('management', 'links', 'rewrite', 'ingest') \gexec

DROP VIEW names;
COMMIT;
