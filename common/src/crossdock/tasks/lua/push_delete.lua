local owner, id, cid = unpack(ARGV)
if call('HGET', P .. 't:' .. id, 'owner') ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
regardless()
local n = P .. 'n:' .. id
local counted = call('HGET', n, 'z:' .. cid)
if call('HDEL', n, 'c:' .. cid, 's:' .. cid, 'f:' .. cid, 'a:' .. cid, 'd:' .. cid, 'z:' .. cid) > 0 then
  if counted then grow(owner, id, -counted) end
  call('HINCRBY', P .. 't:' .. id, 'pushes', -1)
  plan_push(owner, id, cid, nil)
end
return { 'ok' }
