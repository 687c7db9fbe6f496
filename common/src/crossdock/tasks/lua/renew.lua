local lease = tonumber(ARGV[1])
local until_ = now() + lease
local answer = {}
regardless()
for i = 2, #ARGV, 2 do
  local id, fence = ARGV[i], ARGV[i + 1]
  local t = P .. 't:' .. id
  local f = call('HMGET', t, 'fence', 'until', 'cancel')
  if f[1] ~= fence or not f[2] then
    returned(id, fence)
    answer[#answer + 1] = 'lost'
  else
    call('HSET', t, 'until', until_)
    call('ZADD', P .. 'leases', until_, id)
    answer[#answer + 1] = f[3] and 'canceled' or 'kept'
  end
end
return answer
