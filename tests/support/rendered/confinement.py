"""What a container may do and have, in the engine's words."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.rendered.documents import Refused
from tests.support.rendered.quantities import bytes_of, quantity


def confined(pod: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
    """A container's own security context goes before its pod's."""
    shared, own = pod.get("securityContext") or {}, container.get("securityContext") or {}
    yield from _identity({**shared, **own}, shared)
    if own.get("readOnlyRootFilesystem"):
        yield "--read-only"
    if (own.get("capabilities") or {}).get("drop"):
        yield "--cap-drop=ALL"
    if own.get("allowPrivilegeEscalation") is False:
        yield "--security-opt=no-new-privileges"
    limits = (container.get("resources") or {}).get("limits") or {}
    if "memory" in limits:
        size = bytes_of(limits["memory"])
        yield from (f"--memory={size}", f"--memory-swap={size}")
    if "cpu" in limits:
        yield f"--cpus={quantity(limits['cpu']):g}"


def _identity(merged: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    user, group = merged.get("runAsUser"), merged.get("runAsGroup")
    if merged.get("runAsNonRoot") and not user:
        raise Refused(
            "A pod that runs as no root must say as which user (runAsUser): names in images are not looked up."
        )
    if user is not None:
        yield f"--user={user}" + (f":{group}" if group is not None else "")
    groups = [*(pod.get("supplementalGroups") or []), *([pod["fsGroup"]] if "fsGroup" in pod else [])]
    yield from (f"--group-add={each}" for each in groups)
