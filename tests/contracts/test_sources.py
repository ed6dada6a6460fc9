"""What every source of live events answers; one that joins is found by itself."""

import sys

import pytest

from eventsnn.errors import UserError
from eventsnn.live.inbox import POLICIES
from eventsnn.live.sources import SourceOptions, open_source, sources

FOUND = sources()


def test_the_sources_are_found():
    assert len(FOUND) >= 3 and {"udp", "stdin", "replay"} <= set(FOUND)


@pytest.mark.parametrize("kind", FOUND)
def test_a_source_says_how_its_words_look_and_what_a_full_queue_does(kind):
    source = FOUND[kind]
    assert source.kind == kind and source.policy in POLICIES
    assert source.form.startswith((f"{kind}:", "- "))
    assert (source.__doc__ or "").strip()


@pytest.mark.parametrize("kind", FOUND)
def test_a_source_of_nothing_is_refused_in_one_line(kind, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)  # as where the shell closed it
    word = "-" if kind == "stdin" else f"{kind}:no such thing"
    with pytest.raises(UserError) as refused:
        open_source(word, SourceOptions((2, 4, 4))).close()
    assert "\n" not in str(refused.value)
