"""Near spikes: where a neuron that stayed silent came close to its threshold.

A spike count is a step function of the weights, and the adjoint follows only the spikes
that were: a neuron that nearly fired learns nothing. So where a neuron that is silent
throughout a recording first comes near its threshold, it has a *near spike*. It is sent to
nobody and counted nowhere; the way back gives it an error like that of a spike, times a
weight (``adjoint``). This is a surrogate derivative (Neftci, Mostafa & Zenke 2019), a box
below the threshold, at the cost of the instants at which it is not zero.

A dense layer notes who comes near while it runs. Others run once more with a lower
threshold: up to its first crossing there, a potential is the true one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.layer import Layer
from eventsnn.kernels.compile import allocating


def run_near(
    layer: Layer, came: Deliveries, size: int, share: float, since: NDArray[Any] | None = None
) -> tuple[Train, Train]:
    """Run a layer from rest or from potentials ``since``; return its spikes and near spikes.

    Parameters
    ----------
    layer : Layer
    came : Deliveries
    size : int
        Number of its neurons.
    share : float
        Of the threshold: how high a potential must come.
    """
    n = len(came.start) - 1
    fired, crossed = layer.run_near(came, share, since)
    t, unit, value = (np.empty_like(a) for a in (crossed.t, crossed.unit, crossed.value))
    out = Train(t, unit, value, np.zeros(n + 1, np.int64))
    kept = _first_of_silent(crossed, fired, np.empty(size, np.bool_), out)
    return fired, Train(t[:kept], unit[:kept], value[:kept], out.start)


def merged(
    a: Train, b: Train, g: NDArray[np.float64], h: NDArray[np.float64]
) -> tuple[Train, NDArray[np.float64]]:
    """Merge two trains, and what belongs to their spikes, by time."""
    n = len(a.t) + len(b.t)
    t, unit = np.empty(n, np.int64), np.empty(n, np.int32)
    out = Train(t, unit, np.empty(n, a.value.dtype), a.start + b.start)
    both = np.empty(n)
    _merge(a, b, g, h, out, both)
    return out, both


def arrived(
    values: NDArray[np.float64], sent: NDArray[np.int64], came: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the values of the spikes that arrived: in each recording the first ones."""
    parts = [values[a : a + n] for a, n in zip(sent[:-1], np.diff(came), strict=True)]
    return np.concatenate(parts) if parts else values[:0]


@allocating
def _first_of_silent(crossed, fired, silent, out):  # type: ignore[no-untyped-def]
    """Write the first spike in ``crossed`` of each neuron without one in ``fired``."""
    n = 0
    for r in range(len(out.start) - 1):
        silent[:] = True
        for f in range(fired.start[r], fired.start[r + 1]):
            silent[fired.unit[f]] = False
        for f in range(crossed.start[r], crossed.start[r + 1]):
            i = crossed.unit[f]
            if silent[i]:
                silent[i] = False
                out.t[n], out.unit[n], out.value[n] = crossed.t[f], i, crossed.value[f]
                n += 1
        out.start[r + 1] = n
    return n


@allocating
def _merge(a, b, g, h, out, both):  # type: ignore[no-untyped-def]
    n = 0
    for r in range(len(out.start) - 1):
        i, j = a.start[r], b.start[r]
        while i < a.start[r + 1] or j < b.start[r + 1]:
            first = j == b.start[r + 1] or (i < a.start[r + 1] and a.t[i] <= b.t[j])
            if first:
                out.t[n], out.unit[n], out.value[n], both[n] = a.t[i], a.unit[i], a.value[i], g[i]
                i += 1
            else:
                out.t[n], out.unit[n], out.value[n], both[n] = b.t[j], b.unit[j], b.value[j], h[j]
                j += 1
            n += 1
