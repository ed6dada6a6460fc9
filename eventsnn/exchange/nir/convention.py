"""What a NIR file does not say: its unit of time, what a spike is, when neurons fire.

NIR writes neurons as equations, tau dv/dt = v_leak - v + R I, and leaves open what the current I
of a spike is. Taken as a Dirac pulse of area 1, a spike of weight w moves v by R w / tau. Programs
that run in steps of dt hold it at 1 for a step, so that it moves v by R w dt / tau. One number
tells them apart, the area under a spike: 1 unit of time, or dt.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.text import shown

Spike = str | float
"""The word "dirac", or microseconds."""
UNITS_US = {"s": 1e6, "ms": 1e3, "us": 1.0}
"""Microseconds of a unit of time."""

_STEPS = ("equations", "euler", "exponential")


@dataclass(frozen=True)
class Convention:
    """How the numbers of a NIR file are meant.

    Attributes
    ----------
    time_unit : "s", "ms", "us", or float
        Unit of its time constants and delays; a number is that of microseconds.
    spike : "dirac" or float
        What a spike is: a pulse of area 1 (one unit of time), or of height 1 and so many
        microseconds, the time step of the program that wrote the file.
    steps : "equations", "euler" or "exponential"
        How what the file says of membranes is taken: "equations" as it is written, in continuous
        time; "euler" so that a step of ``spike`` microseconds loses v dt / tau, as a program of
        such steps does (snnTorch, Norse); "exponential" so that a spike is held for its step while
        v decays: it moves v by R w (1 - exp(-dt / tau)) (sinabs).
    reset : "value" or "subtract"
        Whether a spike sets v to ``v_reset``, or takes the threshold from it.
    fires : ">" or ">="
        What v has to be, compared with the threshold.
    recurrent_delay_us : int or None
        Delay of what closes a circle without one; None for a step, if there is one.
    settled : bool
        Whether a constant current behind a synapse is there from the beginning. As NIR has it, it
        comes with the time constant of the synapse, which no neuron here does.
    """

    time_unit: str | float = "s"
    spike: Spike = "dirac"
    steps: str = "equations"
    reset: str = "value"
    fires: str = ">"
    recurrent_delay_us: int | None = None
    settled: bool = False

    def __post_init__(self) -> None:
        """Check every part."""
        if isinstance(self.time_unit, str) and self.time_unit not in UNITS_US:
            raise UserError(f"nir: time_unit is {shown(self.time_unit)}; give {_UNIT}")
        if not isinstance(self.time_unit, str):
            object.__setattr__(self, "time_unit", _positive(self.time_unit, "time_unit", _UNIT))
        if not isinstance(self.spike, str) or self.spike != "dirac":
            remedy = "give 'dirac', or the microseconds for which a spike is held"
            object.__setattr__(self, "spike", _positive(self.spike, "spike", remedy))
        words = (("steps", _STEPS), ("reset", ("value", "subtract")), ("fires", (">", ">=")))
        for name, known in words:
            if getattr(self, name) not in known:
                given = shown(getattr(self, name))
                raise UserError(f"nir: {name} is {given}; give {' or '.join(known)}")
        if not isinstance(self.settled, bool):
            raise UserError(f"nir: settled is {shown(self.settled)}; give true or false")
        if self.steps != "equations" and self.spike == "dirac":
            raise UserError(
                f"nir: steps is {self.steps!r} and a spike has no length; give spike=, the "
                "microseconds of a step"
            )
        delay = self.recurrent_delay_us
        if delay is not None and (type(delay) is not int or delay < 1):
            raise UserError(
                f"nir: recurrent_delay_us is {shown(delay)}; give whole microseconds from 1"
            )

    @property
    def unit_us(self) -> float:
        """Microseconds of the unit of time."""
        return UNITS_US[self.time_unit] if isinstance(self.time_unit, str) else self.time_unit

    @property
    def area(self) -> float:
        """Area under a spike, in units of time."""
        return self.spike / self.unit_us if isinstance(self.spike, float) else 1.0

    def share(self, tau: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a spike of weight 1 adds to tau dx/dt = -x + I, float64 like ``tau``."""
        if self.steps == "exponential":
            return -np.expm1(-self.area / tau)
        return self.area / tau

    def tau_us(self, tau: NDArray[Any], where: str) -> NDArray[np.float64]:
        """Return time constants in microseconds, as their decay is meant."""
        found = microseconds(tau, self.unit_us)
        if self.steps != "euler":
            return found
        left = 1.0 - self.area / np.asarray(tau, np.float64)
        if (left < 0).any():
            raise UserError(
                f"nir: {where}: a time constant of {found.min():g} us is less than a step of "
                f"{self.spike:g} us, which loses more than there is; give steps='equations'"
            )
        with np.errstate(divide="ignore"):
            slower = -self.area * self.unit_us / np.log(left)
        return np.where(left == 0, AT_ONCE, slower)

    @property
    def step_us(self) -> int | None:
        """Delay of what closes a circle without one, in microseconds; None if nothing says it."""
        if self.recurrent_delay_us is not None or self.spike == "dirac":
            return self.recurrent_delay_us
        return max(1, round(float(self.spike)))

    def to_json(self) -> dict[str, Any]:
        """Return what is needed to read it again."""
        return asdict(self)


AT_ONCE = 1e-300
"""A time constant whose exponential is 0 after any time."""

_UNIT = "'s', 'ms', 'us', or the microseconds of a unit"


def from_json(given: Any, where: str) -> Convention:
    """Read what ``to_json`` returned; UserError where it is something else."""
    names = {f.name for f in fields(Convention)}
    if not isinstance(given, dict) or not set(given) <= names:
        raise UserError(f"{where}: its convention is {shown(given)}; write it anew")
    return Convention(**given)


def microseconds(times: NDArray[Any], unit_us: float) -> NDArray[np.float64]:
    """Return times in microseconds: of the shortest number that stands for each.

    0.0025 s in float32 are 2,500 us and not 2,500.0000119: what a file's precision can tell.
    """
    values, places = np.unique(np.asarray(times), return_inverse=True)
    unit = Decimal(repr(unit_us))
    found = [float(Decimal(str(v)) * unit) if math.isfinite(v) else float(v) for v in values]
    return np.array(found, np.float64)[places].reshape(np.shape(times))


def _positive(value: Any, name: str, remedy: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise UserError(f"nir: {name} is {shown(value)}; {remedy}")
    number = float(value)
    if not 1e-9 <= number <= 1e15:
        raise UserError(f"nir: {name} is {number}; {remedy}")
    return number
