local owner, id, turn, seconds, worker, lease, limit, most, key, digest, ttl, token, cid, config, pushes =
  unpack(ARGV)
local t = P .. 't:' .. id
local f = call('HMGET', t, 'owner', 'state', 'until', 'queued', 'sequence', 'tokens', 'accepted', 'number', 'begun',
  'lost')
if f[1] ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
local known = seen(owner, key, digest)
if known then return known end
local tokens = f[6] or ''
local stored = string.match(tokens, token .. ':(%d+) ')
if stored then -- a retry: the answer to the first was lost
  local fresh = f[8] == stored and f[9] == '0' and not f[10]
  return fresh and given(id, worker, '1') or { 'queued', id, stored, f[5] }
end
if ENDED[f[2]] then return { 'ended' } end
local idle = not f[3] and not f[4]
local direct = worker ~= '' and idle and call('EXISTS', P .. 'ring') == 0
local waiting = call('LLEN', P .. 'q:' .. owner) + call('LLEN', P .. 'w:' .. id) / 2
if not direct and waiting >= tonumber(limit) then return { 'full' } end
if full(owner, most) then return { 'large' } end
if cid ~= '' and not keep_push(owner, id, cid, config, pushes, f[5]) then return { 'crowded' } end
local number = call('HINCRBY', t, 'accepted', 1)
call('HSET', t, 'tokens', string.sub(token .. ':' .. number .. ' ' .. tokens, 1, TOKENS))
call('RPUSH', P .. 'w:' .. id, seconds, turn)
grow(owner, id, #turn)
remember(owner, key, digest, id, number, ttl)
if not idle then return { 'queued', id, number, f[5] } end
due(id, now() + tonumber(seconds))
if direct then
  return grant(id, worker, lease)
end
queue(owner, id, false)
return { 'queued', id, number, f[5] }
