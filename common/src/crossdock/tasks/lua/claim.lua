local worker, lease, token = unpack(ARGV)
local asked = P .. 'asked:' .. worker
local before, resumed, had = string.match(call('GET', asked) or '', '^(%S+) (%S+) (.+)$')
if before == token then -- a retry: the answer to the first was lost
  local again = given(had, worker, resumed)
  if again then return again end
end

-- The first in an owner's queue that this release can read.
local function first(queue)
  local id = call('LINDEX', queue, 0)
  if not id or not newer(id) then return call('LPOP', queue) end
  for _, other in ipairs(call('LRANGE', queue, 1, LOOKED)) do
    if not newer(other) then
      call('LREM', queue, 1, other)
      return other
    end
  end
end

local function taken(id)
  local claim = grant(id, worker, lease)
  call('SET', asked, token .. ' ' .. claim[13] .. ' ' .. id, 'PX', lease)
  return claim
end

if crammed() then -- no work could be stored; but what was cancelled stands first, and can be ended
  for _, owner in ipairs(call('LRANGE', P .. 'ring', 0, LOOKED)) do
    local id = call('LINDEX', P .. 'q:' .. owner, 0)
    if id and not newer(id) and call('HEXISTS', P .. 't:' .. id, 'cancel') == 1 then
      regardless()
      return taken(id)
    end
  end
  return { 'none' }
end

for _ = 1, call('LLEN', P .. 'ring') do
  local owner = call('LPOP', P .. 'ring')
  local queue = P .. 'q:' .. owner
  local id
  repeat
    id = first(queue)
  until not id or call('HDEL', P .. 't:' .. id, 'queued') == 1
  if call('EXISTS', queue) == 1 then
    call('RPUSH', P .. 'ring', owner)
  end
  if id then return taken(id) end
end
return { 'none' }
