"""``.nir``: graphs of NIR."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from eventsnn.errors import UserError
from eventsnn.exchange import nir
from eventsnn.options import Form, option, take
from eventsnn.text import shown
from eventsnn.train.model_file import Described, FileFormat

_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def spike_of(text: Any) -> str | float:
    """Read ``dirac``, ``100``, ``100us`` or ``1ms``."""
    word = str(text).strip()
    if word == "dirac":
        return word
    number = word.rstrip("ums")
    try:
        return float(number) * _UNITS[word[len(number) :] or "us"]
    except (ValueError, KeyError):
        raise UserError(f"spike is {shown(text)}; give dirac, or a time such as 100us") from None


SPIKE = Form((str, float, int), "dirac, or a time such as 100us", spike_of)


@dataclass(frozen=True)
class NirOptions:
    """How the numbers of a NIR file are meant."""

    spike: str | float = option(
        100.0,
        "What a spike is to programs that read the file: dirac (a pulse of area 1), or how long it "
        "is held at 1: their time step.",
        form=SPIKE,
    )
    time_unit: str = option(
        "s", "Unit of time constants and delays.", choices=lambda: ("s", "ms", "us")
    )

    def __post_init__(self) -> None:
        """Check the options."""
        take(self)


class NirFile(FileFormat):
    """A graph of NIR, in HDF5."""

    kind = "nir"
    suffix = ".nir"
    Options: ClassVar[type[Any]] = NirOptions

    def read(self, path: Path) -> Described:
        """Return the network of a file that says how its numbers are meant."""
        return Described(*nir.read(path), nir.answer_in(path))

    def write(self, path: Path, described: Described, options: Any) -> list[str]:
        """Write a network; say what other programs do not see."""
        network, weights, answer = described
        how = {"spike": options.spike, "time_unit": options.time_unit}
        nir.write(path, network, weights, answer=answer, **how)
        return nir.unseen(network, options.spike)
