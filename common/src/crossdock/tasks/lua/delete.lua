forget(ARGV[1])
wake('e:' .. ARGV[1] .. ':0')
return { 'ok' }
