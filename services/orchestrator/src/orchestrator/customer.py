"""The whole configuration of one customer: the `customer:` block of its YAML file."""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from crossdock.auth.claims import CUSTOMER, CUSTOMER_RULE, no_customer
from crossdock.errors import ConfigError
from orchestrator.catalogue import ids_of
from orchestrator.document import read_yaml
from orchestrator.request import AttachmentKind
from orchestrator.routers.pattern import check_pattern

AgentId = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
Plan = Annotated[tuple[AgentId, ...], Field(min_length=1)]
MESSAGES = {
    "extra_forbidden": "no such field; remove it or correct its name",
    "missing": "is missing; add it",
    "model_type": "must be a mapping of fields to values",
    "string_pattern_mismatch": (
        "must be at most 63 lower-case letters, digits and hyphens; the first is a letter, the last no hyphen"
    ),
    "string_type": "must be text; put quotes around it",
    "tuple_type": "must be a list",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "too_short": "must not be empty",
}


class Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentUse(Block):
    id: AgentId = Field(description="The agent's id; where it lives is a setting of the place.")
    skills: tuple[str, ...] = Field(
        default=(), description="Ids of the skills that may be used; all of them by default."
    )


class Rule(Block):
    """Matches when each kind of condition that it has matches; first rule that matches wins."""

    name: str = Field(min_length=1, description="A name of your own; decisions quote it.")
    priority: int = Field(
        default=0, strict=True, description="A whole number; rules with a higher one are looked at first."
    )
    keywords: tuple[str, ...] = Field(default=(), description="Words or phrases, one of which the request must hold.")
    regex: str = Field(default="", max_length=500, description="A regular expression that the request must hold.")
    attachments: tuple[AttachmentKind, ...] = Field(
        default=(), description=f"Kinds of file, one of which must be attached: {', '.join(get_args(AttachmentKind))}."
    )
    agents: Plan = Field(description="A list of agent ids in the order of work.")

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str) -> str:
        check_pattern(value)
        return value

    @field_validator("keywords")
    @classmethod
    def _has_letters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for keyword in value:
            if not any(character.isalnum() for character in keyword):
                raise ValueError(f"{keyword!r} holds no letter or digit, so that no request could match it")
        return value

    @model_validator(mode="after")
    def _has_condition(self) -> Self:
        if not (self.keywords or self.regex or self.attachments):
            raise ValueError("has no condition; give it keywords, a regex or attachments")
        return self


class Example(Block):
    text: str = Field(min_length=1, max_length=2_000, description="A request as your callers write it.")
    agents: Plan = Field(description="A list of agent ids in the order of work.")


