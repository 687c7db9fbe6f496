local found = 0
for _, owner in ipairs(call('LRANGE', P .. 'ring', 0, -1)) do
  found = found + call('LLEN', P .. 'q:' .. owner)
end
return found
