"""A store in memory, a pipeline on it, and a language model's HTTP interface without a network."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Document
from contract_agent.openai_phraser import OpenAIPhraser
from contract_agent.pipeline import ContractPipeline

SAMPLES = Path(__file__).parents[3] / "examples" / "data" / "contracts"

HAULAGE = """# Haulage Terms

between "Arden Foods Ltd" (the "Customer") and "Polder Trucks B.V." (the "Carrier")

1. Waiting. Two hours are free at each stop. After that the Customer pays EUR 60 per hour.

2. Delay
2.1. For each day of delay the Carrier pays 3 % of the freight.
2.2. The penalty shall not exceed 20 % of the freight.

3. Termination. Either party may terminate this agreement with 90 days' notice.
"""


@pytest.fixture(scope="session")
def samples() -> Path:
    return SAMPLES


@pytest.fixture
def haulage() -> Document:
    return Document("haulage.md", HAULAGE)


@pytest.fixture
def store() -> Iterator[DatabaseContractStore]:
    store = DatabaseContractStore("sqlite://")
    store.create_tables()
    yield store
    store.close()


@pytest.fixture
def pipeline(store: DatabaseContractStore, haulage: Document) -> ContractPipeline:
    """Acme has one contract, everybody else none."""
    store.add("acme", haulage.name, haulage)
    return ContractPipeline(store)


class LanguageModel:
    """Speaks chat completions and says what `answers` says; keeps the requests."""

    def __init__(self, answers: Callable[[dict[str, object]], Response]) -> None:
        self.requests: list[dict[str, object]] = []
        self._answers = answers
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])

    async def _complete(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.requests.append({**body, "authorization": request.headers.get("authorization")})
        return self._answers(body)

    def phraser(self, key_file: Path | None = None) -> OpenAIPhraser:
        http = openai.DefaultAsyncHttpxClient(transport=httpx2.ASGITransport(app=self.app))
        return OpenAIPhraser(base_url="http://model.test/v1", model="small", key_file=key_file, timeout=5, http=http)


def completion(content: str) -> Response:
    return JSONResponse(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "small",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19},
        }
    )


@pytest.fixture
def model() -> Callable[..., LanguageModel]:
    """`model("...")` replies with these sentences, `model(content=...)` with this text, `model(status=...)` fails."""

    def make(*sentences: str, content: str | None = None, status: int = 200) -> LanguageModel:
        said = content if content is not None else json.dumps({"sentences": [{"text": item} for item in sentences]})
        return LanguageModel(lambda body: completion(said) if status == 200 else Response(status_code=status))

    return make
