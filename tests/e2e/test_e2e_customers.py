"""A third customer comes and goes while the other two are served."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from crossdock.errors import ConfigError
from tests.support.flow import flow
from tests.support.kube_place import CUSTOMERS, KubePlace, Pod, release
from tests.support.load import load
from tests.support.remnants import kept_contracts, leave_a_contract
from tests.support.rendered.helm import ROOT
from tests.support.served import bearing
from tests.support.third_customer import BROKEN, LIMIT, NAME, change

pytestmark = pytest.mark.timeout(300)


async def test_a_customer_whose_file_is_broken_is_refused_before_anything_is_made(
    place: KubePlace, described: Path
) -> None:
    before = set(await place.everything())
    for part, (broken, complaint) in BROKEN.items():
        change(described, part, broken)
        with pytest.raises(ConfigError) as refused:
            await asyncio.to_thread(place.installer.add, NAME)
        assert str(refused.value).removeprefix(f"{ROOT}/").startswith(complaint)
        change(described, broken, part)
    assert set(await place.everything()) == before
    assert await asyncio.to_thread(place.kube.found, "namespace", NAME) is None


@pytest.mark.usefixtures("described")
async def test_a_third_customer_is_onboarded_under_load_and_leaves_nothing(
    place: KubePlace, record_property: object
) -> None:
    assert callable(record_property)
    before = set(await place.everything())
    async with flow(place, *CUSTOMERS) as going, load(place) as requests:
        await going.more(1)
        began = time.monotonic()
        await place.add_customer(NAME)
        took = time.monotonic() - began
        secret = place.secret(f"{NAME}-caller")
        token = await place.token(f"{NAME}-caller")
        await served(place, token)
        await leave_a_contract(place, NAME)
        record_property(
            "told", f"onboarded in {took:.1f} s (at most {LIMIT:.0f}), {requests.served} requests meanwhile"
        )
        assert before <= set(await place.everything())
        assert NAME in await redis_users(place)
        await place.remove_customer(NAME)
        await going.more(1)
    assert (requests.failed, took < LIMIT) == ([], True)
    assert set(await place.everything()) == before
    await gone(place, token, secret)


async def served(place: KubePlace, token: str) -> None:
    answer = await place.http().get(f"{place.url_of(NAME)}/tasks", headers=bearing(token))
    assert (answer.status_code, answer.json()["totalSize"]) == (httpx.codes.OK, 0), answer.text
    for name in ("acme", "anomaly"):
        answer = await place.http().get(f"{place.url_of(name)}/tasks", headers=bearing(token))
        assert answer.status_code == httpx.codes.UNAUTHORIZED


async def gone(place: KubePlace, token: str, secret: str) -> None:
    """Objects, containers, networks and volumes; its name; its clients; its user, and what that kept; its contracts."""
    assert await place.left_of(NAME) == []
    with pytest.raises(httpx.ConnectError):
        await place.http().get(f"{place.url_of(NAME)}/tasks", headers=bearing(token))
    url, asked = f"{place.issuer}/protocol/openid-connect/token", {"grant_type": "client_credentials"}
    refused = await place.http().post(url, data=asked, auth=(f"{NAME}-caller", secret))
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    assert NAME not in await redis_users(place)
    assert await kept_contracts(place, NAME) == 0
    assert await asyncio.to_thread(place.kube.found, "secret", f"customer-{NAME}", "crossdock-system") is None


async def redis_users(place: KubePlace) -> str:
    """The file that Redis keeps of its users."""
    return await place.execute(await store(place), "cat", "/data/users.acl")


async def store(place: KubePlace) -> Pod:
    return next(pod for pod in await place.everything() if pod.name == "redis-0")


def test_names_of_releases_follow_from_their_files() -> None:
    assert release("acme").full_name == "acme-orchestrator"
    assert (release("anomaly").full_name, release("edge").full_name) == ("anomaly-agent", "edge")
