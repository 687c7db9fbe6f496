local owner, id, worker, lease = unpack(ARGV)
local t = P .. 't:' .. id
local f = call('HMGET', t, 'owner', 'state', 'until', 'queued', 'started')
if f[1] ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
if ENDED[f[2]] then return { 'ended' } end
regardless()
call('HSET', t, 'cancel', '1')
if f[3] then
  wake('c:' .. id)
  return { 'told' }
end
if not f[5] then return grant(id, worker, lease) end
if not f[4] then queue(owner, id, true) end
return { 'told' }
