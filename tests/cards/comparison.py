"""What callers of the last release's card would lose with today's."""

import fnmatch
from collections.abc import Iterable, Sequence

from a2a.types import AgentCard
from packaging.version import Version


def losses(released: AgentCard, current: AgentCard) -> list[str]:
    """One line for each skill id, input mode and output mode that is gone; none where the major version is higher."""
    if Version(current.version).major > Version(released.version).major:
        return []
    found = list(_gone("input mode", released.default_input_modes, current.default_input_modes))
    found += _gone("output mode", released.default_output_modes, current.default_output_modes)
    skills = {skill.id: skill for skill in current.skills}
    for skill in released.skills:
        if skill.id not in skills:
            found.append(f"the skill {skill.id}")
            continue
        now = skills[skill.id]
        for kind, before, after in [
            ("input mode", _modes(skill.input_modes, released.default_input_modes),
             _modes(now.input_modes, current.default_input_modes)),
            ("output mode", _modes(skill.output_modes, released.default_output_modes),
             _modes(now.output_modes, current.default_output_modes)),
        ]:  # fmt: skip
            found += [f"{line} of the skill {skill.id}" for line in _gone(kind, before, after)]
    return found


def _modes(own: Sequence[str], default: Sequence[str]) -> Sequence[str]:
    """A skill that names no modes has the card's (section 4.4.5)."""
    return own or default


def _gone(kind: str, before: Iterable[str], after: Sequence[str]) -> Iterable[str]:
    for mode in before:
        if not any(fnmatch.fnmatchcase(mode, pattern) for pattern in after):
            yield f"the {kind} {mode}"
