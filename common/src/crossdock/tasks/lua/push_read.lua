local owner, id = unpack(ARGV)
if call('HGET', P .. 't:' .. id, 'owner') ~= owner then return { 'unknown' } end
if newer(id) then return { 'newer' } end
return { 'ok', call('HGETALL', P .. 'n:' .. id) }
