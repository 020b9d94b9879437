-- What was answered to requests with an Idempotency-Key, stored in the transaction of their write, so
-- that a repeat is answered the same and writes nothing.

CREATE TABLE idempotency_keys (
    -- The scope of a key: the path that it was POSTed to.
    path        text        NOT NULL,
    key         text        NOT NULL,
    -- SHA-256 of the request, to tell a repeat from another request under the same key.
    fingerprint bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    location    text        NOT NULL,
    answer      bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (path, key)
);

-- The oldest are removed after a day.
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
