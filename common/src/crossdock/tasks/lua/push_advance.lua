local id, cid, fence, number, lease = unpack(ARGV)
local n = P .. 'n:' .. id
if call('HGET', n, 'f:' .. cid) ~= fence then return { 'lost' } end
regardless()
call('HSET', n, 's:' .. cid, number, 'a:' .. cid, '0')
plan_push(call('HGET', P .. 't:' .. id, 'owner'), id, cid, now() + tonumber(lease))
return { 'ok' }
