-- Users, categories and tasks: everything that the list of tasks shows.

CREATE TABLE users (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    email         text        NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    -- An argon2id PHC string; null for a user that an import created, who cannot log in until
    -- somebody sets a password.
    password_hash text,
    -- Milliseconds, because that is what the API shows: what a client reads is all there is.
    created_at    timestamptz(3) NOT NULL DEFAULT now(),
    updated_at    timestamptz(3) NOT NULL DEFAULT now()
);

-- Unique without regard to case, as people expect of an address.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_created_at_id ON users (created_at, id);

CREATE TABLE categories (
    id         bigint         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text           NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE INDEX categories_created_at_id ON categories (created_at, id);
-- The import finds a category by its name.
CREATE INDEX categories_name ON categories (name);

CREATE TABLE tasks (
    id          bigint         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title       text           NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    description text           CHECK (char_length(description) <= 1000),
    status      text           NOT NULL DEFAULT 'pending'
                               CHECK (status IN ('pending', 'in-progress', 'completed')),
    -- Deleting a user or a category keeps its tasks.
    user_id     bigint         CONSTRAINT tasks_user_id_fkey REFERENCES users ON DELETE SET NULL,
    category_id bigint         CONSTRAINT tasks_category_id_fkey REFERENCES categories ON DELETE SET NULL,
    created_at  timestamptz(3) NOT NULL DEFAULT now(),
    updated_at  timestamptz(3) NOT NULL DEFAULT now(),
    -- A hash of an imported row, which makes a second import of the same file skip it.
    import_key  bytea
);

-- Each filter has an index that also holds the order of the list, so that a page is read from the
-- index's end and sorted by nothing.
CREATE INDEX tasks_created_at_id ON tasks (created_at, id);
CREATE INDEX tasks_status_created_at_id ON tasks (status, created_at, id);
CREATE INDEX tasks_user_id_created_at_id ON tasks (user_id, created_at, id);
CREATE INDEX tasks_category_id_created_at_id ON tasks (category_id, created_at, id);
CREATE UNIQUE INDEX tasks_import_key ON tasks (import_key) WHERE import_key IS NOT NULL;
