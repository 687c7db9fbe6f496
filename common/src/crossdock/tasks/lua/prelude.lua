-- What every script shares. All keys of a shard begin with KEYS[1], which holds the hash tag:
--   t:<id>  the task's fields        e:<id>  its events, <number>-0       b:<id>  the same without artifacts
--   w:<id>  turns that wait for it   q:<owner>  tasks that wait           ring    owners that wait, in turns
--   leases, due, ended  ids by time  o:<owner>, oc:<owner>:<context>, os:<owner>:<state>  ids by status time
--   sizes   bytes by owner           i:<owner>:<idempotency key>
--   n:<id>  its push configurations: of each, c:<its id> itself, s: the last event sent, f: the fence, a: failed
--           attempts, d: why it is dead, z: its counted bytes      p:<owner>  "<id>:<its id>" by when it may be claimed
--   r:<owner>  when all of what it may ask at once is free again
--   push    owners by when their first may be
--   asked:<worker>  its last claim, should the answer be lost     meta  of the store itself
--   none    never there: what is written to it changes nothing
--   wake    the channel for all processes: "c:<id>", "w", "p"      wake:<id>  that of a task's readers
local P = KEYS[1]
local call = redis.call

local ENDED = { ['3'] = true, ['4'] = true, ['5'] = true, ['7'] = true }
local INTERRUPTED = { ['6'] = true, ['8'] = true }
local FORMAT = '1'
local SMALL = 65536 -- bytes that an end may have in a full store
local TOKENS = 4096 -- bytes of the tokens that a task keeps: more than come to it while one request is tried again
local LOOKED = 100 -- so many are looked at for one that this release can read

-- A store at `maxmemory` refuses a script the first of its writes if that may take memory, and none behind another one.
-- What ends, gives up or keeps alive must go on in a full store: it begins with a write that is never refused. All
-- that it adds is small. (Redis 7 has a flag for this, which 6.2 does not know.)
local function regardless()
  call('DEL', P .. 'none')
end

-- Whether the store is full; for scripts that have written nothing yet.
local function crammed()
  local said = redis.pcall('LPUSHX', P .. 'none', '')
  return type(said) == 'table' and string.find(said.err or '', 'maxmemory', 1, true) ~= nil
end

local moment

-- Milliseconds since 1970; one script is one moment.
local function now()
  if not moment then
    local time = call('TIME')
    moment = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return moment
end

-- Most tasks have no reader elsewhere: then it is told to nobody.
local function changed(id)
  call('PUBLISH', P .. 'wake:' .. id, '')
end

-- Of a release that writes what this one cannot read: its own replicas look after it.
local function newer(id)
  return tonumber(call('HGET', P .. 't:' .. id, 'format') or FORMAT) > tonumber(FORMAT)
end

-- Of `set` those up to `score` that this release can read.
local function past(set, score, limit)
  local found = {}
  for offset = 0, 9 * limit, limit do
    local batch = call('ZRANGEBYSCORE', P .. set, '-inf', score, 'LIMIT', offset, limit)
    for _, id in ipairs(batch) do
      if #found < tonumber(limit) and not newer(id) then found[#found + 1] = id end
    end
    if #batch < tonumber(limit) or #found == tonumber(limit) then break end
  end
  return found
end

local function wake(text)
  call('PUBLISH', P .. 'wake', text)
end

local function queue(owner, id, front)
  local waiting = P .. 'q:' .. owner
  call('HSET', P .. 't:' .. id, 'queued', '1')
  if call(front and 'LPUSH' or 'RPUSH', waiting, id) == 1 then
    call('RPUSH', P .. 'ring', owner)
  end
  wake('w')
end

-- `queued`: whether it is, where that is known.
local function unqueue(owner, id, queued)
  if queued == false then return end
  if call('HDEL', P .. 't:' .. id, 'queued') == 0 then return end
  local waiting = P .. 'q:' .. owner
  call('LREM', waiting, 1, id)
  if call('EXISTS', waiting) == 0 then
    call('LREM', P .. 'ring', 1, owner)
  end
end

