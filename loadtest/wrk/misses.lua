-- List reads whose key comes again only after all others: pages 1 to 40 of 6 to 14 tasks. Each of
-- wrk's threads has every second key. The arguments: the id that the requests carry.

dofile("loadtest/wrk/report.lua")

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local paths = {}
local at = 0

function init(args)
  wrk.headers["X-Request-Id"] = args[1]
  for limit = 6, 14 do
    for page = 1 + number % 2, 40, 2 do
      paths[#paths + 1] = wrk.format(nil, "/tasks?page=" .. page .. "&limit=" .. limit)
    end
  end
end

function request()
  at = at % #paths + 1
  return paths[at]
end
