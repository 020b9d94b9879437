-- Creates. The arguments: the body to send.

dofile("loadtest/wrk/report.lua")

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = args[1]
end
