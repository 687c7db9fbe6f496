local id, fence, data = unpack(ARGV)
local t = P .. 't:' .. id
local f = call('HMGET', t, 'owner', 'state', 'fence', 'until')
if not f[1] then return { 'unknown' } end
if ENDED[f[2]] then return { 'ended' } end
if f[3] ~= fence or not f[4] then
  returned(id, fence)
  return { 'lost' }
end
keep_checkpoint(f[1], id, data)
return { 'ok' }
