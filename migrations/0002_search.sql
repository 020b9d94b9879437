-- Trigram indexes, so that a search for a part of a word reads an index and not the table.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX tasks_title_trgm ON tasks USING gin (title gin_trgm_ops);
CREATE INDEX tasks_description_trgm ON tasks USING gin (description gin_trgm_ops);
CREATE INDEX users_name_trgm ON users USING gin (name gin_trgm_ops);
CREATE INDEX categories_name_trgm ON categories USING gin (name gin_trgm_ops);
