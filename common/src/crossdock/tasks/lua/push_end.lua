local id, cid, fence, how, first, second = unpack(ARGV)
local t, n = P .. 't:' .. id, P .. 'n:' .. id
if call('HGET', n, 'f:' .. cid) ~= fence then return { 'lost' } end
regardless()
local owner, sequence = unpack(call('HMGET', t, 'owner', 'sequence'))
if how == 'bury' then
  call('HSET', n, 'd:' .. cid, first)
  plan_push(owner, id, cid, nil)
elseif how == 'postpone' then
  call('HSET', n, 'a:' .. cid, first)
  plan_push(owner, id, cid, now() + tonumber(second))
else
  local behind = tonumber(call('HGET', n, 's:' .. cid)) < tonumber(sequence)
  plan_push(owner, id, cid, behind and now() or nil)
end
return { 'ok' }
