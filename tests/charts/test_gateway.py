"""The Gateway that the edge makes, and the certificate that its listeners name."""

from installer import mounts
from installer.manifests import EDGE
from tests.charts.rendering import Scenario, render


def test_its_certificate_is_the_one_that_the_installer_makes() -> None:
    release = render(Scenario("edge", "edge", EDGE, (), ("ingress.gateway.create=true",), "gateway"))
    (gateway,) = release.of("Gateway")
    assert gateway["metadata"]["namespace"] == EDGE
    named = [each["name"] for one in gateway["spec"]["listeners"] for each in one["tls"]["certificateRefs"]]
    assert named == [mounts.CERTIFICATE] * 2
