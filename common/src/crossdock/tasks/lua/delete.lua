local id, fence = unpack(ARGV)
local f = call('HMGET', P .. 't:' .. id, 'state', 'fence', 'until')
if not f[1] then return { 'ok' } end
if ENDED[f[1]] then return { 'ended' } end
if f[2] ~= fence or not f[3] then return { 'lost' } end
regardless()
forget(id)
changed(id)
return { 'ok' }
