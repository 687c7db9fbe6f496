import base64

import pytest
from a2a.utils.errors import InvalidParamsError

from crossdock.tasks.cursor import Position, position


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("given", [Position(0, "x"), Position(1_790_000_000_000_000, "a:b\nü"), Position(5, " ")])
def test_a_token_is_read_as_it_was_given_out(given: Position) -> None:
    assert position(given.token()) == given


def test_no_token_is_the_first_page() -> None:
    assert position("") is None


MADE_UP = ["1_000:x", " 5 :x", "-5:x", "+5:x", "05:x", f"{'9' * 400}:x", "٣:x", "1e3:x", "0x10:x", "5", "5:", ":x", ":"]


@pytest.mark.parametrize("made_up", [*map(token, MADE_UP), token("5:x") + "=", "%" + token("5:x"), "é", "x", "_w"])
def test_a_token_that_no_list_gave_out_is_refused(made_up: str) -> None:
    with pytest.raises(InvalidParamsError, match="List again without it"):
        position(made_up)
