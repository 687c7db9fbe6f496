"""YAML files as people write them: read strictly, and refused with the place of the mistake."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from crossdock.errors import ConfigError


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML itself would silently take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The file's one document. Raises `ConfigError`."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a UTF-8 file; check the path and its permissions") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML{_place(error)}") from error
    except ValueError as error:  # what looks like a date or a number, and is none
        raise ConfigError(f"{path}: holds a date or a number that does not exist; put quotes around texts") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested too deeply to be a customer's file") from error


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}" if mark else ""
