from pathlib import Path

import pytest

from tests.support.installation import Repository, repository


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The working folder, without settings of the machine's own."""
    for name in ("PUBLIC_HOST", "HTTPS_PORT", "PLACE", "STATE", "DOMAIN", "OVERLAY", "KUBE_CONTEXT", "INSTALLER_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return repository(tmp_path)
