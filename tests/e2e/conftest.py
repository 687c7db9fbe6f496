"""The suite's place, chosen by --place; one event loop for all, since what the place does goes on between the tests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

from tests.support import administration, third_customer
from tests.support.cluster_place import ClusterPlace, cluster_place
from tests.support.e2e_report import Report, told
from tests.support.kube_place import KubePlace
from tests.support.rendered_place import RenderedPlace, rendered_place

HERE = Path(__file__).parent
REPORT = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("e2e")
    group.addoption("--place", choices=["rendered", "cluster"], default="rendered", help="where the suite runs")
    group.addoption("--report", default="", help="file that says which case ran where")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only(place, reason): a case that one kind of place can show")
    config.stash[REPORT] = Report(config.getoption("--place"), config.getoption("--report"))
    config.stash[REPORT].check()
    config.pluginmanager.register(config.stash[REPORT])
    third_customer.forget()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What the place cannot show is reported as not run: it neither passes nor is skipped in silence."""
    report, kept, left = config.stash[REPORT], [], []
    for item in items:
        if is_async_test(item) and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        only = item.get_closest_marker("only")
        if only and only.args[0] != report.place:
            report.elsewhere[told(item.nodeid)] = only.args[1]
            left.append(item)
        else:
            kept.append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stood(request: pytest.FixtureRequest) -> AsyncIterator[KubePlace]:
    """The place with the platform, the shared agents and two customers."""
    report = request.config.stash[REPORT]
    if report.place == "cluster":
        async with cluster_place() as made:
            await made.start()
            yield made
        return
    async with rendered_place() as rendered:
        await rendered.start()
        yield rendered
        report.without_effect += rendered.cluster.knowledge.lines()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def brief_token(stood: KubePlace) -> str:
    """Made before all else, for its test to have less to wait."""
    return await administration.brief_token(stood)


@pytest_asyncio.fixture(loop_scope="session")
async def place(stood: KubePlace, brief_token: str) -> AsyncIterator[KubePlace]:
    """All of it rolled out before and after each test, and no connection of a test's left."""
    async with AsyncExitStack() as exits:
        lasting, stood.exits = stood.exits, exits
        yield stood
        await stood.well()
    stood.exits = lasting


@pytest.fixture
def system(place: KubePlace) -> KubePlace:
    """As the cases call it that run in other places too."""
    return place


@pytest.fixture
def described() -> Iterator[Path]:
    with third_customer.described() as path:
        yield path


@pytest.fixture
def cluster(place: KubePlace) -> ClusterPlace:
    """For what only this place can show."""
    assert isinstance(place, ClusterPlace)
    return place


@pytest.fixture
def rendered(place: KubePlace) -> RenderedPlace:
    """For what only this place can show."""
    assert isinstance(place, RenderedPlace)
    return place
