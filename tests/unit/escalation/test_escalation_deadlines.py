"""Deadlines in four languages, against a clock that stands at Wednesday 2026-11-18 09:30 UTC."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_agent.deadline import deadline_grammar
from escalation_agent.lexicon import CODES

CLEAR = [
    ("en", "until Friday 16:00", "2026-11-20T16:00"),
    ("en", "please answer by the 15th", "2026-12-15T23:59"),
    ("en", "by the 20th at 4 p.m.", "2026-11-20T16:00"),
    ("en", "reply within 24 h", "2026-11-19T09:30"),
    ("en", "within the next two hours", "2026-11-18T11:30"),
    ("en", "they want it by 5pm today", "2026-11-18T17:00"),
    ("en", "by tomorrow noon", "2026-11-19T12:00"),
    ("en", "by EOD tomorrow", "2026-11-19T23:59"),
    ("en", "by Wednesday 9:00", "2026-11-25T09:00"),
    ("en", "by Wednesday 10:00", "2026-11-18T10:00"),
    ("en", "deadline is Monday, 23 November 2026, 9 am", "2026-11-23T09:00"),
    ("en", "by Dec 3rd, 2026", "2026-12-03T23:59"),
    ("en", "by 24/12", "2026-12-24T23:59"),
    ("en", "deadline 2026-12-01T16:00", "2026-12-01T16:00"),
    ("en", "by 5 January, 4 p.m.", "2027-01-05T16:00"),
    ("en", "Friday 16:00 at the latest", "2026-11-20T16:00"),
    ("en", "by the end of the month", "2026-11-30T23:59"),
    ("en", "the line stops at 4pm", "2026-11-18T16:00"),
    ("de", "bis Mittwoch 12 Uhr", "2026-11-18T12:00"),
    ("de", "spätestens am 3.12. um 16.30 Uhr", "2026-12-03T16:30"),
    ("de", "innerhalb von 48 Stunden", "2026-11-20T09:30"),
    ("de", "bis übermorgen", "2026-11-20T23:59"),
    ("de", "bis morgen früh 8 Uhr", "2026-11-19T08:00"),
    ("de", "Frist: 30.11.2026", "2026-11-30T23:59"),
    ("de", "bis zum 15. Dezember", "2026-12-15T23:59"),
    ("de", "Bandstillstand um 18 Uhr", "2026-11-18T18:00"),
    ("fr", "limite à 18 h", "2026-11-18T18:00"),
    ("fr", "avant vendredi 16h30", "2026-11-20T16:30"),
    ("fr", "sous 48 heures", "2026-11-20T09:30"),
    ("fr", "d'ici le 15 décembre", "2026-12-15T23:59"),
    ("fr", "au plus tard demain à midi", "2026-11-19T12:00"),
    ("es", "antes de las 10", "2026-11-18T10:00"),
    ("es", "a más tardar el viernes a las 16:00", "2026-11-20T16:00"),
    ("es", "en 24 horas", "2026-11-19T09:30"),
    ("es", "hasta mañana a las 12:00", "2026-11-19T12:00"),
    ("es", "plazo: 3 de diciembre", "2026-12-03T23:59"),
]
AMBIGUOUS = [
    ("en", "by next Friday"),
    ("en", "by 3/4"),
    ("en", "by 9:00"),
    ("en", "within 3 working days"),
    ("en", "by the end of the week"),
    ("en", "asap"),
    ("en", "by 99:99"),
    ("en", "by 31 April 2027"),
    ("de", "innerhalb von 5 Werktagen"),
    ("de", "bis nächsten Montag"),
    ("de", "schnellstmöglich"),
    ("fr", "d'ici la semaine prochaine"),
    ("es", "lo antes posible"),
]
NONE = [
    ("en", "the gate was closed until 10:00"),
    ("en", "it was to be there by Friday"),
    ("en", "standing there since 6 am"),
    ("en", "the driver arrived before 10:00"),
    ("de", "seit 05:30 ausgefallen"),
    ("de", "die Lieferung war bis Freitag zugesagt"),
    ("fr", "bloqué depuis 7 h"),
    ("es", "la descarga estaba prevista a las 10:00"),
]


@pytest.mark.parametrize(("code", "text", "at"), CLEAR)
def test_clear_words_become_a_time(now: datetime, code: str, text: str, at: str) -> None:
    found = deadline_grammar(code).find(text, now, instruction=True)
    assert found is not None
    assert found.at == datetime.fromisoformat(f"{at}+00:00")
    assert found.words in text


@pytest.mark.parametrize(("code", "text"), AMBIGUOUS)
def test_ambiguous_words_are_kept_and_not_guessed(now: datetime, code: str, text: str) -> None:
    found = deadline_grammar(code).find(text, now, instruction=True)
    assert found is not None
    assert found.at is None
    assert found.words in text


@pytest.mark.parametrize(("code", "text"), NONE)
def test_what_was_is_no_deadline(now: datetime, code: str, text: str) -> None:
    assert deadline_grammar(code).find(text, now, instruction=False) is None


def test_a_stated_zone_counts(now: datetime) -> None:
    found = deadline_grammar("en").find("by 16:00 CET on Friday", now, instruction=True)
    assert found is not None
    assert found.at == datetime.fromisoformat("2026-11-20T16:00+01:00")


@given(
    st.sampled_from(CODES), st.text(alphabet="0123456789:./hamp -thby until bis avant las el de 1 mai Uhr", max_size=60)
)
def test_no_text_breaks_the_grammar(code: str, text: str) -> None:
    moment = datetime.fromisoformat("2026-02-28T23:59:00+00:00")
    found = deadline_grammar(code).find(text, moment, instruction=True)
    assert found is None or found.words
