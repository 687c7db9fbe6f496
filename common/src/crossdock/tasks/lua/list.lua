-- Ids and times behind (micros, id), latest first, and how many the filter matches. With a context and a state no index
-- has both: of the smaller one STEP members are looked at, behind (at, last), and the answer says where to go on.
local STEP = 1000
local owner, context, state, least, micros, before, at, last, size = unpack(ARGV)
local set, field, value = P .. 'o:' .. owner, nil, nil
if context ~= '' then set = P .. 'oc:' .. owner .. ':' .. context end
if state ~= '' then
  local states = P .. 'os:' .. owner .. ':' .. state
  if context == '' then
    set = states
  elseif call('ZCARD', states) < call('ZCARD', set) then
    set, field, value = states, 'context', context
  else
    field, value = 'state', state
  end
end

-- How many stand before what is behind (score, id).
local function rank(score, id)
  if score == '' then return 0 end
  local low, high = call('ZCOUNT', set, '(' .. score, '+inf'), call('ZCOUNT', set, score, '+inf')
  while low < high do
    local middle = math.floor((low + high) / 2)
    if call('ZREVRANGE', set, middle, middle)[1] < id then high = middle else low = middle + 1 end
  end
  return low
end

local all = call('ZCOUNT', set, least, '+inf')
local function some(first, count)
  local till = math.min(first + count, all)
  return till > first and call('ZREVRANGE', set, first, till - 1, 'WITHSCORES') or {}
end

local from = rank(micros, before)
if not field then return { all, some(from, tonumber(size)) } end
local first = rank(at, last)
local looked = some(first, STEP)
local total, found = 0, {}
for i = 1, #looked, 2 do
  if call('HGET', P .. 't:' .. looked[i], field) == value then
    total = total + 1
    if first + (i - 1) / 2 >= from and #found < 2 * tonumber(size) then
      found[#found + 1] = looked[i]
      found[#found + 1] = looked[i + 1]
    end
  end
end
if first + STEP >= all then return { total, found } end
return { total, found, looked[#looked], looked[#looked - 1] }
