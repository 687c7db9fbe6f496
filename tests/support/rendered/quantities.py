"""Quantities as Kubernetes writes them: 64Mi, 500m, 25%."""

import math
import re

UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}


def quantity(value: str | float) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(value)).groups()  # type: ignore[union-attr]
    return float(number) / 1000 if unit == "m" else float(number) * UNITS[unit]


def bytes_of(value: str | float) -> int:
    return int(quantity(value))


def share(value: str | int, whole: int, *, up: bool) -> int:
    """A number, or a percentage of `whole`."""
    if isinstance(value, int):
        return value
    part = whole * int(value.removesuffix("%")) / 100
    return math.ceil(part) if up else math.floor(part)
