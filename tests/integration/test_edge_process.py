"""The edge as a process: its ports, its readiness, a clean stop."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.processes import running
from tests.support.system import System, reachable_system


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    async with reachable_system(tmp_path) as made:
        yield made


async def test_it_serves_and_stops(crossdock: System) -> None:
    async with running(crossdock, "edge") as edge:
        http, headers = crossdock.http(), await crossdock.headers("acme-caller")
        for sent, status in ((headers, 204), ({}, 401)):
            answer = await http.get(f"{edge.url}/check", headers={**sent, "X-Crossdock-Card": "*-orchestrator"})
            assert answer.status_code == status
        metrics = (await http.get(f"{edge.management}/metrics")).text
        assert 'crossdock_auth_rejections_total{agent="edge",reason="missing"} 1.0' in metrics
        assert (await http.get(f"{edge.url}/livez")).status_code == 404
        assert await edge.stop() == 0
    log = (await edge.log).decode()
    assert '"event":"request_refused"' in log
    assert headers["Authorization"].split()[1] not in log
