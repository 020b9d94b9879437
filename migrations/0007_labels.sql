-- Labels, which will mark tasks.

CREATE TABLE labels (
    id         bigint         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text           NOT NULL CHECK (char_length(name) BETWEEN 1 AND 50),
    color      text           CHECK (color ~ '^#[0-9A-Fa-f]{6}$'),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now()
);

-- Unique without regard to case: "Urgent" and "urgent" would pass for the same.
CREATE UNIQUE INDEX labels_name_key ON labels (lower(name));
CREATE INDEX labels_created_at_id ON labels (created_at, id);

SELECT count_rows_of('labels');
