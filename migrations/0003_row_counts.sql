-- How many rows there are, kept up to date by triggers, so that a list's `total` is exact without
-- counting the table. See docs/adr/0003-total.md.
--
-- Each count is spread over 64 rows, and a writer adds to the one that its server process picks:
-- two writers meet in a row only if their process ids are equal modulo 64, so they do not queue.
-- A total is the sum of 64 rows, read in the same snapshot as the page that it belongs to.

CREATE TABLE row_counts (
    counted text     NOT NULL,
    shard   smallint NOT NULL,
    n       bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (counted, shard)
    -- Free room in each page lets an update stay in its page, where the dead version before it is
    -- pruned at once and no index entry is made.
) WITH (fillfactor = 20);

INSERT INTO row_counts (counted, shard)
SELECT counted, shard
FROM unnest(ARRAY['users', 'categories', 'tasks.pending', 'tasks.in-progress', 'tasks.completed']) counted,
     generate_series(0, 63) shard;

-- Triggers run once a statement, not once a row: an import of thousands of rows changes few counts.
-- Rows are locked in the order of their names, so that two writers cannot wait for each other.

CREATE FUNCTION add_row_counts(deltas jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    delta record;
BEGIN
    FOR delta IN
        SELECT key AS counted, value::bigint AS n FROM jsonb_each_text(deltas) ORDER BY key
    LOOP
        IF delta.n <> 0 THEN
            UPDATE row_counts SET n = n + delta.n
            WHERE counted = delta.counted AND shard = pg_backend_pid() % 64;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION count_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_row_counts(jsonb_build_object(TG_TABLE_NAME, (SELECT count(*) FROM inserted)));
    RETURN NULL;
END $$;

CREATE FUNCTION count_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_row_counts(jsonb_build_object(TG_TABLE_NAME, -(SELECT count(*) FROM deleted)));
    RETURN NULL;
END $$;

CREATE FUNCTION count_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE row_counts SET n = 0 WHERE split_part(counted, '.', 1) = TG_TABLE_NAME;
    RETURN NULL;
END $$;

CREATE FUNCTION count_inserted_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_row_counts(jsonb_object_agg('tasks.' || status, n))
    FROM (SELECT status, count(*) AS n FROM inserted GROUP BY status) counts;
    RETURN NULL;
END $$;

CREATE FUNCTION count_deleted_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_row_counts(jsonb_object_agg('tasks.' || status, -n))
    FROM (SELECT status, count(*) AS n FROM deleted GROUP BY status) counts;
    RETURN NULL;
END $$;

CREATE FUNCTION count_updated_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_row_counts(jsonb_object_agg('tasks.' || status, n))
    FROM (
        SELECT status, sum(n) AS n
        FROM (SELECT status, 1 AS n FROM inserted UNION ALL SELECT status, -1 FROM deleted) changes
        GROUP BY status
    ) counts;
    RETURN NULL;
END $$;

CREATE TRIGGER count_inserted AFTER INSERT ON users
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION count_inserted();
CREATE TRIGGER count_deleted AFTER DELETE ON users
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION count_deleted();
CREATE TRIGGER count_truncated AFTER TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION count_truncated();

CREATE TRIGGER count_inserted AFTER INSERT ON categories
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION count_inserted();
CREATE TRIGGER count_deleted AFTER DELETE ON categories
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION count_deleted();
CREATE TRIGGER count_truncated AFTER TRUNCATE ON categories
    FOR EACH STATEMENT EXECUTE FUNCTION count_truncated();

CREATE TRIGGER count_inserted AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION count_inserted_tasks();
CREATE TRIGGER count_deleted AFTER DELETE ON tasks
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_tasks();
-- Every update, because a trigger with a transition table cannot be limited to one column; one that
-- changes no status writes nothing.
CREATE TRIGGER count_updated AFTER UPDATE ON tasks
    REFERENCING OLD TABLE AS deleted NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION count_updated_tasks();
CREATE TRIGGER count_truncated AFTER TRUNCATE ON tasks
    FOR EACH STATEMENT EXECUTE FUNCTION count_truncated();