local function due(id, at)
  call('HSET', P .. 't:' .. id, 'due', at)
  call('ZADD', P .. 'due', at, id)
end

local function index(owner, context, id, before, state, micros)
  call('ZADD', P .. 'o:' .. owner, micros, id)
  call('ZADD', P .. 'oc:' .. owner .. ':' .. context, micros, id)
  if before and before ~= state then
    call('ZREM', P .. 'os:' .. owner .. ':' .. before, id)
  end
  call('ZADD', P .. 'os:' .. owner .. ':' .. state, micros, id)
end

-- When a push configuration may be claimed next; nil: not before its task's log goes on.
local function plan_push(owner, id, cid, at)
  local p = P .. 'p:' .. owner
  if at then
    call('ZADD', p, at, id .. ':' .. cid)
  else
    call('ZREM', p, id .. ':' .. cid)
  end
  local first = call('ZRANGE', p, 0, 0, 'WITHSCORES')
  if not first[1] then
    call('ZREM', P .. 'push', owner)
    return
  end
  call('ZADD', P .. 'push', first[2], owner)
  if at and at <= now() then wake('p') end
end

local function each_push(id, visit)
  for _, name in ipairs(call('HKEYS', P .. 'n:' .. id)) do
    if string.sub(name, 1, 2) == 'c:' then visit(string.sub(name, 3)) end
  end
end

-- The task's log went on.
local function notify(owner, id)
  each_push(id, function(cid)
    local dead = call('HEXISTS', P .. 'n:' .. id, 'd:' .. cid) == 1
    if not dead and not call('ZSCORE', P .. 'p:' .. owner, id .. ':' .. cid) then
      plan_push(owner, id, cid, now())
    end
  end)
end

local function grow(owner, id, bytes)
  call('HINCRBY', P .. 't:' .. id, 'size', bytes)
  call('HINCRBY', P .. 'sizes', owner, bytes)
end

-- What a configuration needs beyond what is counted of the one with its id.
local function push_growth(id, cid, config)
  return #config - (call('HGET', P .. 'n:' .. id, 'z:' .. cid) or 0)
end

