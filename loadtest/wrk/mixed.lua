-- Lists of many users, the first of them far more often than the last (the square of a random number
-- says whose), and writes to tasks of the same users. The arguments: how many requests in a hundred are
-- writes, and a file with a line for each user: its id, and those of its tasks.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

local lists, tasks = {}, {}
local statuses = { "pending", "in-progress", "completed" }
local share = 0
-- Not local, so that done() can read them.
reads, hits = 0, 0

function init(args)
  share = tonumber(args[1]) / 100
  for line in io.lines(args[2]) do
    local user
    local own = {}
    for id in line:gmatch("%d+") do
      if user then own[#own + 1] = id else user = id end
    end
    lists[#lists + 1] = wrk.format("GET", "/tasks?userId=" .. user)
    tasks[#tasks + 1] = own
  end
  math.randomseed(os.time() * 16 + number)
end

function request()
  local at = math.floor(#lists * math.random() ^ 2) + 1
  if math.random() >= share then return lists[at] end
  local own = tasks[at]
  local body = string.format('{"status":"%s"}', statuses[math.random(#statuses)])
  return wrk.format("PUT", "/tasks/" .. own[math.random(#own)], { ["Content-Type"] = "application/json" }, body)
end

-- Only lists say where they come from.
function response(_, headers)
  local cache = headers["x-cache"] or headers["X-Cache"]
  if not cache then return end
  reads = reads + 1
  if cache == "hit" then hits = hits + 1 end
end

-- One line with requests a second, p50 and p99 in milliseconds, the share of hits among the lists, and
-- how many requests were not answered with a success.
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  local all_reads, all_hits = 0, 0
  for _, thread in ipairs(threads) do
    all_reads = all_reads + thread:get("reads")
    all_hits = all_hits + thread:get("hits")
  end
  io.write(string.format("RESULT %.0f %.2f %.2f %.3f %d\n",
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, all_hits / math.max(all_reads, 1), failed))
end
