"""A network that learns by gradients as arrays of a checkpoint, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.laid import plain
from eventsnn.errors import UserError
from eventsnn.optimizers.optimizer import Param
from eventsnn.rules.gradient.state import GradientState
from eventsnn.rules.learned import Arrays
from eventsnn.rules.saved_arrays import like


def arrays_of(state: GradientState) -> Arrays:
    """Return copies of weights and of the optimizer's state."""
    arrays = {f"weights.{k}": w.copy() for k, w in enumerate(state.model)}
    if state.averaged is not None:
        arrays |= {f"learning.{k}": w.copy() for k, w in enumerate(state.weights)}
    arrays["optimizer.step"] = np.array([state.optimizer.step])
    arrays["scales"] = np.array(state.scales)
    for s, slot in enumerate(state.optimizer.slots):
        arrays |= {f"optimizer.{s}.{k}": plain(a).copy() for k, a in enumerate(slot)}
    return arrays


def restored(
    fresh: GradientState, arrays: Arrays, kept: Callable[[list[NDArray[Any]]], list[Param]]
) -> GradientState:
    """Return the state that ``arrays`` were made of, from a fresh one; ``kept`` lays weights out.

    Raises
    ------
    UserError or KeyError
        Where they do not fit.
    """

    def taken(name: str) -> list[Param]:
        return kept([like(arrays, f"{name}.{k}", p) for k, p in enumerate(fresh.params)])

    slots = tuple(taken(f"optimizer.{s}") for s in range(len(fresh.optimizer.slots)))
    averaged = taken("weights") if "learning.0" in arrays else None
    params = taken("weights" if averaged is None else "learning")
    scales = [1.0] * len(fresh.scales)  # older runs knew none
    if "scales" in arrays:
        scales = like(arrays, "scales", np.zeros(len(scales))).tolist()
    step = int(like(arrays, "optimizer.step", np.zeros(1, np.int64))[0])
    if not 0 <= step < 1 << 53:
        raise UserError(f"optimizer.step is {step}")
    optimizer = fresh.optimizer._replace(step=step, slots=slots)
    return replace(fresh, params=params, optimizer=optimizer, scales=scales, averaged=averaged)
