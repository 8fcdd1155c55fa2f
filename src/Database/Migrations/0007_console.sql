-- The keys that seal the console's sessions and form tokens; each is encrypted under the master key.
CREATE TABLE management.data_protection_keys (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    xml        text        NOT NULL
);
