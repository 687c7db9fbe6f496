local id, fence, token, retention, hasbegun, begun, checkpoint = unpack(ARGV, 1, 7)
local t = P .. 't:' .. id
local owner, context, state, sequence, held, until_, last, number, pushes, queued = unpack(
  call('HMGET', t, 'owner', 'context', 'state', 'sequence', 'fence', 'until', 'written', 'number', 'pushes', 'queued'))
if not owner then return { 'unknown' } end
if last == token then return { 'ok', sequence } end -- a retry: the answer to the first was lost
if ENDED[state] then return { 'ended' } end
if held ~= fence or not until_ then
  returned(id, fence)
  return { 'lost' }
end
local size, ends = 0, false
for i = 8, #ARGV, 5 do
  size, ends = size + #ARGV[i + 1] + #ARGV[i + 2], ends or ENDED[ARGV[i + 3]]
end
if ends and size <= SMALL then regardless() end
local micros
local before = state
local bytes = 0
for i = 8, #ARGV, 5 do
  local kind, event, message, after, at = unpack(ARGV, i, i + 4)
  sequence = sequence + 1
  bytes = bytes + #event + #message
  local fields = { 'k', kind, 'e', event, 'n', number }
  if message ~= '' then
    fields[7], fields[8] = 'm', message
  end
  call('XADD', P .. 'e:' .. id, sequence .. '-0', unpack(fields))
  if after ~= '' then
    call('XADD', P .. 'b:' .. id, sequence .. '-0', unpack(fields))
    state, micros = after, at
    if ENDED[state] then break end
  end
end
grow(owner, id, bytes)
if not micros then
  call('HSET', t, 'sequence', sequence, 'written', token)
else
  call('HSET', t, 'sequence', sequence, 'written', token, 'state', state, 'micros', micros)
  index(owner, context, id, before, state, micros)
end
if ENDED[state] then
  finish(id, owner, tonumber(retention), queued and true or false)
else
  if hasbegun == '1' then call('HSET', t, 'turn', begun, 'begun', '1') end
  if checkpoint ~= '' then keep_checkpoint(owner, id, checkpoint) end
end
if pushes then notify(owner, id) end
changed(id)
return { 'ok', sequence }
