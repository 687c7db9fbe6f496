"""Streams through the ingress: events arrive as they happen, and go on elsewhere when a pod is lost."""

import pytest

from tests.support.arrival import arrival
from tests.support.cases.streams import *  # noqa: F403
from tests.support.long_task import Watch
from tests.support.operations import RestCaller
from tests.support.rendered_place import RenderedPlace

BUFFERING = {
    "proxy_buffering off;": "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
    "proxy_http_version 1.1;": "proxy_http_version 1.0;",
}


@pytest.mark.only("rendered", "the controller of a cluster is not the suite's to misconfigure")
async def test_buffered_events_fail_the_same_assertion(rendered: RenderedPlace) -> None:
    """At a controller whose configuration differs by what buffers, and delimits by the connection's end."""
    async with rendered.other_ingress(BUFFERING) as port:
        http = rendered.reached(rendered.http(), port)
        task = Watch(rendered, RestCaller(http, rendered.path("anomaly"), await rendered.headers("acme-orchestrator")))
        found = await arrival(task)
    assert not found.as_it_happened, found
