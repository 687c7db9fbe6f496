regardless()
local busy = {}
for i = 2, #ARGV do busy[ARGV[i]] = true end
local time = now()
for _, owner in ipairs(call('ZRANGEBYSCORE', P .. 'push', '-inf', time, 'LIMIT', 0, #ARGV)) do
  if not busy[owner] then
    for _, member in ipairs(call('ZRANGEBYSCORE', P .. 'p:' .. owner, '-inf', time, 'LIMIT', 0, LOOKED)) do
      local id, cid = string.match(member, '^([^:]*):(.*)$')
      if not newer(id) then
        local n = P .. 'n:' .. id
        local fence = call('HINCRBY', n, 'f:' .. cid, 1)
        plan_push(owner, id, cid, time + tonumber(ARGV[1]))
        local f = call('HMGET', n, 'c:' .. cid, 's:' .. cid, 'a:' .. cid)
        return { 'claim', id, owner, f[1], fence, f[2], f[3] }
      end
    end
  end
end
return { 'none' }
