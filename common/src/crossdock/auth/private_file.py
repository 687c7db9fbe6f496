"""Files that only their owner may read."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def keep_private(path: Path, make: Callable[[], str], mode: int = 0o600) -> None:
    """Leaves the content that is there, if there is any, and gives the file its mode."""
    if path.exists() and path.read_text(encoding="utf-8").strip():
        path.chmod(mode)
    else:
        write_private(path, make(), mode)


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes whole or not at all: a reader sees the old content or the new one. The file has `mode` from the start."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)  # not less for the umask
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
