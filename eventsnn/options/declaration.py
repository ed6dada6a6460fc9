"""How an option is declared: a field of a frozen dataclass, with help, unit and bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

KEY = "option"
INLINE = "inline"
"""Where a field's metadata say what it is."""


class Form(NamedTuple):
    """How a value that is no single number or word is written.

    Attributes
    ----------
    types : tuple of type
        That may stand in a file or a program.
    remedy : str
        What to give, for messages.
    read : callable
        From one of them to the value; raises UserError where there is none.
    repeated : bool
        Whether the flag may be given several times, instead of one text.
    """

    types: tuple[type, ...]
    remedy: str
    read: Callable[[Any], Any]
    repeated: bool = False


@dataclass(frozen=True)
class Option:
    """What is said of an option beside its name, type and default.

    Attributes
    ----------
    help : str
        Sentences for people.
    unit : str
        Of a number: "microseconds"; "" where it has none.
    least, most : int or float or None
        Bounds that are allowed themselves.
    above, below : float or None
        Bounds that are not.
    choices : tuple of str, or callable that returns one
        Words of which it is one; empty: any. Those of a ``Literal`` need not be repeated.
    flag : str
        On the command line, where it is not ``--name`` (``--name/--no-name`` of a bool).
    form : Form or None
        Of what is neither bool, number nor word.
    former : tuple of str
        Names that it had once: files and checkpoints keep them for ever.
    """

    help: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] = ()
    flag: str = ""
    form: Form | None = None
    former: tuple[str, ...] = ()

    @property
    def bounds(self) -> str:
        """The bounds in words, "" if there are none."""
        if self.least is not None and self.most is not None:
            return f"from {self.least} to {self.most}"
        parts = []
        if self.least is not None:
            parts.append("0 or more" if self.least == 0 else f"at least {self.least}")
        if self.above is not None:
            parts.append(f"more than {self.above:g}")
        if self.most is not None:
            parts.append(f"at most {self.most}")
        if self.below is not None:
            parts.append(f"below {self.below:g}")
        return ", ".join(parts)

    def holds(self, value: float) -> bool:
        """Return whether a number is finite and within the bounds."""
        low = self.least is None or value >= self.least
        high = self.most is None or value <= self.most
        above = self.above is None or value > self.above
        below = self.below is None or value < self.below
        finite = isinstance(value, int) or math.isfinite(value)
        return low and high and above and below and finite


def option(default: Any, help: str, **more: Any) -> Any:
    """Declare an option as a field of a dataclass; ``more`` as for ``Option``."""
    return field(default=default, metadata={KEY: Option(help, **more)})


def inline(options: type[Any]) -> Any:
    """Declare a field that holds other options; outside they stand among those around them."""
    return field(default_factory=options, metadata={INLINE: options})
