"""What every topology gives: which synapses a sender's spike goes through.

A topology is one file of this folder: a frozen shape without weights. Its weights
are an array of ``weight_shape`` kept elsewhere; ``fan_out`` says, for one sender,
which targets are reached and which weight each synapse reads.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np
from numba import int64, types
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.kernels.compile import entry_point
from eventsnn.text import named

Sizes = tuple[int, int, int]
"""(height, width, channels)."""


class Topology(ABC):
    """The shape of a connection. Subclasses are frozen dataclasses, named in files by ``kind``.

    Class attributes
    ----------------
    kind : str
        Name in network files.
    listed : bool
        True if targets are listed one by one (``targets``), False if a fan-out is a
        few runs of neighbouring targets with neighbouring weights.
    counts : bool
        True if several events of a sender at one instant, of a recording on a grid, are one
        delivery with a count where there is no delay. Not where targets are listed.
    """

    kind: ClassVar[str]
    listed: ClassVar[bool] = False
    counts: ClassVar[bool] = False

    @property
    @abstractmethod
    def n_in(self) -> int:
        """Number of senders."""

    @property
    @abstractmethod
    def n_out(self) -> int:
        """Number of targets."""

    @property
    @abstractmethod
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight array, C order."""

    @property
    @abstractmethod
    def max_fan_out(self) -> int:
        """Largest number of synapses of one sender."""

    @abstractmethod
    def fan_out(self, sender: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return one sender's targets and, for each, the index into the flat weights.

        The order of the synapses is part of the definition: deliveries of one spike to
        one neuron are summed in it.
        """

    @property
    @abstractmethod
    def clock_size(self) -> int:
        """How many neighbouring targets are always reached together (they share a clock)."""

    @property
    def share(self) -> float:
        """Part of a weight, as papers write it, that one spike adds.

        1, but where spikes are averaged on their way. The weights of the simulator are what a
        spike adds: those of papers times this.
        """
        return 1.0

    @property
    def targets(self) -> NDArray[np.int32]:
        """The target of each weight where targets are ``listed``, else empty."""
        return np.zeros(0, np.int32)

    @abstractmethod
    def table(self) -> NDArray[np.int64]:
        """Return the numbers that the topology's kernel reads."""

    @classmethod
    @abstractmethod
    def kernel(cls) -> Any:
        """Return the compiled ``runs(table, sender, out) -> synapses`` of the topology's file.

        It writes into ``out`` the number of runs and their triples (first target, first
        weight, length); the first target is -1 where targets are listed.
        """

    def default_weights(self) -> NDArray[np.float64] | None:
        """Return the weights of a connection that needs none given, else None."""
        return None


MAX_UNITS = (1 << 31) - 1
"""Most senders or targets: units are counted in int32."""


def whole(value: Any) -> int | None:
    """Return a whole number as an int; None for what is none: a half, NaN, text, a truth value."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    return None


def count(value: Any, name: str, kind: str, least: int = 1) -> int:
    """Return a whole number from ``least`` to ``MAX_UNITS``."""
    number = whole(value)
    if number is None or not least <= number <= MAX_UNITS:
        raise UserError(
            f"topology {kind}: {name} is {named(value)}; give a whole number from {least} to "
            f"{MAX_UNITS}"
        )
    return number


def flag(value: Any, name: str, kind: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool | np.bool_):
        raise UserError(f"topology {kind}: {name} is {named(value)}; give True or False")
    return bool(value)


def pair(value: Any, name: str, kind: str, least: int) -> tuple[int, int]:
    """Return (rows, columns) of a size given as one whole number or as two."""
    one = whole(value)
    both = [one, one] if one is not None else _wholes(value)
    if len(both) != 2 or any(b is None or not least <= b <= MAX_UNITS for b in both):
        raise UserError(
            f"topology {kind}: {name} is {named(value)}; give a whole number or two, at least "
            f"{least}"
        )
    return cast(tuple[int, int], tuple(both))


def sizes(value: Any, name: str, kind: str) -> Sizes:
    """Check (height, width, channels), and that their units can be counted."""
    sides = _wholes(value)
    if len(sides) != 3 or any(v is None or v < 1 for v in sides):
        raise UserError(
            f"topology {kind}: {name} is {named(value)}; give (height, width, channels), each at "
            "least 1"
        )
    shape = cast(Sizes, tuple(sides))
    check_units(shape, name, kind)
    return shape


def check_units(shape: tuple[int, ...], name: str, kind: str) -> None:
    """Refuse a shape of more units than can be counted."""
    if math.prod(shape) > MAX_UNITS:
        raise UserError(
            f"topology {kind}: {name} {named(shape)} has more than {MAX_UNITS} units; make it "
            "smaller"
        )


def _wholes(value: Any) -> list[int | None]:
    """Return the whole numbers of a sequence; an empty list for what is none."""
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return [whole(v) for v in value]
    return []


def out_size(size: int, kernel: int, stride: int, padding: int, kind: str) -> int:
    """Return the number of positions of a kernel along one side."""
    if size + 2 * padding < kernel:
        raise UserError(
            f"topology {kind}: a kernel of {kernel} does not fit into {size} positions with "
            f"padding {padding}; make it smaller or pad more"
        )
    return (size + 2 * padding - kernel) // stride + 1


def runs_entry_point(function: Callable[..., Any]) -> Any:
    """Compile a topology's ``runs``."""
    ints = types.Array(int64, 1, "C")
    return entry_point(int64(ints, int64, ints), function)
