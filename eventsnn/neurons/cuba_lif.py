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
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numba import cfunc, float32, float64, int32, int64, njit, types, void
from numpy.typing import NDArray

from eventsnn.neurons import neuron as base
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
    """

    kind: ClassVar[str] = "cuba_lif"
    predicts: ClassVar[bool] = True
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
        base.check_refractory(self.refractory_us, self.kind)
        if not math.isfinite(self.bias):
            raise base.UserError(f"neuron cuba_lif: bias is {self.bias}; give a finite number")
