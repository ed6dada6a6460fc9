"""What is drawn of the spike traffic of one input, and how names and colours are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.report.style import Theme
from eventsnn.text import drawn, plain

_LONGEST = 20
"""Letters of a name that are shown."""


@dataclass(frozen=True, eq=False)
class Activity:
    """What is drawn of one input.

    Attributes
    ----------
    title : str
    names : tuple of str
        Populations.
    sizes : tuple of int
        Their units.
    t, unit : list of arrays
        For each population, the time and the unit of every spike.
    duration : float
        Where the run ended, in the unit of the times.
    time_unit : str
        "us", or "step" where time is counted in steps.
    adds : int64 array (n_populations, n_populations)
        Synaptic additions from row to column.
    linked : bool array (n_populations, n_populations)
        Whether a connection leads from row to column.
    sensor : tuple of int
        Shape of the input; its last two are (height, width), or it is no picture.
    output : float array (n_classes,) or None
        What the network says, and in ``output_label`` what that is.
    output_label : str
    waiting : tuple of (bin width, int64 array (n_bins,)) or None
        Spikes on their way at the end of each bin; None where none has a delay.
    input : int
        Which population is the input that is drawn as a picture.
    inputs : tuple of int
        Populations that send what they are given.
    mute : tuple of int
        Populations that never spike: readouts.
    begin : float
        Where the run began, in the unit of the times.
    """

    title: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    t: list[NDArray[Any]]
    unit: list[NDArray[Any]]
    duration: float
    time_unit: str
    adds: NDArray[np.int64]
    linked: NDArray[np.bool_]
    sensor: tuple[int, ...] = ()
    output: NDArray[Any] | None = None
    output_label: str = ""
    waiting: tuple[float, NDArray[np.int64]] | None = None
    input: int = 0
    inputs: tuple[int, ...] = (0,)
    mute: tuple[int, ...] = ()
    begin: float = 0.0

    @property
    def scale(self) -> float:
        """Milliseconds, or steps, a unit of time."""
        return 1e-3 if self.time_unit == "us" else 1.0

    @property
    def first(self) -> float:
        """Where the axis of time begins: milliseconds or steps."""
        return self.begin * self.scale

    @property
    def end(self) -> float:
        """Where the axis of time ends: milliseconds or steps, more than its begin."""
        return max(self.duration, self.begin + 1.0) * self.scale

    def times(self, p: int) -> NDArray[np.float64]:
        """Return where spikes are drawn: milliseconds, or the middle of their step."""
        middle = 0.0 if self.time_unit == "us" else 0.5
        return np.asarray(self.t[p], np.float64) * self.scale + middle


def colour_of(activity: Activity, p: int, theme: Theme) -> str:
    """Return the colour of a population; inputs stand back."""
    if p in activity.inputs:
        return theme.muted
    before = sum(other < p for other in activity.inputs)
    return theme.series[(p - before) % len(theme.series)]


def name_of(text: str) -> str:
    """Return a name as a figure shows it: as it is, and no longer than fits."""
    text = plain(text)
    return drawn(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def whole(axis: Any) -> None:
    """Let an axis have whole numbers only."""
    axis.get_major_locator().set_params(integer=True)
