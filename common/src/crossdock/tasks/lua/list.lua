-- Ids and times behind (micros, id) in one index, latest first, and how many the whole filter matches.
local name, least, micros, before, size, state = unpack(ARGV)
local set = P .. name
local wanted = tonumber(size)
local found, offset = {}, 0
local from = micros == '' and '+inf' or micros
local function matches(id)
  return state == '' or call('HGET', P .. 't:' .. id, 'state') == state
end
while #found < 2 * wanted do
  local batch = call('ZREVRANGEBYSCORE', set, from, least, 'WITHSCORES', 'LIMIT', offset, wanted + 1)
  for i = 1, #batch, 2 do
    local behind = micros == '' or tonumber(batch[i + 1]) < tonumber(micros) or batch[i] < before
    if behind and matches(batch[i]) and #found < 2 * wanted then
      found[#found + 1] = batch[i]
      found[#found + 1] = batch[i + 1]
    end
  end
  if #batch <= 2 * wanted then break end
  offset = offset + wanted + 1
end
local total = 0
if state == '' then
  total = call('ZCOUNT', set, least, '+inf')
else
  for _, id in ipairs(call('ZRANGEBYSCORE', set, least, '+inf')) do
    if matches(id) then total = total + 1 end
  end
end
return { total, found }
