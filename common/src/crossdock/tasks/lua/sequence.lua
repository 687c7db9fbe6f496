local sequence = call('HGET', P .. 't:' .. ARGV[1], 'sequence')
return sequence and { 'ok', sequence } or { 'unknown' }
