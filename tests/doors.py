"""What the fuzz tests share: how a door is knocked at, and how good input is spoiled.

A door is a function or command that takes something from outside: a file, text, arrays. Whatever
comes, it gives a result or one clear error; never a traceback, a crash or a wait without end.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from copy import deepcopy
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from eventsnn.errors import UserError

CASES = 200
"""Cases a door, unless ``--fuzz N`` says otherwise."""

UNDER_BOUNDS = os.environ.get("NUMBA_BOUNDSCHECK") == "1"
"""Whether kernels look at each index: places of random examples are met all the same by fewer."""

SLOWEST_S = 30
"""A case that takes longer fails, where ``--fuzz N`` is given: other runs share their machine."""

TIMED = False

KNOCKS: dict[str, Counter[str]] = {}
"""Answers of each door: cases, accepted, refused."""

NASTY_TEXT = [
    "",
    " ",
    "[/x]",
    "[red]",
    ":boom:",
    "a$\\foo$b",
    "\x1b[31mred\x1b[0m",
    "\x00",
    "<b>&amp;",
    "../../x",
    "\ud800",
    "ä\u202e\u2028",
    "x" * 5000,
    "nan",
    "1e999",
    "-1",
]
NASTY_NUMBERS = [
    0,
    -1,
    1,
    2,
    7,
    2**31 - 1,
    2**31,
    2**32,
    2**53,
    2**60,
    2**63,
    2**64,
    -(2**63),
    10**30,
    0.5,
    -0.0,
    1e-46,
    1e-320,
    1e38,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
]


def deep(levels: int = 2000) -> list[Any]:
    """Return a list in a list in a list, so many levels deep."""
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


NASTY: list[Any] = [None, True, False, [], {}, [[]], [1, "a"], {"a": 1}]
NASTY += [*NASTY_TEXT, *NASTY_NUMBERS]


def fuzz(test: Any = None, *, slowest_s: int = SLOWEST_S, part: int = 1) -> Any:
    """Run a test of hypothesis as often as a door is knocked at, the same cases each time.

    A case takes at most ``slowest_s`` seconds: more than usual where it may compile kernels. A door
    behind which a run begins is knocked at only one ``part`` th as often, but for ``--fuzz N``.
    """
    if test is None:
        return partial(fuzz, slowest_s=slowest_s, part=part)
    return settings(
        max_examples=CASES if TIMED else CASES // part,
        deadline=slowest_s * 1000 if TIMED else None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(test)


def knock(door: str, call: Any, *words: Any, **more: Any) -> Any:
    """Call a door: its result, or None where it refuses with one line of a ``UserError``."""
    counts = KNOCKS.setdefault(door, Counter())
    counts["cases"] += 1
    try:
        result = call(*words, **more)
    except UserError as error:
        message = str(error)
        assert message.strip(), f"{door}: an error without words"
        assert len(message) < 2000, f"{door}: an error of {len(message)} letters"
        counts["refused"] += 1
        return None
    counts["accepted"] += 1
    return result


def knock_command(door: str, call: Any, *words: Any) -> tuple[int, str, str]:
    """Give words to the command line (``call`` is the fixture): exit code 0, 1 or 2, no traceback.

    Code 2 comes with one line ``error: ...``; code 0 without one.
    """
    counts = KNOCKS.setdefault(door, Counter())
    counts["cases"] += 1
    code, out, err = call(*words)
    assert code in (0, 2), f"{door}: exit code {code}: {err[-2000:]}"
    assert "Traceback" not in err + out
    last = err.strip().splitlines()[-1] if err.strip() else ""
    assert (code == 2) == last.startswith("error: "), f"{door}: exit code {code}, {err[-2000:]!r}"
    counts["refused" if code else "accepted"] += 1
    return code, out, err


def replace_everywhere(monkeypatch: Any, real: Any, new: Any) -> None:
    """Replace a function of the package in every module that imported it by name."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "eventsnn" and getattr(module, real.__name__, None) is real:
            monkeypatch.setattr(module, real.__name__, new)


@st.composite
def spoiled_bytes(draw: Any, good: bytes) -> bytes:
    """Draw a file with one to four faults: bytes changed, cut out, put in, doubled, cut off."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.sampled_from([1, 1, 2, 4, 8, 64]))
        match draw(st.sampled_from(["change", "fill", "cut", "insert", "double", "end"])):
            case "change":
                data[at : at + size] = draw(st.binary(min_size=size, max_size=size))
            case "fill":
                fill = draw(st.sampled_from([0, 0x7F, 0x80, 0xFF]))
                data[at : at + size] = bytes([fill]) * size
            case "cut":
                del data[at : at + size]
            case "insert":
                data[at:at] = draw(st.binary(min_size=size, max_size=size))
            case "double":
                data[at:at] = data[at : at + size]
            case "end":
                del data[at:]
    return bytes(data)


@st.composite
def spoiled_tree(draw: Any, good: Any, nasty: Any = None) -> Any:
    """Draw a tree of dicts and lists (JSON, TOML) with one to three faults.

    A leaf or branch is replaced by something nasty, left out, doubled, or has a stranger beside it.
    """
    nasty = st.sampled_from(NASTY if nasty is None else nasty).map(deepcopy)
    tree = {"root": deepcopy(good)}
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(tree))
        parent, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["replace", "replace", "replace", "remove", "add", "swap"])):
            case "replace":
                parent[key] = draw(nasty)
            case "remove" if parent is not tree:
                del parent[key]
            case "add" if isinstance(parent[key], dict):
                parent[key][draw(st.sampled_from(["stranger", "", "[/x]", "a.b"]))] = draw(nasty)
            case "add" if isinstance(parent[key], list):
                parent[key].append(draw(nasty))
            case _:
                other, place = draw(st.sampled_from(places))
                if place in other if isinstance(other, dict) else place < len(other):
                    parent[key] = deepcopy(other[place])
    return tree["root"]


def _places(tree: Any) -> Any:
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    for key in keys:
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from _places(tree[key])


def examples(count: int) -> int:
    """Return how many random examples a test draws."""
    return max(count // 3, 5) if UNDER_BOUNDS else count
