"""A network and its weights, made ready once for many runs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.gathered import Given
from eventsnn.engines.kept import read_only
from eventsnn.engines.options import EVENT_BUDGET
from eventsnn.engines.pool import Pool
from eventsnn.engines.running import Engine, How, Until, check, check_network, run_checked
from eventsnn.network import Network, Weights
from eventsnn.record import Keep, Record


class Prepared:
    """A network with weights that are checked, copied and laid out: for many short runs.

    Made by ``prepare``. Records are those of ``eventsnn.simulate``, bit for bit; what a call saves
    is the check of every weight, the plan of the network, buffers, and the types of arrays.
    Several threads may use one at the same time.

    Attributes
    ----------
    network : Network
    weights : tuple of float arrays
        Flat, in the order of the connections; they cannot be written.

    Examples
    --------
    >>> import eventsnn as es
    >>> net = es.layers("2x2x1-1", hidden=es.LIF(20_000), output=es.Readout(20_000))
    >>> ready = es.prepare(net, [[[1.0], [1.0], [1.0], [1.0]]])
    >>> ready
    <Prepared 2 populations, 4 weights>
    >>> ready.simulate(es.EventStream([0, 9], [1, 3], shape=(1, 2, 2))).counts.deliveries
    array([[2]])
    """

    def __init__(
        self, network: Network, weights: Weights, dtype: type[np.floating[Any]] | None = None
    ) -> None:
        check_network(network)
        self.network = network
        self._dtype = dtype
        self.weights: tuple[NDArray[Any], ...] = tuple(
            read_only(flat) for flat in network.weights(weights, dtype)
        )
        self._pool = Pool()

    def simulate(
        self,
        events: Given = None,
        *,
        engine: Engine = "auto",
        record: Keep = "all",
        until_us: Until = None,
        state: State | Literal[True] | None = None,
        threads: int = 1,
        event_budget: int = EVENT_BUDGET,
    ) -> Record:
        """Run recordings; arguments, record and errors are those of ``eventsnn.simulate``.

        Generators that are given here in place of the network's are prepared anew at each call.
        """
        how = How(engine, record, state, self._dtype, threads, event_budget)
        check(how)
        return run_checked(self.network, self.weights, events, until_us, how, self._pool)

    def __repr__(self) -> str:
        """Return one line of facts."""
        numbers = sum(flat.size for flat in self.weights)
        return f"<Prepared {len(self.network.populations)} populations, {numbers:,} weights>"


def prepare(
    network: Network, weights: Weights, *, dtype: type[np.floating[Any]] | None = None
) -> Prepared:
    """Make a network and its weights ready for many short runs, as of single recordings.

    Parameters
    ----------
    network : Network
    weights : mapping by connection name, or sequence in connection order
        They are copied, unless they cannot be written: what becomes of the arrays later changes
        nothing.
    dtype : numpy.float32 or numpy.float64
        Of potentials and weights; None for float64 if any weights are, else float32.

    Returns
    -------
    Prepared
        Whose method ``simulate(events, ...)`` runs recordings (microseconds).

    Raises
    ------
    UserError
        For weights that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> net = es.layers("4x4x1-3", hidden=es.LIF(tau_us=20_000), output=es.Readout(20_000))
    >>> ready = es.prepare(net, {c.name: np.ones(c.topology.weight_shape) for c in net.connections})
    >>> stream = es.EventStream([0, 1000], [3, 7], shape=(1, 4, 4), duration=2000)
    >>> ready.simulate(stream).counts.synaptic_adds.sum()
    np.int64(6)
    """
    return Prepared(network, weights, dtype)
