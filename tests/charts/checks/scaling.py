"""How many there are of a pod, and who says so."""

from collections.abc import Iterator

from tests.charts.rendering import Manifest, Rendering

SLOWEST_TASKS = 600
"""Seconds that a stream usually lasts at most: no pod is taken away sooner after a peak."""


def scaled_by_one(rendering: Rendering) -> Iterator[str]:
    """An autoscaler, KEDA or a fixed number; never two of them."""
    scalers = [*rendering.of("HorizontalPodAutoscaler"), *rendering.of("ScaledObject")]
    deployments = {found["metadata"]["name"]: found for found in rendering.of("Deployment")}
    targets = [found["spec"]["scaleTargetRef"]["name"] for found in scalers]
    yield from (f"{target} is not there to be scaled" for target in targets if target not in deployments)
    for name, found in deployments.items():
        fixed = "replicas" in found["spec"]
        if targets.count(name) + fixed != 1:
            yield f"{name} is scaled by {targets.count(name)} scalers, and has {'a' if fixed else 'no'} fixed number"


def scaled_slowly(rendering: Rendering) -> Iterator[str]:
    for found in [*rendering.of("HorizontalPodAutoscaler"), *rendering.of("ScaledObject")]:
        name, spec = found["metadata"]["name"], found["spec"]
        within = (
            spec.get("minReplicas") or spec["minReplicaCount"],
            spec.get("maxReplicas") or spec["maxReplicaCount"],
        )
        if not 1 <= within[0] <= within[1] <= 20:
            yield f"{name} scales between {within[0]} and {within[1]}"
        behavior = spec.get("behavior") or spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        down = behavior["scaleDown"]
        if down["stabilizationWindowSeconds"] < SLOWEST_TASKS or down["policies"] != [
            {"type": "Pods", "value": 1, "periodSeconds": 300}
        ]:
            yield f"{name} goes down by {down}"


def measured(rendering: Rendering) -> Iterator[str]:
    """By CPU and memory of the service's own container, which requests both."""
    containers = {
        pod.name: {container["name"]: container for container in pod.spec["containers"]} for pod in rendering.serving
    }
    for found in rendering.of("HorizontalPodAutoscaler"):
        target = containers[found["spec"]["scaleTargetRef"]["name"]]
        sources = [
            each["containerResource"] for each in found["spec"]["metrics"] if each["type"] == "ContainerResource"
        ]
        if {source["name"] for source in sources} != {"cpu", "memory"}:
            yield f"{found['metadata']['name']} does not look at CPU and memory"
        for source in sources:
            if source["name"] not in target[source["container"]]["resources"]["requests"]:
                yield f"{source['container']} requests no {source['name']}"


def evictable(rendering: Rendering) -> Iterator[str]:
    """A budget where there are two at least: one for a single pod would hold up every node's drain."""
    budgets = {found["metadata"]["name"]: found["spec"] for found in rendering.of("PodDisruptionBudget")}
    for found in rendering.of("Deployment"):
        name = found["metadata"]["name"]
        budget = budgets.pop(name, None)
        if (least(rendering, found) >= 2) != (budget is not None):
            yield f"{name} runs {least(rendering, found)} at least, and has {'a' if budget else 'no'} budget"
        if budget and (budget["maxUnavailable"] != 1 or budget["selector"] != found["spec"]["selector"]):
            yield f"{name}: its budget is {budget}"
        if budget and budget.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{name}: pods that are broken anyway hold up a node's drain"
    yield from (f"the budget {name} is nobody's" for name in budgets)


def least(rendering: Rendering, deployment: Manifest) -> int:
    """Of its replicas."""
    name, spec = deployment["metadata"]["name"], deployment["spec"]
    for found in [*rendering.of("HorizontalPodAutoscaler"), *rendering.of("ScaledObject")]:
        if found["spec"]["scaleTargetRef"]["name"] == name:
            return int(found["spec"].get("minReplicas") or found["spec"]["minReplicaCount"])
    return int(spec["replicas"])
