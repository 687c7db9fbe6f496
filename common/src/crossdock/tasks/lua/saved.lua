local f = call('HMGET', P .. 't:' .. ARGV[1], 'owner', 'checkpoint')
return f[1] and { 'ok', f[2] or '' } or { 'unknown' }
