"""A current that changes in steps."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events.checked import TIME_END
from eventsnn.generators.generator import CurrentGenerator
from eventsnn.options import Form, option
from eventsnn.text import shown
from eventsnn.topology.topology import whole


def _times(values: Any) -> tuple[int, ...]:
    found = [whole(value) for value in values]
    wrong = [k for k, t in enumerate(found) if t is None or not 0 <= t < TIME_END]
    if wrong:
        raise UserError(f"times_us[{wrong[0]}] is {shown(values[wrong[0]])}; give microseconds")
    return tuple(t for t in found if t is not None)


def _numbers(values: Any) -> tuple[float, ...]:
    for k, value in enumerate(values):
        number = isinstance(value, int | float | np.integer | np.floating)
        if not number or isinstance(value, bool) or not np.isfinite(value):
            raise UserError(f"amplitudes[{k}] is {shown(value)}; give a finite number")
    return tuple(float(value) for value in values)


@dataclass(frozen=True)
class StepCurrent(CurrentGenerator):
    """From each of some times on a current of its own; 0 before the first.

    Attributes
    ----------
    times_us : tuple of int
        Whole microseconds, increasing.
    amplitudes : tuple of float
        One a time, in units of the potential.

    Examples
    --------
    >>> from eventsnn import StepCurrent
    >>> StepCurrent((0, 50_000, 90_000), (0.5, 1.5, 0.0)).changes()[0]
    array([    0, 50000, 90000])
    """

    kind: ClassVar[str] = "step_current"
    times_us: tuple[int, ...] = option(
        MISSING,
        "From when on.",
        unit="microseconds",
        form=Form((list, tuple), "a list of whole microseconds", _times),
    )
    amplitudes: tuple[float, ...] = option(
        MISSING,
        "In units of the potential, one a time.",
        form=Form((list, tuple), "a list of numbers", _numbers),
    )

    def __post_init__(self) -> None:
        """Check that times increase and that each has its current."""
        super().__post_init__()
        if len(self.times_us) != len(self.amplitudes) or not self.times_us:
            raise UserError(
                f"generator {self.kind}: {len(self.times_us)} times_us for {len(self.amplitudes)} "
                "amplitudes; give one each, at least one"
            )
        for k in range(1, len(self.times_us)):
            if self.times_us[k] <= self.times_us[k - 1]:
                raise UserError(
                    f"generator {self.kind}: times_us[{k}] is {self.times_us[k]}, after "
                    f"{self.times_us[k - 1]}; give increasing times"
                )

    def changes(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the steps."""
        return np.array(self.times_us, np.int64), np.array(self.amplitudes)
