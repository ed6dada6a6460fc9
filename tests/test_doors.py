"""The tools of the fuzz tests themselves: what they let pass and what not."""

import pytest
from doors import deep, fuzz, knock, knock_command, spoiled_bytes, spoiled_tree
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.errors import DataError


def test_a_refusal_is_an_answer_and_a_traceback_is_not():
    def refuse(error):
        raise error

    assert knock("(test)", refuse, DataError("no")) is None
    assert knock("(test)", int, "7") == 7
    with pytest.raises(KeyError):
        knock("(test)", refuse, KeyError("no"))
    with pytest.raises(AssertionError, match="without words"):
        knock("(test)", refuse, DataError(""))
    with pytest.raises(AssertionError, match="exit code 1"):
        knock_command("(test)", lambda *_: (1, "", "Traceback"))
    with pytest.raises(AssertionError, match="exit code 2"):
        knock_command("(test)", lambda *_: (2, "", "what"))


@fuzz
@given(data=st.data())
def test_what_is_spoiled_is_drawn_the_same_each_time(data):
    good = b"0123456789" * 9
    assert isinstance(data.draw(spoiled_bytes(good)), bytes)
    tree = {"a": [1, {"b": "c"}], "d": None}
    assert data.draw(spoiled_tree(tree)) is not tree
    assert tree == {"a": [1, {"b": "c"}], "d": None}


def test_deep_is_deep():
    made = deep(50)
    for _ in range(50):
        (made,) = made
    assert made == []
