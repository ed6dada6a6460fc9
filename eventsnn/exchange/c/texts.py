"""The texts that C programs are made of: real C, in files of ``texts/``.

A neuron model's stands in ``texts/neurons/KIND.c``, a topology's in ``texts/fan_outs/KIND.c``, and
how an answer is read in ``texts/answers/READS.c``. A line ``#include "other.c"`` takes another
text in, once. ``snn`` is what every name begins with, until another is given; ``/*@word@*/`` is a
place that Python fills.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "texts"

_INCLUDED = re.compile(r'^#include "([a-z0-9_]+\.c)"\n', re.MULTILINE)
_PLACE = re.compile(r"/\*@(\w+)@\*/")
_NAMES = re.compile(r"\bsnn(?=_|\.h)|\bSNN(?=_)")


@cache
def text(name: str) -> str:
    """Return the text of a file below ``texts/``."""
    return (FOLDER / name).read_text(encoding="utf-8")


def text_of(room: str, thing: Any) -> str | None:
    """Return the C of a neuron or topology: its ``c_text``, else the file of its kind; or None.

    It defines functions that begin with the kind (docs/howto/extending.md).
    """
    own = getattr(type(thing), "c_text", None)
    if own is not None:
        return str(own)
    name = f"{room}/{thing.kind}.c"
    return text(name) if (FOLDER / name).is_file() else None


def joined(room: str, texts: list[str]) -> str:
    """Put texts of a room end to end, with each that they include in front of it, once."""
    out: list[str] = []
    for one in texts:
        _take(room, one, out)
    return "\n".join(out)


def _take(room: str, one: str, out: list[str]) -> None:
    for name in _INCLUDED.findall(one):
        _take(room, text(f"{room}/{name}"), out)
    body = _INCLUDED.sub("", one).lstrip("\n")
    if body not in out:
        out.append(body)


def filled(template: str, places: dict[str, str]) -> str:
    """Fill the places of a text; KeyError for one that nobody filled."""
    return _PLACE.sub(lambda found: places[found[1]], template)


def renamed(template: str, name: str) -> str:
    """Let every name begin with another word than ``snn``."""
    return _NAMES.sub(lambda found: name if found[0] == "snn" else name.upper(), template)