-- `sent` is the cursor of a new one. False where the task has as many as it may.
local function keep_push(owner, id, cid, config, limit, sent)
  local t, n = P .. 't:' .. id, P .. 'n:' .. id
  if call('HEXISTS', n, 'c:' .. cid) == 0 then
    if tonumber(call('HGET', t, 'pushes') or 0) >= tonumber(limit) then return false end
    call('HINCRBY', t, 'pushes', 1)
    call('HSET', n, 's:' .. cid, sent)
  end
  grow(owner, id, push_growth(id, cid, config))
  call('HSET', n, 'c:' .. cid, config, 'z:' .. cid, #config, 'a:' .. cid, '0')
  call('HDEL', n, 'd:' .. cid)
  call('HINCRBY', n, 'f:' .. cid, 1)
  local behind = tonumber(call('HGET', n, 's:' .. cid)) < tonumber(call('HGET', t, 'sequence'))
  plan_push(owner, id, cid, behind and now() or nil)
  return true
end

-- The claim as its holder has it.
local function claimed(id, resumed)
  local f = call('HMGET', P .. 't:' .. id, 'owner', 'fence', 'turn', 'number', 'sequence', 'begun', 'lost', 'cancel', 'over',
    'due')
  return { 'claim', id, f[1], f[2], f[3] or '', f[4], f[5], f[6] or '1', f[7] or '0', f[8] or '0', f[9] or '0',
    (tonumber(f[10]) or 0) - now(), resumed }
end

-- Gives a lease; the answer is its fence.
local function hold(id, worker, fence, lease)
  local until_ = now() + lease
  -- By the clock, so that a store that lost its last second gives no fence out twice.
  local next = math.max(tonumber(fence) + 1, now())
  call('HSET', P .. 't:' .. id, 'worker', worker, 'until', until_, 'started', '1', 'fence', next)
  call('ZADD', P .. 'leases', until_, id)
  return next
end

local function grant(id, worker, lease)
  local t = P .. 't:' .. id
  local owner, over, fence, started = unpack(call('HMGET', t, 'owner', 'over', 'fence', 'started'))
  unqueue(owner, id)
  if over == '1' and call('EXISTS', P .. 'w:' .. id) == 1 then
    call('LPOP', P .. 'w:' .. id) -- the turn's time: it counts since the task was queued
    call('HSET', t, 'turn', call('LPOP', P .. 'w:' .. id), 'over', '0', 'begun', '0')
    call('HINCRBY', t, 'number', 1)
    call('HDEL', t, 'lost', 'gone')
  end
  hold(id, worker, fence, lease)
  return claimed(id, started or '0')
end

-- The claim that a worker has already, and asks for again because the answer was lost.
local function given(id, worker, resumed)
  local holder, held = unpack(call('HMGET', P .. 't:' .. id, 'worker', 'until'))
  return held and holder == worker and claimed(id, resumed) or nil
end

-- A holder that was given up turns up again: it was slow, and its task is not what stopped it.
local function returned(id, fence)
  local t = P .. 't:' .. id
  local gone = call('HGET', t, 'gone') or ''
  local first, last = string.find(gone, ' ' .. fence .. ' ', 1, true)
  if not first then return end
  call('HSET', t, 'gone', string.sub(gone, 1, first - 1) .. string.sub(gone, last + 1))
  call('HINCRBY', t, 'lost', -1)
end

local function full(owner, limit)
  return tonumber(call('HGET', P .. 'sizes', owner) or 0) >= tonumber(limit)
end

local function keep_checkpoint(owner, id, data)
  local t = P .. 't:' .. id
  grow(owner, id, #data - (call('HGET', t, 'saved') or 0))
  call('HSET', t, 'checkpoint', data, 'saved', #data)
end

local function finish(id, owner, retention, queued)
  local t = P .. 't:' .. id
  unqueue(owner, id, queued)
  local saved = call('HGET', t, 'saved')
  if saved then grow(owner, id, -saved) end
  call('HDEL', t, 'worker', 'until', 'turn', 'due', 'cancel', 'checkpoint', 'saved', 'begun', 'over', 'started', 'lost', 'gone')
  call('DEL', P .. 'w:' .. id)
  call('ZREM', P .. 'leases', id)
  call('ZREM', P .. 'due', id)
  call('ZADD', P .. 'ended', now() + retention, id)
end

local function forget(id)
  local t = P .. 't:' .. id
  call('ZREM', P .. 'ended', id)
  local owner, context, state, size = unpack(call('HMGET', t, 'owner', 'context', 'state', 'size'))
  if owner then
    if call('HINCRBY', P .. 'sizes', owner, -(size or 0)) <= 0 then call('HDEL', P .. 'sizes', owner) end
    unqueue(owner, id)
    call('ZREM', P .. 'o:' .. owner, id)
    call('ZREM', P .. 'oc:' .. owner .. ':' .. context, id)
    call('ZREM', P .. 'os:' .. owner .. ':' .. state, id)
    each_push(id, function(cid) plan_push(owner, id, cid, nil) end)
  end
  call('DEL', P .. 'n:' .. id, t, P .. 'e:' .. id, P .. 'b:' .. id, P .. 'w:' .. id)
  call('ZREM', P .. 'leases', id)
  call('ZREM', P .. 'due', id)
end

-- What an earlier request with the same idempotency key made.
local function seen(owner, key, digest)
  if key == '' then return nil end
  local k = P .. 'i:' .. owner .. ':' .. key
  local known, id, turn = unpack(call('HMGET', k, 'digest', 'id', 'turn'))
  if not known then return nil end
  if known ~= digest then return { 'reused' } end
  local sequence = call('HGET', P .. 't:' .. id, 'sequence')
  if not sequence then return { 'expired' } end
  return { 'again', id, turn, sequence }
end

local function remember(owner, key, digest, id, turn, ttl)
  if key == '' then return end
  local k = P .. 'i:' .. owner .. ':' .. key
  call('DEL', k)
  call('HSET', k, 'digest', digest, 'id', id, 'turn', turn)
  call('PEXPIRE', k, ttl)
end
