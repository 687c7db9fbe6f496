-- Events `first` to `last` of one of a task's logs, at most `limit`; 0 for no bound. With `most`, what may be of more
-- bytes is not answered: `large`.
local owner, id, kind, first, last, limit, most = unpack(ARGV)
local holder, size = unpack(call('HMGET', P .. 't:' .. id, 'owner', 'size'))
if holder ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
local log = P .. kind .. ':' .. id
local till = last == '0' and '+' or last .. '-0'
local large = most ~= '' and tonumber(size or 0) > tonumber(most)
if limit == '0' then
  return large and { 'large' } or { 'ok', call('XRANGE', log, first .. '-0', till) }
end
local events = call('XRANGE', log, first .. '-0', till, 'COUNT', limit)
local bytes = 0
for i = 1, large and #events or 0 do
  for _, field in ipairs(events[i][2]) do
    bytes = bytes + #field
  end
end
return large and bytes > tonumber(most) and { 'large' } or { 'ok', events }
