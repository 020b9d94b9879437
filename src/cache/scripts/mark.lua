#!lua flags=allow-oom
-- Leaves a mark. A script only to be allowed when memory has run out: a write must be seen then too.
--
-- KEYS: the hash of marks. ARGV: the mark's id, the mark.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
