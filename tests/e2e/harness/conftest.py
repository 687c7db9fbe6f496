"""A small place of the harness's own."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.rendered.cluster import Cluster, cluster
from tests.support.rendered.documents import Key, documents

SMALL = Path(__file__).with_name("small.yaml")
SERVER, CLIENT, STRANGER = (
    Key("Deployment", "shop", "server"),
    Key("Pod", "street", "client"),
    Key("Pod", "street", "stranger"),
)
IMAGES = {"registry.test/python": "python:3.13-slim"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def small() -> AsyncIterator[Cluster]:
    async with cluster(f"crossdock-test-{secrets.token_hex(4)}", IMAGES) as made:
        await made.apply(documents(SMALL.read_text()))
        await made.settled(seconds=60)
        yield made