class Routing(Block):
    method: Literal["rules", "ranking", "llm", "hybrid"] = Field(
        default="hybrid", description="One of rules, ranking, llm, hybrid."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="A list of rules.")
    examples: tuple[Example, ...] = Field(
        default=(), max_length=500, description="A list of requests with their agents."
    )

    @field_validator("rules")
    @classmethod
    def _unique(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        repeated = _repeated(rule.name for rule in rules)
        if repeated:
            raise ValueError(f"two rules have the name {repeated!r}; each needs its own")
        return rules


class LanguageModel(Block):
    """Any server that speaks OpenAI's chat completions."""

    enabled: bool = Field(default=False, description="true or false.")
    model: str = Field(default="", description="The model's name at that server.")
    base_url: str = Field(default="https://api.openai.com/v1", description="An http or https URL.")
    api_key_file: Path | None = Field(
        default=None, description="Path of a file that holds the API key and nothing else."
    )
    timeout_seconds: float = Field(default=10.0, gt=0, le=120, description="Seconds, up to 120.")

    @field_validator("base_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            fits = url.scheme in ("http", "https") and bool(url.hostname)
        except ValueError:  # a bracket that opens no IPv6 address
            fits = False
        if not fits:
            raise ValueError(f"{value!r} is not a URL such as https://llm.example/v1")
        return value

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.enabled and not self.model:
            raise ValueError("is enabled without a model; set customer.llm.model")
        return self


class Style(Block):
    """How letters for this customer are written."""

    language: Literal["en", "de", "fr", "es"] | None = Field(
        default=None, description="en, de, fr or es; without it letters follow the language of the request."
    )
    tone: Literal["neutral", "friendly", "firm", "formal"] | None = Field(
        default=None, description="One of neutral, friendly, firm, formal; without it the agent's own."
    )
    signature: str = Field(default="", max_length=500, description="The lines below a letter.")

    def as_metadata(self) -> dict[str, str]:
        """The value under `crossdock.extensions.STYLE`; what is not set is left out."""
        return {name: value for name, value in self.model_dump().items() if value}


class Limits(Block):
    request_characters: int = Field(
        default=20_000,
        ge=100,
        le=200_000,
        description="Characters of a request's text that routing reads, 100 to 200000.",
    )
    steps: int = Field(default=5, ge=1, le=20, description="Agents that one request may need, 1 to 20.")


class Customer(Block):
    name: str = Field(
        pattern=f"^{CUSTOMER.pattern}$",
        description=f"The customer as its tokens call it, such as acme. {CUSTOMER_RULE}",
    )
    agents: tuple[AgentUse, ...] = Field(min_length=1, description="A list of agents, each with an id.")
    routing: Routing = Field(default=Routing(), description="Method, rules and examples.")
    llm: LanguageModel = Field(default=LanguageModel(), description="The language model, if one is used.")
    style: Style = Field(default=Style(), description="Language, tone and signature of letters.")
    limits: Limits = Field(default=Limits(), description="Bounds on requests.")

    @field_validator("name", mode="before")
    @classmethod
    def _a_name(cls, name: object) -> object:
        """In the words that the installer has for it; the pattern is for the chart's schema."""
        if isinstance(name, str) and not CUSTOMER.fullmatch(name):
            raise ValueError(no_customer(name))
        return name

    @property
    def agent_ids(self) -> tuple[str, ...]:
        return ids_of(self.agents)

    def homeless(self, homes: Collection[str]) -> list[str]:
        """Its agents that are not among those with these ids."""
        return [agent for agent in self.agent_ids if agent not in homes]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._strangers(), *self._long_plans()]
        repeated = _repeated(self.agent_ids)
        if repeated:
            problems.append(f"agents: {repeated!r} stands there twice; keep one")
        if self.routing.method == "llm" and not self.llm.enabled:
            problems.append("routing.method: is llm, but llm.enabled is false; enable it or use hybrid")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _plans(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        for index, rule in enumerate(self.routing.rules):
            yield f"routing.rules[{index}].agents", rule.agents
        for index, example in enumerate(self.routing.examples):
            yield f"routing.examples[{index}].agents", example.agents

    def _strangers(self) -> Iterable[str]:
        for field, plan in self._plans():
            for stranger in (agent for agent in plan if agent not in self.agent_ids):
                yield f"{field}: {stranger!r} is not among this customer's agents ({', '.join(self.agent_ids)})"

    def _long_plans(self) -> Iterable[str]:
        for field, plan in self._plans():
            if len(plan) > self.limits.steps:
                yield f"{field}: has more agents than limits.steps, {self.limits.steps}, allows"


def load(path: str | Path) -> Customer:
    """Reads a customer's file. Raises `ConfigError` with every problem: file, field and what to write there."""
    path = Path(path)
    document = read_yaml(path)
    if not isinstance(document, dict) or "customer" not in document:
        raise ConfigError(f"{path}: has no `customer:` block; add one with at least name and agents")
    try:
        return Customer.model_validate(document["customer"])
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in _problems(error))) from None


def _problems(error: ValidationError) -> Iterable[str]:
    found = error.errors(include_url=False)
    for problem in found:
        if problem["type"] == "too_short" and problem["input"]:
            continue  # said of a list whose every item is wrong, and reported as such
        field = _dotted(problem["loc"])
        if problem["type"] == "value_error":
            for line in str(problem["ctx"]["error"]).splitlines():
                yield f"{field}.{line}" if not problem["loc"] else f"{field}: {line}"
        else:
            message = MESSAGES.get(problem["type"], problem["msg"][:1].lower() + problem["msg"][1:])
            yield f"{field}: {message}. {_description(problem['loc'])}".rstrip()


def _dotted(location: tuple[int | str, ...]) -> str:
    return "customer" + "".join(f"[{item}]" if isinstance(item, int) else f".{item}" for item in location)


def _description(location: tuple[int | str, ...]) -> str:
    """What the model says of the field at `location`: what should be written there."""
    model: Any = Customer
    text = ""
    for name in (item for item in location if isinstance(item, str)):
        field = getattr(model, "model_fields", {}).get(name)
        if field is None:
            return text
        text = field.description or text
        model = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_block(kind)), None)
    return f"Expected: {text[:1].lower() + text[1:]}" if text else ""


def _is_block(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Block)


def _repeated(names: Iterable[str]) -> str:
    return next((name for name, count in Counter(names).items() if count > 1), "")
