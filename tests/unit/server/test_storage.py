"""What refuses to start over a task store that its replicas would not share."""

from typing import Any

import pytest

from crossdock.errors import ConfigError
from crossdock.server.storage import journal_for
from crossdock.settings import ServiceSettings


def loaded(**values: Any) -> ServiceSettings:
    return ServiceSettings.load(port=8002, issuer="http://localhost:8009", **values)


@pytest.mark.parametrize(
    ("several", "variable"), [({"replicas": 2}, "CROSSDOCK_REPLICAS"), ({"role": "api"}, "CROSSDOCK_ROLE")]
)
async def test_several_processes_share_no_memory(several: dict[str, Any], variable: str) -> None:
    with pytest.raises(ConfigError) as caught:
        journal_for(loaded(**several), "puppet-agent")
    assert str(caught.value).startswith(f"{variable}: ")
    assert "CROSSDOCK_REDIS_NODES" in str(caught.value)
    assert journal_for(loaded(redis_nodes="127.0.0.1:1", **several), "puppet-agent").durable


async def test_one_process_needs_no_redis() -> None:
    assert not journal_for(loaded(), "puppet-agent").durable
