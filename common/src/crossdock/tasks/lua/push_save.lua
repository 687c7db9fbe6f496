local owner, id, cid, config, limit, most = unpack(ARGV)
local f = call('HMGET', P .. 't:' .. id, 'owner', 'state', 'sequence')
if f[1] ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
if push_growth(id, cid, config) > 0 and full(owner, most) then return { 'large' } end
local sent = ENDED[f[2]] and f[3] - 1 or f[3]
if not keep_push(owner, id, cid, config, limit, sent) then return { 'crowded' } end
return { 'ok' }
