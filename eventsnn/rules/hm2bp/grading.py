"""How outputs are graded: errors of counts, lateral factors, the revival of a silent class."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel
from eventsnn.rules.hm2bp.forward import Columns, RunWires
from eventsnn.rules.hm2bp.gather import TABLE, EventRows, gather_spsp, list_pairs
from eventsnn.rules.hm2bp.spsp import Curves, Sweep
from eventsnn.rules.hm2bp.trains import by_step


class Wanted(NamedTuple):
    """What outputs should do.

    Attributes
    ----------
    target, others : float
        Spikes wanted of the true class and of the others.
    margin : float
        Differences up to it are no error.
    lateral : float
        Strength of the inhibition that the lateral factor accounts for; 0: it is left out.
    threshold : float
    """

    target: float
    others: float
    margin: float
    lateral: float
    threshold: float


class Pairs(NamedTuple):
    """Room for the S-PSP of outputs on each other."""

    wires: RunWires
    curves: Curves
    columns: Columns
    sweep: Sweep
    rows: EventRows
    e: NDArray[np.float32]

    @classmethod
    def room(cls, n: int, curves: Curves, steps: int) -> Pairs:
        """Return room for n outputs, and so many steps."""
        every = np.arange(n + 1, dtype=np.int32)
        wires = RunWires(every, np.zeros(n, np.int32), every[:-1].copy())
        e, columns = np.zeros((n, n), np.float32), Columns(0, n, n)
        rows = EventRows.room(n, steps, True)
        return cls(wires, curves, columns, Sweep.room(1, TABLE, steps), rows, e)


@kernel
def _ratio(start: Any, e: Any, sender: int, target: int) -> float:
    """Return e over the sender's spikes; 1 where either is silent."""
    n, m = start[sender + 1] - start[sender], start[target + 1] - start[target]
    return float(e[sender, target]) / n if n and m else 1.0


@kernel
def _laterals(own: Any, label: int, wanted: Any, pairs: Any, lateral: Any) -> None:
    """Write the lateral factor of each output: it acts on itself by way of another one."""
    start, e = own.start, pairs.e
    room = pairs.sweep, pairs.rows, e
    list_pairs(own, pairs.rows)
    gather_spsp(own, own, pairs.wires, (pairs.curves, pairs.columns, True), room)
    for j in range(len(lateral)):
        back = 0.0
        for i in range(len(lateral) if start[j + 1] > start[j] or j == label else 0):
            if i != j and (start[i + 1] > start[i] or i == label):
                back += _ratio(start, e, j, i) * _ratio(start, e, i, j)
        lateral[j] = 1 / (1 - (wanted.lateral / wanted.threshold) ** 2 * back)


@kernel
def _revive(own: Any, label: int, every: int) -> None:
    """Let a silent output spike at regular steps."""
    first, step, start = own.first, own.step, own.start
    steps = len(first) - 1
    n = (steps - 1) // every
    for k in range(start[-1] - 1, start[label] - 1, -1):
        step[k + n] = step[k]
    for k in range(n):
        step[start[label] + k] = (k + 1) * every
    for j in range(label + 1, len(start)):
        start[j] += n
    by_step(own)


@kernel
def grade(own: Any, label: int, weight: float, wanted: Any, pairs: Any, out: Any) -> Any:
    """Grade the outputs of a sample (eq. 1); return its cost.

    Parameters
    ----------
    own : Trains
        Of the outputs. A silent true class is revived in it, for the way back.
    label : int
    weight : float
        Of the sample.
    wanted : Wanted
    pairs : Pairs
    out : (float32 array (n,), float32 array (n,))
        Errors of the counts, lateral factors.

    Returns
    -------
    cost : float
        Sum of the squared differences beyond the margin, after the revival; NaN where a lateral
        factor has no value.
    """
    error, lateral = out
    start, n = own.start, len(error)
    lateral[:] = 1
    if wanted.lateral:
        _laterals(own, label, wanted, pairs, lateral)
    for j in range(n):
        off = start[j + 1] - start[j] - (wanted.target if j == label else wanted.others)
        error[j] = off * weight if abs(off) > wanted.margin else 0.0
    silent = start[label + 1] == start[label]
    if silent:
        _revive(own, label, int((len(own.first) - 1) // wanted.target))
    cost = 0.0
    for j in range(n):
        off = start[j + 1] - start[j] - (wanted.target if j == label else wanted.others)
        cost += off * off if abs(off) > wanted.margin else 0.0
        if not np.isfinite(lateral[j]):
            cost = np.nan
    return cost
