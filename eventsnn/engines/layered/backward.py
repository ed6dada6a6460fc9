"""The spike adjoint: gradients by one reverse walk over what a layered network did.

In the smooth picture a spike carries an amplitude, the potential in thresholds, and its
reset takes that whole amplitude away. So a spike answers for what it consumed: the
deliveries of its neuron since the spike before, each decayed by exp(-dt / tau). Resets to
zero and by subtraction are the same then. Backwards in time:

- at spike f of neuron i, ``lam_i = g_f / th``, g_f being the error of that spike and th the
  threshold; what came later is forgotten, since the reset forgot it;
- between events lam decays by the neuron's own closed form;
- a delivery (j, t) leaves ``lam`` in the gradient of ``W[j, :]``, and its own error is
  ``W[j, :] . lam``: the g_f of the population below.

Errors start at the output: the derivative of the loss by each spike count, or by what a
readout kept. Threads share out recordings and neurons, never a sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.checked import checked_weights, numbered
from eventsnn.engines.layered.deliveries import Train
from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.engines.layered.engine import Link
from eventsnn.engines.layered.near import arrived, merged
from eventsnn.engines.layered.passed import GROUP, Passed, Piece, integral_unit
from eventsnn.engines.layered.readout.backward import TimedErrors, readout_adjoint
from eventsnn.engines.layered.walk import (
    Walk,
    conv_gradient,
    errors_walk,
    listed_walk,
    patch_walk,
    sums_of,
)
from eventsnn.errors import UserError
from eventsnn.losses.loss import Reads
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.threads import in_threads
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

Errors = Mapping[int | str, tuple[Reads, NDArray[np.float64]]]
"""By name or number of a population: what was read, and the loss's gradient by it
(n_recordings, units)."""

Costs = float | Mapping[int, float] | Mapping[str, float]
"""Of a spike, for all populations or by their names or numbers."""

_Costs = float | Mapping[int, float]
Numbered = Mapping[int, tuple[Reads, NDArray[np.float64]]]
"""``Errors`` by number."""


class Gradients(NamedTuple):
    """Gradients of the summed loss.

    Attributes
    ----------
    weights : list of float arrays, in the order of the connections
        Each of its topology's ``weight_shape``, in the dtype of the weights.
    errors : list (by piece) of dict from connection number to float array
        Error of each delivery, where something below can use it.
    spikes : list (by piece) of dict from population number to float64 array
        Error of each spike.
    """

    weights: list[NDArray[Any]]
    errors: list[dict[int, NDArray[Any]]]
    spikes: list[dict[int, NDArray[np.float64]]]


class Unsummed(NamedTuple):
    """``Gradients``, but for dense connections into spiking neurons: those are ``Blockwise``."""

    weights: list[NDArray[Any] | Blockwise]
    errors: list[dict[int, NDArray[Any]]]
    spikes: list[dict[int, NDArray[np.float64]]]


def adjoint(
    passed: Passed,
    weights: list[NDArray[Any]],
    errors: Errors,
    *,
    spike_cost: Costs = 0.0,
    near_weight: float = 1.0,
    threads: int = 1,
) -> Gradients:
    """Walk a batch in reverse.

    Parameters
    ----------
    passed : Passed
        What ``layered.run`` kept, with these weights.
    weights : list of float arrays
    errors : Errors
        By population, its name or its number: what was read there, and the loss's gradient.
    spike_cost : float, or one by population
        Added to the loss for each spike of a population that has no errors.
    near_weight : float
        Of a near spike, if there are any in ``passed``, beside a spike's 1.
    threads : int
        Changes no bit.

    Raises
    ------
    UserError
        For weights that the pass was not made with in shape or dtype, and for errors of a
        population that is not there, or of another shape.
    """
    network = passed.network
    arrays = checked_weights(network, weights)
    costs: _Costs = (
        spike_cost
        if not isinstance(spike_cost, Mapping)
        else {numbered(network, key): float(cost) for key, cost in spike_cost.items()}
    )
    given = _checked_errors(passed, errors)
    found = blockwise_adjoint(passed, arrays, given, (costs, near_weight), threads)
    whole = [g.whole(threads) if isinstance(g, Blockwise) else g for g in found.weights]
    return Gradients(whole, found.errors, found.spikes)


def _checked_errors(passed: Passed, errors: Errors) -> Numbered:
    """Return errors by number, after checking who they belong to and their shape."""
    network, given = passed.network, {}
    for key, (reads, gradient) in errors.items():
        p = numbered(network, key)
        population, array = network.populations[p], np.asarray(gradient, np.float64)
        where = f"adjoint: errors of {population.name}"
        if p not in network.targets or p in given:
            raise UserError(
                f"{where} are given twice, or for a population that nothing leads to; give them "
                "once, for an output"
            )
        readable = ("counts",) if population.spiking else ("final", "maximum", "integral")
        if reads not in readable:
            raise UserError(f"{where} are by {reads}; there is a gradient by {', '.join(readable)}")
        shape = (len(passed.end), population.size)
        if array.shape != shape or not np.isfinite(array).all():
            raise UserError(
                f"{where}: shape {array.shape}; give finite numbers (recordings, units), {shape}"
            )
        given[p] = reads, array
    return given


def blockwise_adjoint(
    passed: Passed,
    weights: Sequence[NDArray[Any] | Laid],
    errors: Numbered,
    worth: tuple[_Costs, float] = (0.0, 1.0),
    threads: int = 1,
) -> Unsummed:
    """Walk a batch in reverse, but leave the sums of dense gradients to who needs them.

    ``worth`` is (``spike_cost``, ``near_weight``) of ``adjoint``. Nothing is checked.
    """
    walk = _Walk(passed, weights, errors, worth)
    done = in_threads(walk.piece, passed.pieces, threads)
    gradients: list[NDArray[Any] | Blockwise] = []
    for connection, w in enumerate(weights):
        if connection in done[0].dense:
            walks = [back.dense[connection] for back in done]
            gradients.append(Blockwise(walks, w.shape, w.dtype))
            continue
        total = np.zeros(w.shape, w.dtype)
        for back in done:
            for gradient in back.gradients.get(connection, ()):
                total += gradient
        gradients.append(total)
    return Unsummed(gradients, [back.errors for back in done], [back.spikes for back in done])


class _Back(NamedTuple):
    """What the reverse walk of one piece leaves, by connection.

    ``gradients`` are sums of a group of recordings each; ``dense`` are the walks, with their
    ``reach``, of dense connections, whose gradients are summed block by block; ``near`` the
    errors of the near spikes' deliveries, and the first of each recording.
    """

    dense: dict[int, tuple[Walk, NDArray[np.int64]]]
    errors: dict[int, NDArray[Any]]
    gradients: dict[int, NDArray[Any]]
    spikes: dict[int, NDArray[np.float64]]
    near: dict[int, tuple[NDArray[Any], NDArray[np.int64]]]


class _Walk:
    """The reverse walk over the layers of a piece."""

    def __init__(
        self,
        passed: Passed,
        weights: Sequence[NDArray[Any] | Laid],
        errors: Numbered,
        worth: tuple[_Costs, float],
    ) -> None:
        self.passed, self.weights, self.given = passed, weights, errors
        cost, self.near_weight = worth
        count = len(passed.network.populations)
        self.costs = cost if isinstance(cost, Mapping) else dict.fromkeys(range(count), cost)

    def piece(self, piece: Piece) -> _Back:
        """Walk the layers from the last to the first."""
        back = _Back({}, {}, {}, {}, {})
        for link in reversed(self.passed.links):
            if link.connection in piece.deliveries:
                self._link(link, piece, back)
        return back

    def _link(self, link: Link, piece: Piece, back: _Back) -> None:
        c, neuron = link.connection, self.passed.network.populations[link.target].neuron
        came, w = piece.deliveries[c], self.weights[c]
        if isinstance(neuron, Readout):
            w = plain(w)
            back.errors[c] = np.zeros(len(came.t), w.dtype)
            back.gradients[c] = sums_of(came, w.shape, w.dtype)
            given = self._readout_errors(link.target, neuron, piece.rows)
            readout_adjoint(came, w, neuron.tau_us, given, back.errors[c], back.gradients[c], GROUP)
            if link.source in piece.near:
                back.near[c] = self._near_into_readout(link, neuron, given, piece)
        elif isinstance(neuron, IF | LIF):
            train, leak = piece.trains[link.target], leak_of(neuron)
            reached = {k: (back.errors[k], piece.deliveries[k].start) for k in back.errors}
            g = back.spikes[link.target] = self._errors_of(link.target, piece, train, reached)
            if link.target in piece.near:
                close = piece.near[link.target]
                near = self._errors_of(link.target, piece, close, back.near)
                train, g = merged(train, close, g, self.near_weight * near)
            size = self.passed.network.populations[link.target].size
            jumps = _jumps(train, g / neuron.threshold, leak, size, w.dtype)
            self._shape(link, Walk.of(came, w, jumps, leak.tau_us), back)
            if link.source in piece.near:
                came = self.passed.sent(piece, link, piece.near[link.source])
                topology = self.passed.network.connections[c].topology
                walk = Walk.of(came, w, jumps, leak.tau_us)
                back.near[c] = errors_walk(topology, walk), came.start
        else:
            raise TypeError(f"adjoint: no walk back through {neuron}")

    def _shape(self, link: Link, walk: Walk, back: _Back) -> None:
        """Walk a connection into spiking neurons as its topology asks."""
        c, topology = link.connection, self.passed.network.connections[link.connection].topology
        if isinstance(topology, Pool2d | Sparse):
            back.errors[c], back.gradients[c] = listed_walk(topology, walk)
            return
        if isinstance(topology, Conv2d):
            back.gradients[c] = conv_gradient(topology, walk)
        elif isinstance(topology, Dense):
            back.dense[c] = walk, walk.reach
        if isinstance(topology, Dense | Conv2d) and link.source != self.passed.network.input:
            back.errors[c] = patch_walk(topology, walk)

    def _near_into_readout(
        self, link: Link, neuron: Readout, given: TimedErrors, piece: Piece
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Walk a readout with the near spikes among the spikes: its maximum may be at one."""
        train, close = piece.trains[link.source], piece.near[link.source]
        w = plain(self.weights[link.connection])
        both, which = merged(train, close, np.zeros(len(train.t)), np.ones(len(close.t)))
        came = self.passed.sent(piece, link, both)
        errors, unused = np.zeros(len(came.t), w.dtype), sums_of(came, w.shape, w.dtype)
        readout_adjoint(came, w, neuron.tau_us, given, errors, unused, GROUP)
        of_near = arrived(which, both.start, came.start) > 0
        return errors[of_near], self.passed.sent(piece, link, close).start

    def _errors_of(
        self,
        population: int,
        piece: Piece,
        train: Train,
        reached: Mapping[int, tuple[NDArray[Any], NDArray[np.int64]]],
    ) -> NDArray[np.float64]:
        """Return dLoss / d(spike) of each spike: what its deliveries were worth, and its cost."""
        g = np.zeros(len(train.t))
        if population in self.given:
            reads, gradient = self.given[population]
            if reads != "counts":
                raise UserError(f"adjoint: spikes have no gradient by {reads}; read counts")
            rows = np.repeat(np.arange(piece.rows.start, piece.rows.stop), np.diff(train.start))
            g += gradient[rows, train.unit]
        else:
            g += self.costs.get(population, 0.0)
        for link in self.passed.links:
            if link.source == population:
                _add_prefixes(g, train.start, *reached[link.connection])
        return g

    def _readout_errors(self, population: int, neuron: Readout, rows: slice) -> TimedErrors:
        """Lay the given errors out as the kernel takes them."""
        kept, end = self.passed.readouts[population], self.passed.end
        by: dict[str, NDArray[np.float64]] = {
            name: np.zeros(kept.final.shape) for name in ("final", "maximum", "integral")
        }
        if population in self.given:
            reads, gradient = self.given[population]
            unit = integral_unit(neuron) if reads == "integral" else 1.0
            by[reads] = np.asarray(gradient, np.float64) / unit
        return TimedErrors(**by, maximum_t=kept.maximum_t, end=end).of(rows)


def leak_of(neuron: IF | LIF) -> kernel.Leak:
    """Return how a neuron forgets."""
    tau = neuron.tau_us if isinstance(neuron, LIF) else math.inf
    return kernel.Leak(tau, int(neuron.refractory_us))


def _jumps(
    train: Train, g: NDArray[Any], leak: kernel.Leak, n_units: int, dtype: Any
) -> kernel.Jumps:
    room = len(train.t) * (2 if leak.refractory else 1)
    arrays = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, dtype)
    out = kernel.Jumps(*arrays, np.zeros(len(train.start), np.int64))
    n = kernel.spike_jumps(train, g, leak, n_units, out)
    return kernel.Jumps(out.t[:n], out.unit[:n], out.size[:n], out.start)


def _add_prefixes(
    g: NDArray[np.float64],
    start: NDArray[np.int64],
    errors: NDArray[Any],
    came: NDArray[np.int64],
) -> None:
    """Add the deliveries' errors to their spikes; the last spikes may not have arrived."""
    if len(errors) == len(g):
        g += errors
        return
    for r in range(len(start) - 1):
        n = came[r + 1] - came[r]
        g[start[r] : start[r] + n] += errors[came[r] : came[r + 1]]
