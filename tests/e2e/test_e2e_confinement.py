"""What the containers may do, and where no secret may stand."""

from tests.support.cases.confinement import *  # noqa: F403
from tests.support.cases.confinement import holding
from tests.support.kube_place import KubePlace


async def test_no_secret_in_any_object_that_is_no_secret(place: KubePlace) -> None:
    """ConfigMaps, and all that a rendering says."""
    assert holding(place.secrets(), await place.configuration()) == []
