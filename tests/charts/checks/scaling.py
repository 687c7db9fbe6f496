"""How many there are of a pod, and who says so."""

import re
from collections.abc import Iterator

from crossdock.telemetry.metrics import Metrics
from tests.charts.checks.configuration import loaded
from tests.charts.checks.values import Values, values
from tests.charts.rendering import Manifest, Rendering

SLOWEST_TASKS = 600
"""Seconds that a stream usually lasts at most: no pod is taken away sooner after a peak."""
PEAK = 300
"""Seconds until as many are there as may be, from the fewest."""
LEAST_PERCENT, MOST_PERCENT = 30, 90
"""Of what is requested: below, idle services would be scaled; above, busy ones would not."""


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
        wanted = chosen(rendering, found)
        if within != (wanted["minReplicas"], wanted["maxReplicas"]) or not 1 <= within[0] <= within[1] <= 20:
            yield f"{name} scales between {within[0]} and {within[1]}"
        behavior = spec.get("behavior") or spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        if seconds_to_grow(behavior["scaleUp"], *within) > PEAK:
            yield f"{name} does not grow by {behavior['scaleUp']}"
        down = behavior["scaleDown"]
        if down.get("selectPolicy", "Max") not in {"Max", "Min"}:
            yield f"{name} never goes down"
        if down["stabilizationWindowSeconds"] < SLOWEST_TASKS or down["policies"] != [
            {"type": "Pods", "value": 1, "periodSeconds": 300}
        ]:
            yield f"{name} goes down by {down}"


def chosen(rendering: Rendering, scaler: Manifest) -> Values:
    """The values that this autoscaler is made from."""
    every = values(rendering.scenario)
    if scaler["kind"] == "ScaledObject":
        return dict(every["keda"])
    worker = scaler["metadata"]["name"].endswith("-worker")
    return dict((every["worker"] if worker else every)["autoscaling"])


def seconds_to_grow(rules: Manifest, least: int, most: int) -> float:
    """With ever more load, as the autoscaler counts; endless where it may not."""
    if rules.get("selectPolicy", "Max") == "Disabled" or not rules["policies"]:
        return float("inf")
    choose = min if rules.get("selectPolicy") == "Min" else max
    replicas, seconds = least, float(rules.get("stabilizationWindowSeconds", 0))
    while replicas < most:
        steps = [
            replicas * each["value"] // 100 if each["type"] == "Percent" else each["value"]
            for each in rules["policies"]
        ]
        step = choose(steps)
        if step <= 0:
            return float("inf")
        replicas, seconds = replicas + step, seconds + max(each["periodSeconds"] for each in rules["policies"])
    return seconds


def counted(rendering: Rendering) -> Iterator[str]:
    """What is asked for is a metric of the service, with its labels; and a number that can be reached."""
    service = rendering.of("Service")[0]["metadata"]["name"]
    for found in rendering.of("ScaledObject"):
        wanted, (trigger,) = chosen(rendering, found), found["spec"]["triggers"]
        asked = trigger["metadata"]
        yield from _asked(asked["query"], {"namespace": rendering.scenario.namespace, "agent": service})
        if asked["serverAddress"] != wanted["prometheus"]:
            yield f"{asked['serverAddress']} is asked"
        most = loaded(rendering.serving[0]).queued_tasks  # type: ignore[attr-defined] # it keeps tasks
        if asked["threshold"] != str(wanted["queuedTasks"]) or not 0 < int(asked["threshold"]) < most:
            yield f"it scales at {asked['threshold']} waiting tasks; a service takes {most}"
    for found in rendering.of("HorizontalPodAutoscaler"):
        for metric in (each["pods"] for each in found["spec"]["metrics"] if each["type"] == "Pods"):
            if metric["metric"]["name"] not in METRICS:
                yield f"{found['metadata']['name']} looks at {metric['metric']['name']}, which no service has"
            if metric["target"] != {
                "type": "AverageValue",
                "averageValue": str(chosen(rendering, found)["runningTasks"]),
            }:
                yield f"{found['metadata']['name']} wants {metric['target']}"


METRICS = {family.name for family in Metrics("any").registry.collect()}


def _asked(query: str, labels: dict[str, str]) -> Iterator[str]:
    """Of one metric, and of this release's own."""
    asked = re.fullmatch(r"(?:max|sum|avg)\((\w+)\{(.*)\}\)", query)
    if not asked or asked[1] not in METRICS:
        yield f"no service has what {query} asks for"
        return
    if dict(re.findall(r'(\w+)="([^"]*)"', asked[2])) != labels:
        yield f"{query} is not about {labels}"


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
        wanted = chosen(rendering, found)
        for source in sources:
            percent = source["target"].get("averageUtilization")
            if percent != wanted[f"{source['name']}Percent"] or not LEAST_PERCENT <= percent <= MOST_PERCENT:
                yield f"{found['metadata']['name']} wants {percent} % of {source['name']}"
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
