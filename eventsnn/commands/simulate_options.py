"""Options of ``eventsnn simulate``, each declared once: its flags and checks are made from this."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eventsnn.data.view import SensorView
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.options import Form, inline, option, take
from eventsnn.text import shown

_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "min": 6e7}
_FILE = Form((str, Path), "the name of a file", Path)


def _indices(values: Any) -> tuple[int, ...]:
    try:
        return tuple(int(value) for value in values)
    except ValueError as error:
        raise UserError(f"index is {shown(values)}; give a whole number") from error


def _microseconds(text: Any) -> float:
    """Read ``1500``, ``1500us``, ``1.5ms``, ``2s`` or ``3min``."""
    word = str(text).strip()
    number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    scale = _UNITS.get(word[len(number) :] or "us")
    try:
        found = float(number) * (scale or 0.0)
    except ValueError:
        scale = None
    if scale is None or not 0 <= found <= 2.0**53:
        raise UserError(f"until is {shown(text)}; give a time such as 500ms, 2s or 1500 (us)")
    return round(found, 3)


def _record(text: Any) -> str | tuple[str, ...]:
    word = str(text)
    return word if word in ("all", "counts", "nothing") else tuple(word.split(","))


def _drives(values: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Read ``noise=poisson,rate_hz=20,seed=1`` as a population and the table of a generator."""
    return tuple(_drive(str(value)) for value in values)


def _drive(text: str) -> tuple[str, dict[str, Any]]:
    population, _, rest = text.partition("=")
    kind, _, values = rest.partition(",")
    try:
        table = tomllib.loads(f"table = {{ {values} }}")["table"]
    except (ValueError, RecursionError) as error:
        kind = ""
        cause: Exception | None = error
    else:
        cause = None
    if not population or not kind:
        raise UserError(
            f"drive is {shown(text)}; give a population and its generator, such as "
            "noise=poisson,rate_hz=20,seed=1"
        ) from cause
    return population, {"kind": kind.strip(), **table}


def _repeated(remedy: str, read: Callable[[Any], Any]) -> Form:
    return Form((list, tuple), remedy, read, repeated=True)


@dataclass(frozen=True)
class SimulateOptions:
    """What is simulated, how, and where it goes.

    Attributes
    ----------
    until : float or None
        Microseconds.
    record : str or tuple of str
        As ``simulate`` takes it.
    drive : tuple of (population, table)
        Generators as network files write them.
    """

    index: tuple[int, ...] | None = option(
        None, "Which recordings; may be given again.", form=_repeated("whole numbers", _indices)
    )
    view: SensorView = inline(SensorView)
    split: str = option("test", "Half of a data set: test or train.")
    engine: Literal["auto", "asynchronous", "feedforward", "reference"] = option(
        "auto", "What runs it; all give the same."
    )
    until: float | None = option(
        None,
        "Simulate so long, such as 500ms, 2s or 1500 (microseconds); default: the recording.",
        form=Form((str, int, float), "a time such as 500ms, 2s or 1500 (us)", _microseconds),
    )
    stop: Stop | None = option(
        None,
        "End when the answer is clear, e.g. margin:2.0.",
        form=Form((str, Stop), "a policy and its level, such as margin:2.0", Stop.of),
    )
    record: str | tuple[str, ...] = option(
        "all",
        "Whose spikes are kept: all, counts, nothing, or names with commas.",
        form=Form((str,), "all, counts, nothing, or names with commas", _record),
    )
    state: Path | None = option(
        None, "Go on from this .npz, if it is there; leave the new state in it.", form=_FILE
    )
    spikes: Path | None = option(
        None,
        "Write the spikes that --record keeps, inputs too, to this .npz (numpy) or .csv (pandas).",
        form=_FILE,
    )
    drive: tuple[tuple[str, dict[str, Any]], ...] = option(
        (),
        "A generator for a population: noise=poisson,rate_hz=20,seed=1; may be given again.",
        form=_repeated("such as noise=poisson,rate_hz=20,seed=1", _drives),
    )
    figure: Path | None = option(
        None, "Draw raster and rates to this .png, .svg or .pdf.", form=_FILE
    )
    dark: bool = option(False, "Draw it for a dark ground.", flag="--dark")

    def __post_init__(self) -> None:
        """Check the options."""
        take(self)
        for name in ("until", "state"):
            if self.stop is not None and getattr(self, name) is not None:
                raise UserError(f"stop: such a run takes no --{name}; leave one out")
