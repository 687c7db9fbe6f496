import pytest

from crossdock.pipeline import DataPart, FilePart, Part, TextPart
from orchestrator.request import RoutingRequest, attachment_kind, routing_request


@pytest.mark.parametrize(
    ("media_type", "name", "kind"),
    [
        ("text/csv", "", "table"),
        ("text/csv; charset=utf-8", "", "table"),
        ("text/plain", "stock.CSV", "table"),
        ("application/octet-stream", "contract.docx", "document"),
        ("application/pdf", "scan", "document"),
        ("image/svg+xml", "", "image"),
        ("application/zip", "files.zip", "other"),
        ("", "", "other"),
    ],
)
def test_the_kind_of_a_file(media_type: str, name: str, kind: str) -> None:
    assert attachment_kind(media_type, name) == kind


def test_parts_become_a_request() -> None:
    parts: list[Part] = [
        TextPart("check"),
        FilePart("a.pdf", "application/pdf", b"x"),
        DataPart({"rows": []}),
        TextPart("please"),
    ]
    assert routing_request(parts, ["hello"]) == RoutingRequest(
        "check\nplease", ("document", "table"), ("hello",), ("application/pdf",)
    )


def test_earlier_messages_come_first() -> None:
    assert RoutingRequest("the carrier", earlier=("write to",)).whole_text == "write to\nthe carrier"
