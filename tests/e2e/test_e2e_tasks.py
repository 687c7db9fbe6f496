"""What callers want: the demo's tasks for two customers through the ingress, and cards that lead there."""

import httpx
import pytest

from crossdock.cards.building import CARD_PATHS
from installer.agents import AGENTS
from tests.support.kube_place import CUSTOMERS, KubePlace
from tests.support.scenes import play, store_contracts


@pytest.mark.timeout(240)
async def test_the_demos_tasks_for_two_customers(place: KubePlace) -> None:
    await store_contracts(place)
    await play(place)


async def test_cards_carry_the_public_names(place: KubePlace) -> None:
    cards = {agent.id: agent.card for agent in AGENTS} | {name: f"{name}-orchestrator" for name in CUSTOMERS}
    http = place.http()
    for name, card in cards.items():
        for path in CARD_PATHS:
            answer = await http.get(place.url_of(name) + path)
            assert (answer.status_code, answer.json()["name"]) == (httpx.codes.OK, card)
        urls = {
            each["url"] for each in (await http.get(place.url_of(name) + CARD_PATHS[0])).json()["supportedInterfaces"]
        }
        assert urls == {place.url_of(name), f"{place.grpc_of(name)[0]}:443"}
