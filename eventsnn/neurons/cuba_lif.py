"""Current-based LIF: a delivery adds its weight to a synaptic current that decays.

tau_mem dv/dt = -v + i + bias,    tau_syn di/dt = -i,    i += weight at a delivery.

The potential is continuous, so a neuron fires *between* events: the crossing of the
threshold is found from the closed form when the neuron is touched, and cancelled by
the next touch before it. A spike sets v to 0 and holds it there for the refractory
time, while the current goes on. A predicted spike that falls on the instant of a
delivery fires at that instant (v is continuous). The value recorded with a spike is
dv/dt just before it, per microsecond, which EventProp needs (Wunderlich & Pehle 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.neurons import neuron as base
from eventsnn.neurons.cuba_lif_flow import crossing, flow, largest_response
from eventsnn.neurons.cuba_lif_kernels import entry_points
from eventsnn.neurons.neuron import Cell, Kernels, Neuron


@dataclass(frozen=True)
class CubaLIF(Neuron):
    """Current-based leaky integrate-and-fire, exponential current.

    Attributes
    ----------
    tau_mem_us, tau_syn_us : float
        Time constants in microseconds, > 0, equal or not.
    threshold : float
        > 0.
    refractory_us : float
        Absolute refractory time, whole microseconds.
    bias : float
        Constant current; one above the threshold makes the neuron fire by itself.

    Examples
    --------
    >>> from eventsnn import CubaLIF
    >>> CubaLIF(tau_mem_us=20_000, tau_syn_us=5_000).threshold
    1.0
    """

    kind: ClassVar[str] = "cuba_lif"
    predicts: ClassVar[bool] = True
    current: ClassVar[str] = "bias"
    in_state: ClassVar[tuple[str, ...]] = ("threshold", "bias")
    multiplications: ClassVar[int] = 3
    value_is_v: ClassVar[bool] = False
    variables: ClassVar[tuple[str, ...]] = ("v", "current", "slope")
    times: ClassVar[tuple[str, ...]] = ("clock", "ready", "next")
    tau_mem_us: float
    tau_syn_us: float
    threshold: float = 1.0
    refractory_us: float = 0.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "tau_mem_us", "tau_syn_us", "threshold")
        base.check_refractory(self)
        bias = base.real_number(self, "bias")
        if not math.isfinite(bias):
            raise UserError(f"neuron cuba_lif: bias is {bias}; give a finite number")

    def start(self) -> Cell:
        """Return a neuron at v = 0, i = 0 at time 0; a bias may already lead it to a spike."""
        cell = Cell([0.0, 0.0, 0.0], [0.0, -math.inf, math.inf])
        cell.times[2] = self._predicted(cell, 0.0, -math.inf)
        return cell

    def next_spike(self, cell: Cell) -> float:
        """Return the predicted crossing."""
        return cell.times[2]

    def recalled(self, cell: Cell) -> Cell:
        """Return the cell with its next spike, where kernels keep a time before it."""
        (clock, ready, _), x = cell.times, list(cell.x)
        fired = clock if ready == clock + self.refractory_us else -math.inf
        found = Cell(x, [clock, ready, math.inf])
        found.times[2] = self._predicted(found, clock, fired)
        return found

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Bring v and i up to t, add to i, fire if due or at threshold, predict again."""
        return self.turned(cell, t, weights, due, self)

    def turned(
        self, cell: Cell, t: float, weights: Sequence[float], due: bool, after: Neuron
    ) -> float | None:
        """Do the same, and predict with the bias that holds from now on."""
        v, current = self._advanced(cell, t)
        slope = (current + self.bias - v) * (1.0 / self.tau_mem_us)
        for weight in weights:
            current += weight
        fires = due or (t >= cell.times[1] and v >= self.threshold)
        if fires:
            v = 0.0
            cell.times[1] = t + self.refractory_us
        cell.x[:] = v, current, slope
        cell.times[0] = t
        cell.times[2] = cast(CubaLIF, after)._predicted(cell, t, t if fires else -math.inf)
        return slope if fires else None

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return (v, current, slope) at ``t``."""
        v, current = self._advanced(cell, t)
        return [v, current, (current + self.bias - v) * (1.0 / self.tau_mem_us)]

    def _advanced(self, cell: Cell, t: float) -> tuple[float, float]:
        """Return (v, i) at ``t``: v is held at 0 until the neuron is ready."""
        v, current, _ = cell.x
        clock, ready, _ = cell.times
        if clock < ready:
            pause = min(t, ready) - clock
            current *= math.exp(-pause / self.tau_syn_us)
            clock += pause
        if t > clock:
            constants = (self.tau_mem_us, self.tau_syn_us, self.bias)
            v, current = flow(v, current, t - clock, constants)
        return v, current

    def _predicted(self, cell: Cell, t: float, fired: float) -> float:
        """Return when the neuron fires if nothing arrives; after a spike at ``fired``."""
        v, current, _ = cell.x
        begin = max(t, cell.times[1])
        if begin > t:
            current *= math.exp(-(begin - t) / self.tau_syn_us)
        constants = (self.tau_mem_us, self.tau_syn_us, self.bias)
        when = begin + crossing(v, current, self.threshold, constants)
        return float(np.nextafter(fired, math.inf)) if when <= fired else when

    def table(self) -> NDArray[np.float64]:
        """[tau_mem, tau_syn, bias, threshold, refractory, largest response to a current]."""
        values = [self.tau_mem_us, self.tau_syn_us, self.bias, self.threshold, self.refractory_us]
        return np.array([*values, largest_response(self.tau_mem_us, self.tau_syn_us)], np.float64)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return entry_points(dtype)
