local id, worker, lease, overdue = unpack(ARGV)
local state, held, due_ = unpack(call('HMGET', P .. 't:' .. id, 'state', 'until', 'due'))
if not state then return { 'unknown' } end
if ENDED[state] then return { 'ended' } end
if overdue == '1' and (held or tonumber(due_) > now()) then return { 'lost' } end
regardless()
return grant(id, worker, lease)
