local owner, id, context, state, micros, event, turn, seconds, worker, lease, limit, most, key, digest, ttl,
  cid, config, pushes = unpack(ARGV)
local t = P .. 't:' .. id
if call('EXISTS', t) == 1 then return { 'queued', id, '1', '1' } end -- a retry: the answer to the first was lost
local known = seen(owner, key, digest)
if known then return known end
local direct = worker ~= '' and call('EXISTS', P .. 'ring') == 0
if not direct and call('LLEN', P .. 'q:' .. owner) >= tonumber(limit) then return { 'full' } end
if full(owner, most) then return { 'large' } end
call('HSET', t, 'format', FORMAT, 'owner', owner, 'context', context, 'state', state, 'micros', micros, 'sequence', '1',
  'turn', turn, 'number', '1', 'accepted', '1', 'fence', '0')
call('XADD', P .. 'e:' .. id, '1-0', 'k', 't', 'e', event, 'n', '1')
call('XADD', P .. 'b:' .. id, '1-0', 'k', 't', 'e', event, 'n', '1')
grow(owner, id, #event + #turn)
index(owner, context, id, nil, state, micros)
due(id, now() + tonumber(seconds))
remember(owner, key, digest, id, '1', ttl)
if cid ~= '' then keep_push(owner, id, cid, config, pushes, 0) end
if direct then return grant(id, worker, lease) end
queue(owner, id, false)
return { 'queued', id, '1', '1' }
