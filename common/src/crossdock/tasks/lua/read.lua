-- Events `first` to `last` of one of a task's logs, at most `limit`; 0 for no bound.
local owner, id, kind, first, last, limit = unpack(ARGV)
if call('HGET', P .. 't:' .. id, 'owner') ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
local log = P .. kind .. ':' .. id
local till = last == '0' and '+' or last .. '-0'
if limit == '0' then return { 'ok', call('XRANGE', log, first .. '-0', till) } end
return { 'ok', call('XRANGE', log, first .. '-0', till, 'COUNT', limit) }
