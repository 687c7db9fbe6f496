local limit, again, lease = unpack(ARGV)
local time = now()
local full = crammed()
regardless()
local expired = past('ended', time, limit)
for _, id in ipairs(expired) do
  forget(id)
end
local meta = P .. 'meta'
local swept, spared = unpack(call('HMGET', meta, 'swept', 'spared'))
call('HSET', meta, 'swept', time)
if time - (tonumber(swept) or time) > tonumber(lease) then -- the store was away: holders first get time to say that they live
  spared = time + lease
  call('HSET', meta, 'spared', spared)
end
local over = time < (tonumber(spared) or 0) and '-inf' or time
for _, id in ipairs(past('leases', over, limit)) do
  local t = P .. 't:' .. id
  call('ZREM', P .. 'leases', id)
  call('HDEL', t, 'until', 'worker')
  local fence, gone = unpack(call('HMGET', t, 'fence', 'gone'))
  call('HSET', t, 'gone', (gone or '') .. ' ' .. fence .. ' ')
  call('HINCRBY', t, 'lost', 1)
  call('HINCRBY', t, 'fence', 1)
  queue(call('HGET', t, 'owner'), id, true)
end
local overdue = { full and 'full' or 'room', #expired == tonumber(limit) and 'more' or 'done' }
for _, id in ipairs(past('due', time, limit)) do
  call('ZADD', P .. 'due', time + tonumber(again), id)
  if call('HEXISTS', P .. 't:' .. id, 'until') == 0 then
    overdue[#overdue + 1] = id
  end
end
return overdue
