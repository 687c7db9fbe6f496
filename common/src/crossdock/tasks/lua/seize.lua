local id, worker, lease = unpack(ARGV)
local state = call('HGET', P .. 't:' .. id, 'state')
if not state then return { 'unknown' } end
if ENDED[state] then return { 'ended' } end
return grant(id, worker, lease)
