"""The compiled loops of the spike adjoint: jumps, errors of deliveries, gradients of weights.

A *jump* is what the adjoint ``lam`` of one neuron gains at one instant, walking
backwards: at a spike from what it was to ``g / threshold``, and at the end of a refractory
time to 0. Everything else follows from the jumps:

- the error of a delivery (j, t) is ``W[j, :] . lam(t)``, where lam decays backwards from
  jump to jump (``conv.backward``, ``listed.backward``);
- the gradient of a weight is the sum over its neuron's jumps of ``jump * x_j``, x_j being
  the decayed trace of what j delivered (``dense_gradient``). That is the sum of ``lam``
  over the deliveries in the other order, in which a neuron that hardly fires costs
  hardly anything.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import allocating, kernel
from eventsnn.kernels.decay import FINE, SHIFT

_SPAN = 32.0
_LONGEST = 1 << 30  # so that the table of a time constant of hours has a bound


class Jumps(NamedTuple):
    """Jumps of a population's adjoints, in each recording sorted by time.

    Attributes
    ----------
    t : int64 array (n,)
        A jump acts on the deliveries at or before this microsecond.
    unit : int32 array (n,)
    size : float array (n,)
    start : int64 array (n_recordings + 1,)
    """

    t: NDArray[np.int64]
    unit: NDArray[np.int32]
    size: NDArray[Any]
    start: NDArray[np.int64]


class Growth(NamedTuple):
    """exp(u / tau) by a product of two table entries, for u below ``length``.

    Traces grow by it instead of decaying, and are scaled back after ``length``.

    Attributes
    ----------
    fine, coarse : float64 arrays (FINE,), (n,)
    length : int
        Microseconds of a segment, 32 time constants, at most 2 ** 30; 2 ** 62 where nothing decays.
    back : float
        exp(-length / tau).
    tau_us : float
    """

    fine: NDArray[np.float64]
    coarse: NDArray[np.float64]
    length: int
    back: float
    tau_us: float

    @classmethod
    def of(cls, tau_us: float) -> Growth:
        """Return the tables of a time constant."""
        if math.isinf(tau_us):
            return cls(np.ones(FINE), np.ones(1), 1 << 62, 1.0, tau_us)
        length = max(1, int(min(_SPAN * tau_us, _LONGEST)))
        # Beyond ``length``, where nothing is read, growth may be infinite.
        with np.errstate(over="ignore"):
            coarse = np.exp(np.arange(length // FINE + 1) * FINE / tau_us)
            fine = np.exp(np.arange(FINE) / tau_us)
        return cls(fine, coarse, length, _back(length, tau_us), tau_us)


def _back(length: int, tau_us: float) -> float:
    return math.exp(-length / tau_us)


class Leak(NamedTuple):
    """How a spiking neuron forgets: ``tau_us``, refractory microseconds."""

    tau_us: float
    refractory: int


@allocating
def spike_jumps(train, g, leak, n_units, out):  # type: ignore[no-untyped-def]
    """Walk the spikes of each recording in reverse; fill ``out``, return how many jumps.

    ``g`` float (n,) is what each spike sets its neuron's adjoint to. ``out`` has room for
    two jumps a spike if there is a refractory time, else for one.
    """
    real = out.size.dtype.type
    lam, clock = np.zeros(n_units), np.zeros(n_units, np.int64)
    n = np.int64(0)
    for r in range(len(train.start) - 1):
        lam[:] = 0
        first = n
        for f in range(train.start[r + 1] - 1, train.start[r] - 1, -1):
            i, t, own = np.int64(train.unit[f]), train.t[f], np.float64(g[f])
            size = own
            if lam[i] != 0:
                gap = np.float64(clock[i] - t)
                if leak.refractory > 0:
                    # Deliveries after the spike and before its end were lost: nothing is
                    # owed to them.
                    asleep = t + leak.refractory - 1
                    gap = np.float64(clock[i] - asleep)
                owed = lam[i] * math.exp(-gap / leak.tau_us)
                if leak.refractory > 0:
                    out.t[n], out.unit[n], out.size[n] = asleep, i, real(-owed)
                    n += 1
                else:
                    size -= owed
            lam[i] = own
            clock[i] = t
            out.t[n], out.unit[n], out.size[n] = t, i, real(size)
            n += 1
        _to_time_order(out, first, n)
        out.start[r + 1] = n
    return n


@kernel
def _to_time_order(jumps, first, end):  # type: ignore[no-untyped-def]
    """Turn round what was written backwards, then sort: it is nearly in order."""
    a, b = first, end - 1
    while a < b:
        jumps.t[a], jumps.t[b] = jumps.t[b], jumps.t[a]
        jumps.unit[a], jumps.unit[b] = jumps.unit[b], jumps.unit[a]
        jumps.size[a], jumps.size[b] = jumps.size[b], jumps.size[a]
        a += 1
        b -= 1
    for i in range(first + 1, end):
        t, unit, size, k = jumps.t[i], jumps.unit[i], jumps.size[i], i
        while k > first and jumps.t[k - 1] > t:
            jumps.t[k], jumps.unit[k] = jumps.t[k - 1], jumps.unit[k - 1]
            jumps.size[k] = jumps.size[k - 1]
            k -= 1
        jumps.t[k], jumps.unit[k], jumps.size[k] = t, unit, size


@allocating
def growth_of(t, start, growth, out):  # type: ignore[no-untyped-def]
    """Write exp(u / tau) of each delivery, u being its time within its segment."""
    real = out.dtype.type
    shift, mask = np.uint64(SHIFT), np.uint64(FINE - 1)
    for r in range(len(start) - 1):
        segment = np.int64(0)
        for e in range(start[r], start[r + 1]):
            while t[e] - segment >= growth.length:
                segment += growth.length
            u = np.uint64(t[e] - segment)
            coarse = growth.coarse[u >> shift] if growth.back < 1 else 1.0
            out[e] = real(growth.fine[u & mask] * coarse)


@allocating
def reach_of(deliveries, jumps, out):  # type: ignore[no-untyped-def]
    """Write to ``out`` (n_jumps,) the first delivery after each jump."""
    for r in range(len(jumps.start) - 1):
        e, end = deliveries.start[r], deliveries.start[r + 1]
        for k in range(jumps.start[r], jumps.start[r + 1]):
            while e < end and deliveries.t[e] <= jumps.t[k]:
                e += 1
            out[k] = e


@allocating
def dense_gradient(deliveries, grown, reach, jumps, growth, first, trace, out):  # type: ignore[no-untyped-def]
    """Add the gradients of the weights into units first, first + 1, ... to ``out``.

    ``grown`` is ``growth_of`` the deliveries, ``trace`` (n_in,) scratch, ``out``
    (n_units, n_in): a row for each *target*, so that a jump changes neighbours. n_in may be
    more than there are inputs.
    """
    real = out.dtype.type
    last = first + len(out)
    back = real(growth.back)
    for r in range(len(jumps.start) - 1):
        trace[:] = 0
        e, segment = np.uint64(deliveries.start[r]), np.int64(0)
        for k in range(jumps.start[r], jumps.start[r + 1]):
            i, t, stop = jumps.unit[k], jumps.t[k], np.uint64(reach[k])
            if i < first or i >= last:
                continue
            while t - segment >= growth.length:
                while e < stop and deliveries.t[e] - segment < growth.length:
                    trace[np.uint64(deliveries.row[e])] += grown[e]
                    e += np.uint64(1)
                for j in range(len(trace)):
                    trace[j] *= back
                segment += growth.length
            for d in range(e, stop):
                trace[np.uint64(deliveries.row[d])] += grown[d]
            e = stop
            size = real(jumps.size[k] * math.exp(-np.float64(t - segment) / growth.tau_us))
            row = out[i - first]
            for j in range(len(trace)):
                row[j] += size * trace[j]


@allocating
def transpose_into(block, first, out):  # type: ignore[no-untyped-def]
    """Write ``block`` (n_units, n_in or more) to the columns first, first + 1, ... of ``out``."""
    for j in range(len(out)):
        row = out[j, first : first + len(block)]
        for i in range(len(block)):
            row[i] = block[i, j]
