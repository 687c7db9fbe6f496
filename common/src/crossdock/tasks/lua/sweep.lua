local limit, again = unpack(ARGV)
local time = now()
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '-inf', time, 'LIMIT', 0, limit)) do
  local t = P .. 't:' .. id
  call('ZREM', P .. 'leases', id)
  call('HDEL', t, 'until', 'worker')
  call('HINCRBY', t, 'lost', 1)
  call('HINCRBY', t, 'fence', 1)
  queue(call('HGET', t, 'owner'), id, true)
end
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'ended', '-inf', time, 'LIMIT', 0, limit)) do
  forget(id)
end
local overdue = {}
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'due', '-inf', time, 'LIMIT', 0, limit)) do
  call('ZADD', P .. 'due', time + tonumber(again), id)
  if call('HEXISTS', P .. 't:' .. id, 'until') == 0 then
    overdue[#overdue + 1] = id
  end
end
return overdue
