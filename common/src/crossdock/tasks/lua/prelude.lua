-- What every script shares. All keys of a shard begin with KEYS[1], which holds the hash tag:
--   t:<id>  the task's fields        e:<id>  its events, <number>-0       b:<id>  the same without artifacts
--   w:<id>  turns that wait for it   q:<owner>  tasks that wait           ring    owners that wait, in turns
--   leases, due, ended  ids by time  o:<owner>, oc:<owner>:<context>, os:<owner>:<state>  ids by status time
--   i:<owner>:<idempotency key>      wake  the channel: "e:<id>:<number>", "c:<id>", "w"
--   asked:<worker>  its last claim, should the answer be lost     meta  of the store itself
local P = KEYS[1]
local call = redis.call

local ENDED = { ['3'] = true, ['4'] = true, ['5'] = true, ['7'] = true }
local INTERRUPTED = { ['6'] = true, ['8'] = true }
local FORMAT = '1'

local function now()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
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

local function unqueue(owner, id)
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

-- The claim as its holder has it.
local function claimed(id, resumed)
  local f = call('HMGET', P .. 't:' .. id, 'owner', 'fence', 'turn', 'number', 'sequence', 'begun', 'lost', 'cancel', 'over',
    'due')
  return { 'claim', id, f[1], f[2], f[3] or '', f[4], f[5], f[6] or '1', f[7] or '0', f[8] or '0', f[9] or '0',
    (tonumber(f[10]) or 0) - now(), resumed }
end

local function grant(id, worker, lease)
  local t = P .. 't:' .. id
  local owner, over, fence, started = unpack(call('HMGET', t, 'owner', 'over', 'fence', 'started'))
  unqueue(owner, id)
  if over == '1' and call('EXISTS', P .. 'w:' .. id) == 1 then
    call('LPOP', P .. 'w:' .. id) -- the turn's time: it counts since the task was queued
    call('HSET', t, 'turn', call('LPOP', P .. 'w:' .. id), 'over', '0', 'begun', '0')
    call('HINCRBY', t, 'number', 1)
    call('HDEL', t, 'lost')
  end
  local until_ = now() + lease
  -- By the clock, so that a store that lost its last second gives no fence out twice.
  call('HSET', t, 'worker', worker, 'until', until_, 'started', '1', 'fence', math.max(tonumber(fence) + 1, now()))
  call('ZADD', P .. 'leases', until_, id)
  return claimed(id, started or '0')
end

-- The claim that a worker has already, and asks for again because the answer was lost.
local function given(id, worker, resumed)
  local holder, held = unpack(call('HMGET', P .. 't:' .. id, 'worker', 'until'))
  return held and holder == worker and claimed(id, resumed) or nil
end

local function finish(id, owner, retention)
  local t = P .. 't:' .. id
  unqueue(owner, id)
  call('HDEL', t, 'worker', 'until', 'turn', 'due', 'cancel', 'checkpoint', 'begun', 'over', 'started', 'lost')
  call('DEL', P .. 'w:' .. id)
  call('ZREM', P .. 'leases', id)
  call('ZREM', P .. 'due', id)
  call('ZADD', P .. 'ended', now() + retention, id)
end

local function forget(id)
  local t = P .. 't:' .. id
  local owner, context, state = unpack(call('HMGET', t, 'owner', 'context', 'state'))
  if owner then
    unqueue(owner, id)
    call('ZREM', P .. 'o:' .. owner, id)
    call('ZREM', P .. 'oc:' .. owner .. ':' .. context, id)
    call('ZREM', P .. 'os:' .. owner .. ':' .. state, id)
  end
  call('DEL', t, P .. 'e:' .. id, P .. 'b:' .. id, P .. 'w:' .. id)
  call('ZREM', P .. 'leases', id)
  call('ZREM', P .. 'due', id)
  call('ZREM', P .. 'ended', id)
end

-- What an earlier request with the same idempotency key made, if that still exists.
local function seen(owner, key, digest)
  if key == '' then return nil end
  local k = P .. 'i:' .. owner .. ':' .. key
  local known, id, turn = unpack(call('HMGET', k, 'digest', 'id', 'turn'))
  if not known then return nil end
  local sequence = call('HGET', P .. 't:' .. id, 'sequence')
  if not sequence then return nil end
  if known ~= digest then return { 'reused' } end
  return { 'again', id, turn, sequence }
end

local function remember(owner, key, digest, id, turn, ttl)
  if key == '' then return end
  local k = P .. 'i:' .. owner .. ':' .. key
  call('DEL', k)
  call('HSET', k, 'digest', digest, 'id', id, 'turn', turn)
  call('PEXPIRE', k, ttl)
end
