local owner, id, context, state, micros, event, turn, seconds, worker, lease, limit, most, key, digest, ttl,
  cid, config, pushes = unpack(ARGV)
local t = P .. 't:' .. id
if call('EXISTS', t) == 1 then -- a retry: the answer to the first was lost
  local sequence, lost = unpack(call('HMGET', t, 'sequence', 'lost'))
  return sequence == '1' and not lost and given(id, worker, '0') or { 'queued', id, '1', '1' }
end
local known = seen(owner, key, digest)
if known then return known end
local direct = worker ~= '' and call('EXISTS', P .. 'ring') == 0
if not direct and call('LLEN', P .. 'q:' .. owner) >= tonumber(limit) then return { 'full' } end
if full(owner, most) then return { 'large' } end
local at = now() + tonumber(seconds)
call('HSET', t, 'format', FORMAT, 'owner', owner, 'context', context, 'state', state, 'micros', micros, 'sequence', '1',
  'turn', turn, 'number', '1', 'accepted', '1', 'fence', '0', 'due', at, 'size', #event + #turn)
call('XADD', P .. 'e:' .. id, '1-0', 'k', 't', 'e', event, 'n', '1')
call('XADD', P .. 'b:' .. id, '1-0', 'k', 't', 'e', event, 'n', '1')
call('HINCRBY', P .. 'sizes', owner, #event + #turn)
index(owner, context, id, nil, state, micros)
call('ZADD', P .. 'due', at, id)
remember(owner, key, digest, id, '1', ttl)
if cid ~= '' then keep_push(owner, id, cid, config, pushes, 0) end
if not direct then
  queue(owner, id, false)
  return { 'queued', id, '1', '1' }
end
local fence = hold(id, worker, 0, lease)
local alone = call('ZCARD', P .. 'oc:' .. owner .. ':' .. context) == 1 and '1' or '0'
return { 'claim', id, owner, fence, turn, '1', '1', '1', '0', '0', '0', seconds, '0', alone }
