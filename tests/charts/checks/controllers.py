"""Values for what others install fit what the releases render for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.charts.checks.configuration import loaded
from tests.charts.checks.standing import RELEASES
from tests.charts.kustomized import KIND, kustomized
from tests.charts.rendering import Rendering, rendered
from tests.support.rendered.quantities import bytes_of


def fitting(root: Path) -> Iterator[str]:
    releases = [rendered(each) for each in RELEASES]
    yield from _ingress_controller(_values(root / KIND / "ingress-controller.yaml")["controller"], releases)
    yield from _dapr(_values(root / "k8s" / "dapr" / "values.yaml"), root)


def _values(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))


def _ingress_controller(chosen: dict[str, Any], releases: list[Rendering]) -> Iterator[str]:
    objects = [found for release in releases for found in release.objects]
    kinds = {found["kind"] for found in objects}
    if "Policy" in kinds and chosen.get("enableCustomResources") is not True:
        yield "the ingress controller would not know what checks tokens: the releases' Policy is a custom resource"
    classes = {found["spec"]["ingressClassName"] for found in objects if found["kind"] == "Ingress"}
    if classes != {chosen["ingressClass"]["name"]} or not chosen["ingressClass"]["create"]:
        yield f"the ingress controller serves {chosen['ingressClass']}; the releases are of {classes}"
    entries = chosen["config"]["entries"]
    if entries.get("http2") != "true":
        yield "the ingress controller takes no gRPC"
    told = dict(line.strip().rstrip(";").split(maxsplit=1) for line in entries["http-snippets"].splitlines())
    settings = [loaded(pod) for release in releases if release.scenario.chart != "edge" for pod in release.serving]
    largest = max(each.max_body for each in settings)  # type: ignore[attr-defined] # they keep tasks
    if bytes_of(told["client_max_body_size"].replace("m", "Mi")) <= largest:
        yield f"the ingress controller takes {told['client_max_body_size']} by gRPC; services take {largest} bytes"


def _dapr(chosen: dict[str, Any], root: Path) -> Iterator[str]:
    levels = {
        found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for found in kustomized("k8s/base", root).of("Namespace")
    }
    if "restricted" in levels and chosen["dapr_sidecar_injector"].get("sidecarDropALLCapabilities") is not True:
        yield "a sidecar would keep capabilities, which `restricted` does not let in"
    if chosen["global"]["mtls"].get("enabled") is not True:
        yield "sidecars would not know each other: who may call whom is told by certificates"
