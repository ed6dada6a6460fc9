"""A network that no engine runs, as its rule describes it to ``measure``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A chain of dense layers that its rule runs itself.

    Attributes
    ----------
    populations : dict of str to int
        Units of each, by its name, input first.
    model : str
        What its neurons are called.
    weights : list of arrays (n_in, n_out), a layer each
    itemsize : int
        Bytes of a weight in memory.
    untimed : str
        Why there is no answer at every moment.
    """

    populations: dict[str, int]
    model: str
    weights: list[NDArray[Any]]
    itemsize: int
    untimed: str
