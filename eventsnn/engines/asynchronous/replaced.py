"""States with other variables: initial potentials, and readouts that gather anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.plan import plan
from eventsnn.engines.asynchronous.population_state import PopulationState
from eventsnn.errors import UserError
from eventsnn.neurons.neuron import Cell
from eventsnn.text import named, shown

if TYPE_CHECKING:
    from eventsnn.engines.asynchronous.state import State

_TIMES = {"clock", "ready", "next"}
"""Of models whose cells follow from their variables: others keep more of what was."""

_GATHERED = ("maximum", "maximum_t", "integral")
"""Variables and times of a readout that gather, by the names that ``Readouts`` has for them."""


def with_variables(state: State, population: str, variables: Mapping[str, Any]) -> State:
    """Return a state with other variables of a population; see ``State.replaced``."""
    here = state[population]
    assert state.described is not None  # it knew the name
    p, graph = state.described.index(population), plan(state.described)
    rows, clocks = _rows(here, variables, state.x.dtype)
    x, times = state.x.copy(), state.times.copy()
    x[graph.x_at[p] :][: rows.size] = rows.reshape(-1)
    times[graph.times_at[p] : graph.times_at[p + 1]] = clocks.reshape(-1)
    return replace(state, x=x, times=times)


def _rows(
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
    if neuron is None or not set(neuron.times) <= _TIMES | set(_GATHERED):
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


def with_readouts_reset(state: State) -> State:
    """Return a state whose readouts gather anew; see ``State.reset_readouts``."""
    if state.described is None:
        raise UserError(
            "state: loaded from a file, it knows no network; give it: state.of(network)"
        )
    graph, out = plan(state.described), replace(state, x=state.x.copy(), times=state.times.copy())
    for p, population in enumerate(state.described.populations):
        if population.neuron is None or population.spiking:
            continue
        here, n = state[population.name], population.size
        first, rows = int(graph.x_at[p]), len(population.neuron.variables)
        x = out.x[first : first + rows * n].reshape(rows, n)
        times = out.times[graph.times_at[p] : graph.times_at[p + 1]].reshape(-1, n)
        gather_anew(here, x, times, int(graph.clock[p]))
    return out


def gather_anew(
    here: PopulationState, x: NDArray[Any], times: NDArray[np.float64], clock: int
) -> None:
    """Let readouts gather anew, in place.

    Parameters
    ----------
    here : PopulationState
        The readouts as they stand.
    x : (n_variables, n) and times : (n_times, n) arrays
        Where their running variables are; the first row of times holds one clock a group.
    clock : int
        Neurons a group.
    """
    neuron, n = here.population.neuron, here.population.size
    assert neuron is not None
    now = [here[name].reshape(-1) for name in neuron.variables]  # before anything is written
    start = neuron.at_rest(n)[1]
    for row, name in enumerate(neuron.variables):
        x[row] = 0 if name in _GATHERED else now[row]
    for row, name in enumerate(neuron.times):
        if name == "clock":
            times[row, : -(-n // clock)] = here.t
        elif name in _GATHERED:
            times[row] = start[row]
