"""What gRPC's server is told of connections."""

from crossdock.server.grpc_server import _options

SILENCE_MS = 60_000
"""After which nginx cuts a gRPC stream, unless a snippet says otherwise."""


def test_a_silent_stream_is_heard_of_before_a_proxy_cuts_it() -> None:
    options = dict(_options(1024))
    assert options["grpc.keepalive_time_ms"] + options["grpc.keepalive_timeout_ms"] < SILENCE_MS
    assert options["grpc.keepalive_time_ms"] >= options["grpc.http2.min_ping_interval_without_data_ms"]
    assert options["grpc.http2.max_pings_without_data"] == 0
