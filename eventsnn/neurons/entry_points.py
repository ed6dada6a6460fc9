"""The compiled entry points of a neuron model, which engines call through typed pointers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32, float64, from_dtype, int32, int64, types, void

from eventsnn.kernels.compile import entry_point

MANY = 1 << 30
"""Updates after which a train stops, so that their int32 count is read."""


class Kernels(NamedTuple):
    """Compiled entry points of a model. Engines call them through typed pointers.

    All take ``table`` (float64: the population's size, its clock size, the model's
    parameters), ``x`` and ``times`` (the rows of ``variables`` and ``times``, one after
    another) and ``work`` (int32: how many neurons are marked, updates counted, the
    marked neurons, a mark a neuron).

    Attributes
    ----------
    receive : (table, x, times, t, weights, targets, runs, work)
        Deliver one fan-out at ``t``: runs[0] runs of (first target, first weight,
        length); the first target is -1 where ``targets[k]`` names the target of weight k.
        Marks the neurons that may fire.
    train : (table, x, times, at, targets, weights, grouped, span, limit, work) -> head
        Deliver the entries span[0] to span[1] - 1, sorted by their times ``at``, up to
        ``limit`` exclusive; stop after an instant that marked a neuron. Returns the
        first entry not delivered, and adds the synapses delivered to span[2]. An entry
        is a synapse; with a negative target it is ``weight`` synapses of ``grouped``
        (``synapse_dtype``) from ~target on.
    settle : (table, x, times, t, work, fired, values) -> n
        Test the marked neurons once, write the n that fire and their
        values, and reset them. The marked are in order of unit;
        their list stays in ``work`` until the next call.
    rows : (table, x, times, at, units, weights, span, delay, limit, work) -> head
        Of a model with ``rows``, where all neurons share a clock: deliver spikes span[0]
        to span[1] - 1, each with a row of weights for all neurons, a ``delay`` after they
        were sent, up to ``limit`` exclusive; stop after an instant that marked a neuron.
        Spike k stands at place span[2] + (k & span[3]) of ``at`` (when) and ``units``
        (whose row). Returns the first spike not delivered.
    """

    receive: Any
    train: Any
    settle: Any
    rows: Any


def synapse_dtype(dtype: type[np.floating[Any]]) -> np.dtype[np.void]:
    """Return the dtype of a synapse that waits with others of its sender and delay."""
    return np.dtype([("weight", dtype), ("target", np.int32)], align=True)


def signatures(dtype: type[np.floating[Any]]) -> tuple[Any, Any, Any, Any]:
    """Return the numba signatures of ``Kernels`` for a state dtype."""
    real = types.Array(float32 if dtype == np.float32 else float64, 1, "C")
    f8, i4, i8 = (types.Array(kind, 1, "C") for kind in (float64, int32, int64))
    grouped = types.Array(from_dtype(synapse_dtype(dtype)), 1, "C")
    return (
        void(f8, real, f8, float64, real, i4, i8, i4),
        int64(f8, real, f8, f8, i4, real, grouped, i8, float64, i4),
        int64(f8, real, f8, float64, i4, i4, real),
        int64(f8, real, f8, f8, i4, real, i8, float64, float64, i4),
    )


def entry_points(
    receive: Any, train: Any, settle: Any, dtype: type[np.floating[Any]], rows: Any = None
) -> Kernels:
    """Compile a model's kernels for a state dtype."""
    functions = (receive, train, settle, rows or _no_rows)
    return Kernels(
        *(
            entry_point(signature, function)
            for signature, function in zip(signatures(dtype), functions, strict=True)
        )
    )


def _no_rows(
    table: Any,
    x: Any,
    times: Any,
    at: Any,
    units: Any,
    weights: Any,
    span: Any,
    delay: float,
    limit: float,
    work: Any,
) -> Any:
    """Stand in for ``rows`` of a model without; never called."""
    return int64(0)
