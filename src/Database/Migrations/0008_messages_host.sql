-- The messages whose links are on a tracking domain: how many die with it. Equal entries are kept once, a few bytes a
-- message. On a table with millions of rows make it beforehand with CREATE INDEX CONCURRENTLY, which does not stop mail.
CREATE INDEX IF NOT EXISTS messages_host ON rewrite.messages (cluster_id, host);
