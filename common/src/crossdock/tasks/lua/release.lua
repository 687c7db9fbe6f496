local id, fence, interrupted, back = unpack(ARGV)
local t = P .. 't:' .. id
local f = call('HMGET', t, 'fence', 'until', 'owner', 'cancel', 'state')
if f[1] ~= fence or not f[2] then
  returned(id, fence)
  return { 'lost' }
end
regardless()
call('HDEL', t, 'until', 'worker')
call('ZREM', P .. 'leases', id)
if back == '1' then
  queue(f[3], id, true)
  return { 'ok' }
end
call('HSET', t, 'over', '1')
local seconds = call('LINDEX', P .. 'w:' .. id, 0)
if f[4] then
  queue(f[3], id, true)
elseif seconds then
  due(id, now() + tonumber(seconds))
  queue(f[3], id, false)
elseif INTERRUPTED[f[5]] then
  due(id, now() + tonumber(interrupted))
end
return { 'ok' }
