"""An optimizer's step over ranks: each takes that of its own targets, and all get the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.optimizers.optimizer import Optimizer, Param, State
from eventsnn.ranks.ranks import Message, Ranks
from eventsnn.ranks.sums import OwnColumns

Gradient = NDArray[Any] | Blockwise | OwnColumns
"""Of all weights of a connection, or of those into this rank's targets."""


def whole(ranks: Ranks, gradients: Sequence[Gradient], threads: int) -> list[NDArray[Any]]:
    """Return gradients as arrays of all targets, on every rank."""
    own = [g if isinstance(g, np.ndarray) else g.whole(threads) for g in gradients]
    if ranks.size == 1:
        return own
    out: list[Param] = [np.empty(g.shape, a.dtype) for g, a in zip(gradients, own, strict=True)]
    for array, param in zip(own, out, strict=True):
        _set(param, ranks.columns(param.shape[-1]), array)
    _share(ranks, out)
    return [np.asarray(array) for array in out]


def owned(ranks: Ranks, gradients: Sequence[NDArray[Any]]) -> list[Gradient]:
    """Return what is of this rank's targets in gradients of all of them, or of those alone."""
    if ranks.size == 1:
        return [*gradients]
    return [OwnColumns.of(g, ranks.columns(g.shape[-1])) for g in gradients]


def step(
    ranks: Ranks,
    optimizer: Optimizer,
    gradients: Sequence[Gradient],
    now: tuple[State, Sequence[Param]],
    rates: Sequence[float],
    threads: int,
) -> tuple[list[Param], State]:
    """Return new parameters and the new state; ``now`` is (state, parameters), used up.

    Of several ranks each has in the state what is of its own targets, unless it was given whole
    gradients.
    """
    state, params = now[0], list(now[1])
    plain = [g for g in gradients if not isinstance(g, OwnColumns)]
    if ranks.size == 1 or all(isinstance(g, np.ndarray) for g in gradients):
        return optimizer.update(plain, state, params, rates, reuse=True, threads=threads)
    columns = [ranks.columns(p.shape[-1]) for p in params]
    taken = [
        _taken(g, [p, *(slot[k] for slot in state.slots)], columns[k], threads)
        for k, (g, p) in enumerate(zip(gradients, params, strict=True))
    ]
    slots = tuple([own[1 + s] for _, own in taken] for s in range(len(state.slots)))
    new, memory = optimizer.update(
        [g for g, _ in taken],
        State(state.step, slots),
        [own[0] for _, own in taken],
        rates,
        reuse=True,
        threads=threads,
    )
    for group, found in zip((params, *state.slots), (new, *memory.slots), strict=True):
        for old, own, part in zip(group, found, columns, strict=True):
            if own is not old:
                _set(old, part, _columns(own, part) if isinstance(own, Laid) else own)
    _share(ranks, params)
    return params, State(memory.step, state.slots)


def shared(ranks: Ranks, state: State) -> State:
    """Return the state with what is of others' targets, too."""
    if ranks.size > 1:
        _share(ranks, [array for slot in state.slots for array in slot])
    return state


def _taken(
    gradient: Gradient, arrays: list[Param], own: slice, threads: int
) -> tuple[NDArray[Any] | Blockwise, list[Param]]:
    """Return the gradient of own targets, and the arrays that a step of it changes.

    Those that are laid out a block of a gradient changes where they are; of others a copy of the
    columns.
    """
    if isinstance(gradient, Blockwise) and isinstance(arrays[0], Laid):
        return gradient, arrays
    of = gradient if isinstance(gradient, np.ndarray) else gradient.whole(threads)
    return of, [_columns(array, own) for array in arrays]


def _share(ranks: Ranks, params: Sequence[Param]) -> None:
    """Give others the own targets of parameters, and take theirs."""
    message = [part for p in params for part in _sent(p, ranks.columns(p.shape[-1]))]
    for rank, found in enumerate(ranks.gathered(message)):
        if rank == ranks.rank:
            continue
        left = list(found)
        for param in params:
            columns = ranks.columns(param.shape[-1], rank)
            for view in _views(param, columns):
                view[:] = left.pop(0).reshape(view.shape)


def _sent(param: Param, columns: slice) -> Message:
    return [np.ascontiguousarray(view).reshape(-1) for view in _views(param, columns)]


def _views(param: Param, columns: slice) -> list[NDArray[Any]]:
    """Return where the weights into some targets are: (n_rows, n) each."""
    if not isinstance(param, Laid):
        return [param.reshape(-1, param.shape[-1])[:, columns]]
    out = []
    for first, part in zip(param.firsts, param.parts, strict=True):
        a, b = max(columns.start, first), min(columns.stop, first + part.shape[1])
        if a < b:
            out.append(part[:, a - first : b - first])
    return out


def _columns(param: Param, columns: slice) -> NDArray[Any]:
    """Return the weights into some targets, a copy (n_rows, n)."""
    return np.ascontiguousarray(np.concatenate(_views(param, columns), 1))


def _set(param: Param, columns: slice, array: NDArray[Any]) -> None:
    """Write the weights into some targets."""
    first = 0
    for view in _views(param, columns):
        view[:] = array.reshape(len(view), -1)[:, first : first + view.shape[1]]
        first += view.shape[1]
