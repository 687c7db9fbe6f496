"""What A2A 1.0 requires of a server, and which tests show it: `docs/obligations.md` is made of both."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

Function = ast.AsyncFunctionDef | ast.FunctionDef
TESTS = Path(__file__).parents[1]
HEAD = """# What A2A 1.0 requires of a server, and the tests that show it

Each key begins with the section of the specification that says so. Tests name it by `@obliges("key")`; this page is
written by `OBLIGATIONS_TABLE=write python -m pytest tests/unit/test_obligations.py`.

Where a test runs on several of A2A's bindings, they are named.

| key | the server | tests |
|---|---|---|
"""

MUSTS = {
    "3.1.1-ended": "refuses messages to a task that has ended: UnsupportedOperationError",
    "3.1.1-kinds": "answers a message with a Task, or with a lone Message of which there is no task",
    "3.1.1-media": "refuses parts of a media type that it does not take: ContentTypeNotSupportedError",
    "3.1.2-close": "closes a stream when its task has ended",
    "3.1.2-first": "begins a stream with the Task, and goes on with its updates",
    "3.1.2-message": "closes a stream after a lone Message",
    "3.1.3-unknown": "does not know a task that there is not: TaskNotFoundError",
    "3.1.4-artifacts": "leaves artifacts out of lists unless asked for them",
    "3.1.4-order": "lists the latest status first",
    "3.1.4-pages": "lists by cursor, and always says where the next page begins, or that there is none",
    "3.1.4-scope": "lists only what is the caller's",
    "3.1.5-ended": "does not cancel a task that has ended: TaskNotCancelableError",
    "3.1.5-unknown": "does not cancel a task that there is not: TaskNotFoundError",
    "3.1.6-close": "closes a subscription when the task has ended",
    "3.1.6-ended": "refuses subscriptions to a task that has ended: UnsupportedOperationError",
    "3.1.6-first": "begins a subscription with the Task as it stands",
    "3.1.7-create": "adds a push notification configuration to a task, and keeps it until it is deleted",
    "3.1.7-unknown": "adds no configuration to a task that there is not: TaskNotFoundError",
    "3.1.8-get": "gives a configuration by its id, and knows none that there is not: TaskNotFoundError",
    "3.1.9-list": "lists all configurations of a task",
    "3.1.10-delete": "deletes a configuration, and gives the same to a repeated Delete",
    "3.2.2-blocking": "answers a message when its task has ended or waits for the caller, with all its artifacts",
    "3.2.2-immediate": "answers at once where returnImmediately says so",
    "3.2.4-history": "gives at most historyLength messages, none for 0, all without it",
    "3.3.1-repeated": "gives the same to a repeated Get, and to a repeated Cancel of a task that was canceled",
    "3.3.2-hidden": "does not tell a task of somebody else from one that there is not",
    "3.3.2-shape": "gives each error a code, a message and details with a @type",
    "3.3.2-validated": "validates all that comes in, and tells what is wrong without telling of its inside",
    "3.3.4-extended": "has no extended card where the card declares none: UnsupportedOperationError",
    "3.3.4-extensions": "refuses callers without a required extension: ExtensionSupportRequiredError",
    "3.3.4-push": "refuses push configurations where the card declares none: PushNotificationNotSupportedError",
    "3.3.4-streaming": "refuses streams where the card declares none: UnsupportedOperationError",
    "3.3.4-unset": "says that a declared extended card is not there: ExtendedAgentCardNotConfiguredError",
    "3.4.1-refused": "refuses a context id that it cannot take, and puts no other in its place",
    "3.4.1-told": "tells the context id that it makes",
    "3.4.2-unique": "makes a new task id for every new task",
    "3.4.2-unknown": "refuses messages to a task that there is not: TaskNotFoundError",
    "3.4.3-inferred": "takes the context from the task where a message names only the task",
    "3.4.3-mismatch": "refuses a message whose context is not that of its task",
    "3.5.2-closing": "goes on with a task and its other streams when a stream is closed",
    "3.5.2-order": "sends events in the order in which they happened",
    "3.5.2-same": "sends the same events in the same order to all streams of a task",
    "3.6-patch": "does not look at patch numbers in A2A-Version",
    "3.6.2-empty": "takes a missing A2A-Version for 0.3",
    "3.6.2-version": "speaks the version that was asked for, or refuses: VersionNotSupportedError",
    "4.3.3-attempt": "tries at least once to deliver each event to each webhook",
    "4.3.3-credentials": "sends the credentials that a configuration names",
    "4.3.3-payload": "posts StreamResponses to webhooks",
    "4.6-activated": "activates extensions only for the request that names them, and tells which",
    "4.6.3-unknown": "ignores a version of an extension that it does not know",
    "5.1-equal": "gives the same on every binding",
    "5.2-declared": "declares every binding in its card, each with its URL as it is served (8.3.1)",
    "5.4-codes": "maps each error as the table says",
    "5.5-names": "writes fields in camelCase and enums by their names",
    "5.6.1-times": "writes times in ISO 8601, in UTC, to the millisecond",
    "5.7-required": "fills the fields that A2A requires, lists with at least one element",
    "5.7-unknown": "ignores fields that it does not know, and refuses what lacks required ones",
    "7.4-every": "authenticates every request, and says how to",
    "7.6.1-asks": "asks for authorization by a Task in AUTH_REQUIRED whose message explains it, and listens meanwhile",
    "7.6.4-scope": "does not take that state for an authorization",
    "8.2-published": "publishes its card at /.well-known/agent-card.json",
    "8.4-signed": "signs its card over its canonical JSON (RFC 8785), with alg and kid in the protected header",
    "8.6.1-cached": "says how long its card may be kept, and answers conditional requests",
    "9.1-envelope": "speaks JSON-RPC 2.0 in application/json",
    "9.2-headers": "reads service parameters from HTTP headers (11.2)",
    "9.4.2-events": "streams server-sent events that are whole JSON-RPC answers",
    "9.5-data": "gives error.data as a list of objects with a @type",
    "10.1-service": "serves lf.a2a.v1.A2AService, with each of its methods",
    "10.2-parameters": "reads service parameters from metadata",
    "10.2-version": "validates the A2A-Version of gRPC's metadata",
    "10.6-status": "answers gRPC's errors with an ErrorInfo of a2a-protocol.org in the status' details",
    "10.7-events": "streams over gRPC by server streaming: one StreamResponse per event",
    "11.1-type": "answers in application/a2a+json",
    "11.3-urls": "serves each operation at its URL and verb",
    "11.5-query": "reads the parameters of GET and DELETE from path and query, in camelCase, URL-encoded",
    "11.6-status": "answers errors as google.rpc.Status with an ErrorInfo of a2a-protocol.org",
    "11.7-events": "streams server-sent events that are bare StreamResponses",
    "13.1-scope": "lets every operation see what is the caller's, and nothing else",
    "13.2-webhooks": "delivers to addresses only that strangers may point it at",
    "13.3-extended": "gives the extended card only to those who authenticate (3.1.11)",
    "13.4-logs": "writes no credentials into its log",
    "14.1-files": "fetches files only from addresses that strangers may point it at",
    "14.3-secret": "has no secret in its card",
}


def obliges(*keys: str) -> pytest.MarkDecorator:
    """Marks a test that shows what `keys` of `MUSTS` say."""
    unknown = set(keys) - MUSTS.keys()
    if unknown:
        raise KeyError(f"not in MUSTS: {sorted(unknown)}")
    return pytest.mark.obligation(*keys)


BY_NAME = {"JSONRPC": "JSON-RPC", "HTTP_JSON": "HTTP+JSON", "GRPC": "gRPC"}
ALL = tuple(BY_NAME.values())
BINDINGS = {
    **dict.fromkeys(("caller", "bare", "demanding", "binding"), ALL),
    "rpc_caller": ALL[:1],
    "rest_caller": ALL[1:2],
    "grpc_caller": ALL[2:],
}
"""By the fixture that a test asks for: on which of A2A's bindings it runs."""


