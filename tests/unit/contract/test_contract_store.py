"""The embedded store, in memory and in a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Limits
from contract_agent.store import ContractStore
from crossdock.errors import ConfigError, TryLater
from tests.unit.contract.store_cases import CASES, OLD, Case


@pytest.fixture(params=["memory", "file"])
def small_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseContractStore]:
    url = "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'contracts.db'}"
    store = DatabaseContractStore(url, limits=Limits(contracts=5, clauses=3))
    store.create_tables()
    yield store
    store.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_store(case: Case, small_store: ContractStore) -> None:
    case(small_store)


def test_a_file_outlives_its_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'contracts.db'}"
    for _ in range(2):
        store = DatabaseContractStore(url)
        store.create_tables()
        contract = store.add("acme", "terms.md", OLD)
        store.close()
    assert contract.version == 2


@pytest.mark.parametrize("url", ["nonsense", "mysql+nothing://host/db", "oracle://host/db"])
def test_other_databases_are_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError):
        DatabaseContractStore(url)


def test_a_database_that_is_away_asks_for_patience(tmp_path: Path) -> None:
    store = DatabaseContractStore(f"sqlite:///{tmp_path / 'missing' / 'contracts.db'}")
    with pytest.raises(TryLater, match="cannot be reached"):
        store.contracts("acme")
    store.close()
