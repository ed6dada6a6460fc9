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

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.checked import checked_weights, numbered
from eventsnn.engines.layered.deliveries import Train
from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.loop import Link
from eventsnn.engines.layered.near import arrived, merged
from eventsnn.engines.layered.passed import Passed, Piece
from eventsnn.engines.layered.walk import SpikeErrors, TimedErrors
from eventsnn.engines.outputs import integral_unit
from eventsnn.errors import UserError
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.ranks.sums import OwnColumns, exchanged
from eventsnn.record import Reads
from eventsnn.threads import in_threads

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
    """``Gradients``, but for dense connections into spiking neurons: those are ``Blockwise``.

    Of several ranks each has those of its own targets.
    """

    weights: list[NDArray[Any] | Blockwise | OwnColumns]
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
    whole = [g if isinstance(g, np.ndarray) else g.whole(threads) for g in found.weights]
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
    ranks: Ranks = ONE,
) -> Unsummed:
    """Walk a batch in reverse, but leave the sums of dense gradients to who needs them.

    ``worth`` is (``spike_cost``, ``near_weight``) of ``adjoint``. Nothing is checked. Each rank
    walks its own recordings; they are those of one batch.
    """
    walk = _Walk(passed, weights, errors, worth)
    done = in_threads(walk.piece, passed.pieces, threads)
    layers = {link.connection: link.layer for link in passed.links}
    parts = [[b.gradients[c] for b in done if c in b.gradients] for c in range(len(weights))]
    gradients: list[NDArray[Any] | Blockwise | OwnColumns]
    if ranks.size > 1:
        each = zip(weights, parts, strict=True)
        found = [layers[c].found(part, w.shape, w.dtype) for c, (w, part) in enumerate(each)]
        gradients = exchanged(ranks, found)
    else:
        gradients = [
            layers[c].joined(part, w.shape, w.dtype) if part else np.zeros(w.shape, w.dtype)
            for c, (w, part) in enumerate(zip(weights, parts, strict=True))
        ]
    return Unsummed(gradients, [back.errors for back in done], [back.spikes for back in done])


Reached = dict[int, tuple[NDArray[Any], NDArray[np.int64]]]
"""By connection: the errors of deliveries, and the first of each recording."""


class _Back(NamedTuple):
    """What the reverse walk of one piece leaves, by connection.

    ``gradients`` are as ``Layer.joined`` takes them, ``near`` the errors of the near spikes'
    deliveries; ``spikes`` are by population.
    """

    errors: dict[int, NDArray[Any]]
    gradients: dict[int, Any]
    spikes: dict[int, NDArray[np.float64]]
    near: Reached


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
        back = _Back({}, {}, {}, {})
        for link in reversed(self.passed.links):
            if link.connection in piece.deliveries:
                self._link(link, piece, back)
        return back

    def _link(self, link: Link, piece: Piece, back: _Back) -> None:
        c, layer, w = link.connection, link.layer, self.weights[link.connection]
        spiking = self.passed.network.populations[link.target].spiking
        given = self._of_spikes(link, piece, back) if spiking else self._of_readout(link, piece)
        owed = layer.owed(given, w.dtype)
        below = link.source != self.passed.network.input
        errors, back.gradients[c] = layer.back(layer.walk(piece.deliveries[c], w, owed), below)
        if errors is not None:
            back.errors[c] = errors
        if link.source in piece.near:
            back.near[c] = self._near(link, piece, owed)

    def _near(self, link: Link, piece: Piece, owed: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the errors of the near spikes of a link's source, had they been sent."""
        layer, w = link.layer, self.weights[link.connection]
        train, close = piece.trains[link.source], piece.near[link.source]
        came = self.passed.sent(piece, link, close)
        if not layer.beside:
            return layer.errors(layer.walk(came, w, owed)), came.start
        both, which = merged(train, close, np.zeros(len(train.t)), np.ones(len(close.t)))
        all_came = self.passed.sent(piece, link, both)
        errors = layer.errors(layer.walk(all_came, w, owed))
        return errors[arrived(which, both.start, all_came.start) > 0], came.start

    def _of_spikes(self, link: Link, piece: Piece, back: _Back) -> SpikeErrors:
        """Return the errors of a population's spikes, near ones among them."""
        p, train = link.target, piece.trains[link.target]
        reached = {k: (back.errors[k], piece.deliveries[k].start) for k in back.errors}
        g = back.spikes[p] = self._errors_of(p, piece, train, reached)
        if p in piece.near:
            close = piece.near[p]
            near = self._errors_of(p, piece, close, back.near)
            train, g = merged(train, close, g, self.near_weight * near)
        return SpikeErrors(train, g)

    def _errors_of(
        self, population: int, piece: Piece, train: Train, reached: Reached
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

    def _of_readout(self, link: Link, piece: Piece) -> TimedErrors:
        """Lay the given errors out as a readout's layer takes them."""
        kept, end = self.passed.readouts[link.target], self.passed.end
        by: dict[str, NDArray[np.float64]] = {
            name: np.zeros(kept.final.shape) for name in ("final", "maximum", "integral")
        }
        neuron = self.passed.network.populations[link.target].neuron
        if link.target in self.given and neuron is not None:
            reads, gradient = self.given[link.target]
            unit = integral_unit(neuron) if reads == "integral" else 1.0
            by[reads] = np.asarray(gradient, np.float64) / unit
        return TimedErrors(**by, maximum_t=kept.maximum_t, end=end).of(piece.rows)


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
