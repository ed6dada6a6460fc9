"""Variables of a population put into a state: initial potentials, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.population_state import PopulationState
from eventsnn.errors import UserError
from eventsnn.neurons.neuron import Cell
from eventsnn.text import named, shown

_TIMES = {"clock", "ready", "next"}
"""Of models whose cells follow from their variables: others keep more of what was."""


def replaced_rows(
    here: PopulationState, variables: Mapping[str, Any], dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the variables (n_variables, n) and times (n_times, n) of a population.

    Parameters
    ----------
    here : PopulationState
        The neurons as they stand.
    variables : mapping from a name to one value, or one a neuron
    dtype : of the state

    Raises
    ------
    UserError
        For an input, a model that keeps more than its variables, an unknown name, values that do
        not fit, and those at which a neuron would fire.
    """
    population, where = here.population, f"state of {named(here.population.name)}"
    neuron, n = population.neuron, population.size
    if neuron is None or not neuron.spiking or not set(neuron.times) <= _TIMES:
        kind = "an input" if neuron is None else f"{neuron.kind} neurons"
        raise UserError(f"{where}: {kind}: no variables can be put into it")
    unknown = [name for name in variables if name not in neuron.variables]
    if unknown:
        known = ", ".join(neuron.variables)
        raise UserError(f"{where}: no {named(unknown[0])}; there are {known}")
    values = {name: _values(v, here, f"{where}: {name}", dtype) for name, v in variables.items()}
    x, times = np.empty((len(neuron.variables), n), dtype), np.empty((len(neuron.times), n))
    for unit in range(n):
        one, cell = neuron.of(unit), here.cell(unit)
        cell = Cell(one.now(cell, here.t), cell.times)
        for name, value in values.items():
            cell.x[neuron.variables.index(name)] = float(value[unit])
        cell.times[0] = here.t
        if one.receive(cell, here.t, [], False) is not None:
            told = ", ".join(f"{name} of neuron {unit} is {v[unit]}" for name, v in values.items())
            raise UserError(f"{where}: {told}: it would fire at once; give less than its threshold")
        x[:, unit], times[:, unit] = cell.x, cell.times
    return x, times


def _values(given: Any, here: PopulationState, where: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return one value a neuron, in the dtype of the state."""
    shape, n = here.population.shape, here.population.size
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "iuf":
            raise TypeError(f"dtype {array.dtype}")
        array = np.broadcast_to(array, shape if array.ndim != 1 else n).reshape(-1).astype(dtype)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{where} is {shown(given)}; give one number, or one for each of {n} neurons"
        ) from error
    if not np.isfinite(array).all():
        i = int(np.argmin(np.isfinite(array)))
        raise UserError(f"{where}: neuron {i} has {array[i]}; give finite numbers")
    return array
