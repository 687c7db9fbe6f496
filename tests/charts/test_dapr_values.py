"""What Dapr's own chart is given: its webhook decides about Crossdock's pods, and about nobody else's."""

import yaml

from tests.charts.kustomized import kustomized
from tests.charts.rendering import ROOT, matches

VALUES = yaml.safe_load((ROOT / "k8s" / "dapr" / "values.yaml").read_text())


def test_an_injector_that_is_away_stops_pods_of_ours_alone() -> None:
    injector = VALUES["dapr_sidecar_injector"]
    assert injector["webhookFailurePolicy"] == "Fail"
    selector = injector["namespaceSelector"]
    roles = {"crossdock.dev/role": "customer"}
    assert matches(selector, roles)
    for stranger in ("kube-system", "dapr-system", "payroll"):
        assert not matches(selector, {"kubernetes.io/metadata.name": stranger})
    chosen = [each for each in kustomized("k8s/base").of("Namespace") if matches(selector, each["metadata"]["labels"])]
    assert [each["metadata"]["name"] for each in chosen] == ["crossdock-agents"]
