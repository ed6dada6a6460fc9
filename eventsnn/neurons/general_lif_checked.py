"""What a general LIF is asked at the door, all of its neurons at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events.checked import TIME_END
from eventsnn.neurons import neuron as base
from eventsnn.neurons import varied

if TYPE_CHECKING:
    from eventsnn.neurons.general_lif import GeneralLIF


def _whole(values: NDArray[np.float64]) -> Any:
    """Tell which values are a refractory time."""
    return (values >= 0) & (values <= TIME_END) & (values == np.floor(values))


def check_numbers(model: GeneralLIF, taus: Sequence[str], potentials: Sequence[str]) -> None:
    """Refuse values that no neuron can have, and such as would make it fire without end."""
    no_current = model.synapses == 0 and not np.any(model.bias)
    assert model.width is None or model.width > 0  # as many values of each are given
    for name in taus:
        varied.demand(model, name, lambda v: v >= base.TINY, f"give a number from {base.TINY:.3g}")
    for name in taus if not no_current else ():
        remedy = "a current needs a leak: give a finite time constant"
        varied.demand(model, name, np.isfinite, remedy)
    for name in potentials:
        varied.demand(model, name, np.isfinite, "give a finite number")
    if model.tau_inhibitory_us is not None and model.tau_syn_us is None:
        raise UserError(
            f"neuron {model.kind}: tau_inhibitory_us without tau_syn_us; give the time constant of "
            "the first current, too"
        )
    whole = "give whole microseconds, 0 or more, at most 2**53"
    varied.demand(model, "refractory_us", _whole, whole)
    remedy = "give a rest below the threshold; a bias leads the potential above it"
    varied.demand(model, "rest", lambda v: v < np.asarray(model.threshold), remedy)
    remedy = "give a reset below the threshold, else a spike never ends"
    if model.reset == "zero" and np.min(model.threshold) <= 0:
        raise UserError(f"neuron {model.kind}: reset is 'zero'; {remedy}")
    if not isinstance(model.reset, str):
        varied.demand(model, "reset", lambda v: v < np.asarray(model.threshold), remedy)
    varied.demand(model, "target", np.isfinite, "give a smaller rest or bias")
