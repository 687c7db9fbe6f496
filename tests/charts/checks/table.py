"""All checks by name. Each yields what is wrong with a rendering."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.charts.checks import (
    addresses,
    configuration,
    controllers,
    dapr,
    ingress,
    network,
    objects,
    pods,
    references,
    scaling,
    script,
    stores,
)
from tests.charts.rendering import Rendering

Check = Callable[[Rendering], Iterator[str]]
CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        *(pods.restricted, pods.frugal, pods.probed, pods.draining, pods.rolling, pods.tested),
        *(scaling.scaled_by_one, scaling.scaled_slowly, scaling.counted, scaling.measured, scaling.evictable),
        *(
            objects.consistent,
            objects.referring,
            objects.managed_apart,
            objects.named,
            objects.apart,
            objects.without_secrets,
        ),
        *(configuration.understood, configuration.shared, configuration.divided),
        *(configuration.mounted, configuration.legible),
        *(addresses.addressed, references.furnished, references.certified, references.tried_by_two),
        *(network.as_drawn, network.closed),
        *(dapr.sidecarred, dapr.through_the_sidecar, dapr.let_in, dapr.trusted),
        *(ingress.accepted, ingress.unbuffered, ingress.patient, ingress.reached, ingress.checked, ingress.limited),
        ingress.attached,
    )
}
PLACE_CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    check.__name__: check for check in (network.as_drawn_together, stores.kept, controllers.fitting, script.spoken)
}
"""Of what stands beside the releases. Each is told the repository's folder."""
