"""What the containers may do, and where no secret may stand."""

import pytest

from tests.support.cases.confinement import *  # noqa: F403
from tests.support.cases.confinement import TOKEN, holding
from tests.support.kube_place import KubePlace
from tests.support.rendered_place import RenderedPlace


async def test_no_secret_in_any_object_that_is_no_secret(place: KubePlace) -> None:
    """ConfigMaps, and all that a rendering says."""
    assert holding(place.secrets(), await place.configuration()) == []


@pytest.mark.only("rendered", "there the controller is one of the pods whose logs are looked at")
async def test_no_token_in_the_controllers_log(rendered: RenderedPlace) -> None:
    token = await rendered.token("acme-caller")
    answer = await rendered.http().get(f"{rendered.url_of('acme')}/tasks?access_token={token}")
    said = await rendered.controller.logs()
    assert f'"GET /tasks HTTP/1.1" {answer.status_code}' in said
    assert not TOKEN.search(said)
