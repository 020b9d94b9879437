-- What a migration calls for a new table whose list has a total: its row in row_counts, spread over 64
-- shards, and the triggers that keep it (see 0003_row_counts.sql and docs/adr/0003-total.md).

CREATE FUNCTION count_rows_of(counted_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO row_counts (counted, shard)
    SELECT counted_table::text, shard FROM generate_series(0, 63) shard;

    EXECUTE format('CREATE TRIGGER count_inserted AFTER INSERT ON %s
        REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION count_inserted()', counted_table);
    EXECUTE format('CREATE TRIGGER count_deleted AFTER DELETE ON %s
        REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION count_deleted()', counted_table);
    EXECUTE format('CREATE TRIGGER count_truncated AFTER TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION count_truncated()', counted_table);

    -- What the table holds already.
    EXECUTE format('SELECT add_row_counts(jsonb_build_object(%L, count(*))) FROM %s', counted_table::text, counted_table);
END $$;
