"""Where contracts may be kept, and what an operator is told otherwise."""

from pathlib import Path
from typing import Any

import pytest

from contract_agent.app import create_app
from contract_agent.settings import Settings
from crossdock.errors import ConfigError

PLACE = "postgresql+psycopg://contracts@postgres/contracts"


def loaded(**values: Any) -> Settings:
    return Settings.load(issuer="http://issuer.test", **values)


@pytest.mark.parametrize("several", [{"redis_nodes": "127.0.0.1:1"}, {"replicas": 2}])
@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///contracts.db"])
def test_replicas_do_not_share_sqlite(several: dict[str, Any], url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        create_app(loaded(database_url=url, **several))
    assert "CROSSDOCK_DATABASE_URL" in str(caught.value)
    assert "Set the URL of a PostgreSQL database" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("contracts.db").exists()


@pytest.mark.parametrize("url", [PLACE.replace("@", ":hunter2@"), f"{PLACE}?password=hunter2"])
def test_a_password_stands_in_a_file(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(database_url=url)
    assert "CROSSDOCK_DATABASE_PASSWORD_FILE" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_password_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        create_app(loaded(database_url=PLACE, database_password_file=tmp_path / "none"))


def test_only_two_kinds_of_database_do() -> None:
    for url in ("nonsense", "mysql://x@y/z", "oracle://x@y/z"):
        with pytest.raises(ConfigError, match=r"URL|not in"):
            create_app(loaded(database_url=url))
