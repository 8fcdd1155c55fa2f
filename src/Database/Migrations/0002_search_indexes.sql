-- What the API asks for has an index. On a table of millions of rows make it CONCURRENTLY before the upgrade: inside
-- this transaction it keeps writers out for as long as it takes.

-- The messages of a recipient, in order of time. Not the whole text: an index row has an end (2,704 bytes), an address
-- from outside need not. Byte order, because only equality is asked for and it survives another version of the locale.
CREATE INDEX IF NOT EXISTS messages_recipient ON rewrite.messages
    (cluster_id, (left(lower(recipient), 254)) COLLATE "C", registered_at, message_key)
    WHERE recipient IS NOT NULL;

-- A tenant may make and revoke keys for ever; what is asked for are those that work.
CREATE INDEX IF NOT EXISTS api_keys_working ON management.api_keys (cluster_id, id) WHERE revoked_at IS NULL;
