local owner, id, cid = unpack(ARGV)
if call('HGET', P .. 't:' .. id, 'owner') ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
regardless()
if call('HDEL', P .. 'n:' .. id, 'c:' .. cid, 's:' .. cid, 'f:' .. cid, 'a:' .. cid, 'd:' .. cid) > 0 then
  call('HINCRBY', P .. 't:' .. id, 'pushes', -1)
  plan_push(owner, id, cid, nil)
end
return { 'ok' }
