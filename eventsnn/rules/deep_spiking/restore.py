"""What a snapshot of an event-driven backprop MLP must be, before any of it is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.rules.deep_spiking.state import Net
from eventsnn.text import shown

Arrays = Mapping[str, NDArray[Any]]


def check_snapshot(arrays: Arrays, mine: Arrays, net: Net, one: float) -> None:
    """Refuse a snapshot that is not of this network, or that no training could leave.

    Parameters
    ----------
    arrays : mapping of str to array
    mine : mapping of str to array
        The network's own snapshot: names, shapes and types.
    net : Net
    one : float
        What a spike is worth.

    Raises
    ------
    UserError
        If an array is missing, of another shape or type, not finite, or if potentials stand where
        there are no units: the kernels never look whether padding fires.
    """
    if not isinstance(arrays, Mapping):
        raise UserError(f"state is {shown(arrays)}; give what snapshot returned")
    for name, array in mine.items():
        given = arrays.get(name)
        if not isinstance(given, np.ndarray) or given.shape != array.shape:
            found = given.shape if isinstance(given, np.ndarray) else "nothing"
            raise UserError(f"state {name}: {found}, this network needs {array.shape}")
        if given.dtype != array.dtype:
            raise UserError(f"state {name}: {given.dtype!s:.60}, needs {array.dtype}")
        _check_numbers(name, given)
    padding = np.ones(int(net.unit_at[-1]), np.bool_)
    for first, size in zip(net.unit_at, net.size, strict=False):
        padding[first : first + size] = False
    for name in ("phi", "phi_back"):
        wrong = np.flatnonzero(padding & (np.abs(arrays[name].astype(np.float64)) > one / 2))
        if wrong.size:
            value = arrays[name][wrong[0]]
            raise UserError(f"state {name}[{wrong[0]}] is {value}, where there is no unit")


def _check_numbers(name: str, array: NDArray[Any]) -> None:
    counts = name in ("tally", "n_trained")
    wrong = (array < 0) | (array >= 1 << 53) if counts else ~np.isfinite(array)
    if wrong.any():
        at = [int(k) for k in np.argwhere(wrong)[0]]
        raise UserError(f"state {name}{at} is {array[tuple(at)]}")
