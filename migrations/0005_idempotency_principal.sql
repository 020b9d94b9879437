-- Keys belong to the principal that sends them, so that two clients cannot meet in one key. There is one
-- principal for everybody ('') until there are accounts.

ALTER TABLE idempotency_keys ADD COLUMN principal text NOT NULL DEFAULT '';

-- Beside the primary key (path, key), which the version before needs for its ON CONFLICT as long as it
-- runs; a later release drops that one.
-- contract: forbids nothing that the primary key allows
CREATE UNIQUE INDEX idempotency_keys_principal_path_key ON idempotency_keys (principal, path, key);
