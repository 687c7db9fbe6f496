local worker, lease, token = unpack(ARGV)
local asked = P .. 'asked:' .. worker
local before, resumed, had = string.match(call('GET', asked) or '', '^(%S+) (%S+) (.+)$')
if before == token then -- a retry: the answer to the first was lost
  local again = given(had, worker, resumed)
  if again then return again end
end
while true do
  local owner = call('LPOP', P .. 'ring')
  if not owner then return { 'none' } end
  local id = call('LPOP', P .. 'q:' .. owner)
  if call('EXISTS', P .. 'q:' .. owner) == 1 then
    call('RPUSH', P .. 'ring', owner)
  end
  if id and call('HDEL', P .. 't:' .. id, 'queued') == 1 then
    local claim = grant(id, worker, lease)
    call('SET', asked, token .. ' ' .. claim[13] .. ' ' .. id, 'PX', lease)
    return claim
  end
end
