#!lua flags=allow-oom
-- Raises scopes and the log position, and takes marks away.
--
-- In one piece, because a reader who finds the mark gone must find the new values, and one who finds the
-- new values must find the position that a replica has to have replayed for them. Allowed when memory
-- has run out: a write must be seen then too.
--
-- KEYS: the hash of scopes, the hash of marks; the generation and the position of the version before.
-- ARGV: 1 the new value of each scope, which was never used before; 2 the log position, or nothing; 3 the
-- value of `life` that this connection noted when it was new, where it becomes trusted by this, or
-- nothing; 4 whether everything is raised (1 or 0); 5 the number of marks; then the marks' ids, and
-- then the scopes.
local value, position, life = ARGV[1], ARGV[2], ARGV[3]

-- A Redis that was emptied since then has lost marks that were left after the connection asked what was
-- running.
if life ~= '' and redis.call('HGET', KEYS[1], 'life') ~= life then
    return 0
end

local marks = tonumber(ARGV[5])
for place = 6, 5 + marks do
    redis.call('HDEL', KEYS[2], ARGV[place])
end
for place = 6 + marks, #ARGV do
    redis.call('HSET', KEYS[1], ARGV[place], value)
end

-- Instances of the version before count by one generation for everything, which this raises for them as
-- they do it themselves. Where they have raised it since, everything is outdated for all others too.
local everything = ARGV[4] == '1'
local generation = redis.call('GET', KEYS[3])
if generation then
    if generation ~= redis.call('HGET', KEYS[1], 'generation') then
        everything = true
    end
    local time = redis.call('TIME')
    local clock = time[1] * 1000000 + time[2]
    generation = string.format('%.0f', math.max(tonumber(generation) + 1, clock))
    redis.call('SET', KEYS[3], generation, 'KEEPTTL')
    redis.call('HSET', KEYS[1], 'generation', generation)
    -- Long after the last of them, this is over; while there are any, they set it anew.
    if life ~= '' then
        redis.call('EXPIRE', KEYS[3], 86400)
    end
    local lsn = tonumber(string.sub(position, -16), 16)
    if lsn and lsn > tonumber(redis.call('GET', KEYS[4]) or '0') then
        redis.call('SET', KEYS[4], string.format('%.0f', lsn), 'EX', 86400)
    end
end

-- Only a connection that becomes trusted begins an epoch: by a missing one, all others learn that this
-- Redis is a new one.
if everything and (life ~= '' or redis.call('HEXISTS', KEYS[1], 'epoch') == 1) then
    redis.call('HSET', KEYS[1], 'epoch', value)
end

-- Positions are texts of fixed length: the first 16 digits name the system, and those of one system are
-- ordered like their texts. Another system's replaces what is there.
if position ~= '' then
    local known = redis.call('HGET', KEYS[1], 'position')
    if not known or string.sub(known, 1, 16) ~= string.sub(position, 1, 16) or position > known then
        redis.call('HSET', KEYS[1], 'position', position)
    end
end
return 1
