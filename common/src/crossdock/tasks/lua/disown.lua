-- Forgets tasks of an owner, at most `limit`, whatever they are at: who holds one finds out by its next word. The answer
-- is how many they were.
local owner, limit = unpack(ARGV)
regardless()
local ids = call('ZRANGE', P .. 'o:' .. owner, 0, limit - 1)
for _, id in ipairs(ids) do
  forget(id)
  call('ZREM', P .. 'o:' .. owner, id)
  changed(id)
end
return #ids
