"""All checks by name. Each yields what is wrong with a rendering."""

from collections.abc import Callable, Iterator

from tests.charts.checks import configuration, ingress, network, objects, pods, scaling
from tests.charts.rendering import Rendering

Check = Callable[[Rendering], Iterator[str]]
CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        *(pods.restricted, pods.frugal, pods.probed, pods.draining, pods.rolling, pods.tested),
        *(scaling.scaled_by_one, scaling.scaled_slowly, scaling.measured, scaling.evictable),
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
        *(network.as_drawn, network.closed, network.through_the_sidecar),
        *(ingress.accepted, ingress.unbuffered, ingress.patient, ingress.reached, ingress.checked, ingress.limited),
    )
}
