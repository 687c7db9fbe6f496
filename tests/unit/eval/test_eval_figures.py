"""What the figures with floors count."""

from contract_agent.answering import Answer, Quote
from tests.eval.anomaly import Count, _scores
from tests.eval.contract import Case, Outcome
from tests.eval.report import floors

ASKED = Case("q-1", "lease.md", "What is due, and when?", "EUR 120|within 30 days", "4.1")


def answered(*quotes: tuple[str, str]) -> Outcome:
    made = tuple(Quote(document, "4.1", 0, len(text), text) for document, text in quotes)
    return Outcome(ASKED, Answer(found=True, quotes=made, confidence=0.9))


def test_the_first_quote_alone_must_hold_the_whole_answer() -> None:
    whole, half, rest = (
        ("lease.md", "EUR 120 is due within 30\ndays"),
        ("lease.md", "EUR 120"),
        ("lease.md", "Within 30 days"),
    )
    assert answered(whole, rest).first_right
    assert not answered(rest, whole).first_right
    assert not answered(half, rest).first_right
    assert answered(half, rest).right


def test_a_quote_of_another_document_does_not_count() -> None:
    half, elsewhere = ("lease.md", "EUR 120"), ("other.md", "within 30 days")
    assert not answered(half, elsewhere).right


def test_rows_that_were_reported_before_count_as_false_in_the_strict_figure() -> None:
    lenient, strict = _scores("all kinds", Count(found=200, planted=200, new=0, others=200), 0.85, 0.8)
    assert (lenient.value, lenient.passes) == (1.0, True)
    assert (round(strict.value, 2), strict.passes) == (0.67, False)


def test_the_figures_that_count_have_floors() -> None:
    assert floors("contract")["first quote right"] == 0.85
    assert {"injected F1", "strict F1"} <= floors("anomaly").keys()
