-- A place of the owner's for one request, as crossdock.tasks.rates has it; else the milliseconds until there is one.
local key, interval, burst = P .. 'r:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local whole = math.max(tonumber(call('GET', key) or 0), now()) + interval
local wait = whole - now() - burst * interval
if wait >= 1 then return math.ceil(wait) end
regardless()
call('SET', key, string.format('%.3f', whole), 'PX', math.ceil(whole - now()))
return 0
