local worker, lease = unpack(ARGV)
while true do
  local owner = call('LPOP', P .. 'ring')
  if not owner then return { 'none' } end
  local id = call('LPOP', P .. 'q:' .. owner)
  if call('EXISTS', P .. 'q:' .. owner) == 1 then
    call('RPUSH', P .. 'ring', owner)
  end
  if id and call('HDEL', P .. 't:' .. id, 'queued') == 1 then
    return grant(id, worker, lease)
  end
end
