"""How the programs that write NIR files mean their numbers, where nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eventsnn.errors import UserError
from eventsnn.exchange.nir.convention import Convention
from eventsnn.text import named

MADE_BY: dict[str, Convention] = {
    "snntorch": Convention("s", 100.0, "euler", reset="subtract"),
    "norse": Convention("s", 1000.0, "euler"),
    "sinabs": Convention(1000.0, 1000.0, "exponential", reset="subtract", fires=">="),
    "nir-paper": Convention("s", 100.0, "euler"),
}
"""Of files that programs write with what they take where nothing is said: snnTorch in steps of
0.1 ms, Norse and sinabs of 1 ms; the files of the paper on NIR are meant for steps of 0.1 ms."""


def convention_of(made_by: str | None, given: Mapping[str, Any]) -> Convention | None:
    """Return what was said of a file, None if nothing was.

    Parameters
    ----------
    made_by : str or None
        A program, whose convention is changed by what is ``given``.
    given : mapping
        Fields of ``Convention``; those that are None are not given.

    Raises
    ------
    UserError
        For a value that makes no sense, an unknown program, and where only a part is given.
    """
    said = {name: value for name, value in given.items() if value is not None}
    if made_by is not None:
        if made_by not in MADE_BY:
            raise UserError(f"nir: made_by is {named(made_by)}; there are {', '.join(MADE_BY)}")
        return replace(MADE_BY[made_by], **said)
    if not said:
        return None
    for name in ("time_unit", "spike"):
        if name not in said:
            raise UserError(
                f"nir: {', '.join(said)} without {name}; give {name}, too, or made_by "
                f"({', '.join(MADE_BY)})"
            )
    return Convention(**said)