@dataclass(frozen=True)
class Shown:
    """A test, as pytest names it, and the bindings on which it runs; none if it says nothing of them."""

    test: str
    bindings: tuple[str, ...]

    def __str__(self) -> str:
        return f"`{self.test}`" + (f" ({', '.join(self.bindings)})" if self.bindings else "")


def marked() -> dict[str, list[Shown]]:
    """The tests that show each of `MUSTS`."""
    found: dict[str, list[Shown]] = {key: [] for key in MUSTS}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and _calls(node, "obliges"):
                shown = Shown(f"{path.relative_to(TESTS.parent)}::{node.name}", _bindings(node))
                for mark in _calls(node, "obliges"):
                    for key in mark.args:
                        found[str(ast.literal_eval(key))].append(shown)
    return found


def _calls(node: Function, name: str) -> list[ast.Call]:
    """The decorators that are calls of `name`."""
    calls = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) == name]


def _bindings(node: Function) -> tuple[str, ...]:
    for mark in _calls(node, "pytest.mark.parametrize"):
        if ast.literal_eval(mark.args[0]) == "binding" and isinstance(mark.args[1], ast.List):
            return tuple(BY_NAME[ast.unparse(item)] for item in mark.args[1].elts)
    asked = [argument.arg for argument in node.args.args]
    return next((BINDINGS[name] for name in asked if name in BINDINGS), ())


def table() -> str:
    def line(key: str, tests: list[Shown]) -> str:
        return f"| {key} | {MUSTS[key]} | {'<br>'.join(map(str, tests))} |\n"

    tests = marked()
    return HEAD + "".join(line(key, tests[key]) for key in sorted(MUSTS, key=_order))


def _order(key: str) -> tuple[list[int], str]:
    section, _, name = key.partition("-")
    return [int(number) for number in section.split(".")], name
