#!lua flags=allow-oom
-- Returns the value of `life`, which is there as long as this Redis holds what it held: the given one where
-- there was none. In one piece, so that all connections note the same; allowed when memory has run out.
--
-- KEYS: the hash of scopes. ARGV: a value that was never used before.
redis.call('HSETNX', KEYS[1], 'life', ARGV[1])
return redis.call('HGET', KEYS[1], 'life')
