-- A closed loop of JSON-RPC calls for wrk, which prints one JSON object behind its own report:
--   wrk -t1 -c CLIENTS -d SECONDSs -s synod-load.lua http://HOST:PORT/rpc -- put|local|linearizable VALUE_BYTES KEYS BATCH
-- Answers are not read here, that would cost more than to ask: the server's own metrics tell how many calls failed.
local op, value, keys, batch
local headers = { ["content-type"] = "application/json" }

function init(args)
  op = args[1] or "put"
  value = string.rep("v", tonumber(args[2] or 64))
  keys = tonumber(args[3] or 10000)
  batch = tonumber(args[4] or 1)
  math.randomseed(20011)
end

local function call(id)
  local key = "bench-" .. math.random(0, keys - 1)
  if op == "put" then
    return '{"jsonrpc":"2.0","id":' .. id .. ',"method":"kv.put","params":{"key":"' .. key .. '","value":"' .. value .. '"}}'
  end
  return '{"jsonrpc":"2.0","id":' .. id .. ',"method":"kv.get","params":{"key":"' .. key .. '","read":"' .. op .. '"}}'
end

function request()
  if batch == 1 then
    return wrk.format("POST", nil, headers, call(1))
  end
  local calls = {}
  for id = 1, batch do
    calls[id] = call(id)
  end
  return wrk.format("POST", nil, headers, "[" .. table.concat(calls, ",") .. "]")
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"errors":%d,"p50Ms":%.3f,"p99Ms":%.3f,"cpuSeconds":%.3f}\n',
    summary.requests,
    summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    os.clock()
  ))
end
