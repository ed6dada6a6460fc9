"""Record: what happened in a run. Spikes as flat arrays, and every operation counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.spikes import Spikes as Spikes
from eventsnn.text import named

if TYPE_CHECKING:
    from eventsnn.engines.asynchronous.state import State
    from eventsnn.engines.fingerprint import Fingerprint
    from eventsnn.engines.stop import Stopped

T = TypeVar("T")

Keep = str | Collection[str]
"""What to keep: "all" spikes, "counts" only, "nothing" but totals, or names of populations."""

Reads = Literal["counts", "final", "maximum", "integral", "first_spike"]
"""What is read of an output: spike counts, what a readout kept, or the time of the first spike."""


@dataclass(frozen=True, eq=False, repr=False)
class Readouts:
    """What a readout population held, each float (n_recordings, n_units).

    Attributes
    ----------
    final : potential at the end of the recording.
    maximum : largest potential just after a delivery, at least 0.
    maximum_t : when that was, float64 microseconds; -inf where it is the 0 of the start.
    integral : integral of the potential over the recording, in units x microseconds.
    """

    final: NDArray[Any]
    maximum: NDArray[Any]
    maximum_t: NDArray[np.float64]
    integral: NDArray[Any]

    def __repr__(self) -> str:
        """Return one line of facts."""
        recordings, units = self.final.shape
        return f"<Readouts of {units:,} units in {recordings:,} recordings>"


@dataclass(frozen=True, eq=False, repr=False)
class Counts:
    """Exact counts of a run, int64, a row for each recording.

    Attributes
    ----------
    spikes : (n_recordings, n_populations)
        Spikes of each population; the input's are the events given.
    neuron_updates : (n_recordings, n_populations)
        Instants at which a neuron was brought up to now, summed over neurons. Each
        costs the model's multiplications, and one threshold test if the model spikes.
    deliveries : (n_recordings, n_connections)
        Spikes delivered through a connection (a spike whose synapses have delays of
        their own counts once, when it is sent).
    synaptic_adds : (n_recordings, n_connections)
        Synapses delivered, refractory targets included.
    queue_pushes, queue_pops, queue_peak : (n_recordings,)
        The engine's own queue; 0 in the feed-forward engine, which has none.
    """

    spikes: NDArray[np.int64]
    neuron_updates: NDArray[np.int64]
    deliveries: NDArray[np.int64]
    synaptic_adds: NDArray[np.int64]
    queue_pushes: NDArray[np.int64]
    queue_pops: NDArray[np.int64]
    queue_peak: NDArray[np.int64]

    def __repr__(self) -> str:
        """Return one line of facts."""
        return (
            f"<Counts of {len(self.spikes):,} recordings: {int(self.spikes.sum()):,} spikes, "
            f"{int(self.synaptic_adds.sum()):,} synaptic additions>"
        )

    @classmethod
    def zeros(cls, network: Network, recordings: int) -> Counts:
        """Return counts of nothing."""
        rows = (recordings,)
        populations = (recordings, len(network.populations))
        connections = (recordings, len(network.connections))
        shapes = (populations, populations, connections, connections, rows, rows, rows)
        return cls(*(np.zeros(shape, np.int64) for shape in shapes))


class NotKept(UserError, KeyError):
    """A record has nothing of a population."""

    def __str__(self) -> str:
        """Return the message as it is; that of a KeyError is in quotes."""
        return UserError.__str__(self)


class Kept(dict[str, T]):
    """What a record has of its populations, by name; one that is missing says why.

    Raises
    ------
    NotKept
        A ``UserError`` and a ``KeyError``.
    """

    def __init__(self, kept: Mapping[str, T], network: Network, what: str) -> None:
        super().__init__(kept)
        self._network, self._what = network, what

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by the constructor."""
        return Kept, (dict(self), self._network, self._what)

    def __missing__(self, name: str) -> T:
        """Refuse a name, with what to do."""
        known = [p.name for p in self._network.populations]
        if name not in known:
            raise NotKept(f"record: no population {named(repr(name))}; {', '.join(known)}")
        found = self._network[name]
        remedy = f"record.{self._what} has {', '.join(self) or 'none'}"
        if self._what == "spikes" and found.neuron is None:
            remedy = "it is an input and sent what it was given"
            if found.generator is not None:
                remedy += f": network[{name!r}].generator.stream({found.size}, until_us)"
        elif self._what == "spikes":
            remedy = "simulate with record='all'" if found.spiking else "it is in record.readouts"
        raise NotKept(f"record: no {self._what} of {named(name)}; {remedy}")


@dataclass(frozen=True, eq=False)
class Record:
    """What happened in a run.

    Attributes
    ----------
    network : Network
    duration : float64 array (n_recordings,)
        Each recording ran over [0, duration) microseconds; a run that went on from a state over
        [state.t, duration).
    counts : Counts
    spikes : mapping from population name to Spikes
        Only of the populations that were kept. The input's spikes are the events given
        and are not repeated here.
    unit_spikes : mapping from population name to int32 array (n_recordings, n_units)
        Spikes a neuron of the output populations (and no others); empty for "nothing".
    readouts : mapping from population name to Readouts
    state : State or None
        Where the run stands, to go on with; only if it was given a state.
    began : State or None
        Where it began, if it was given a state; None: at rest, at 0.
    fingerprint : Fingerprint or None
        Of the recordings and weights, so that what is read off the record later is not read with
        others; None of a record that was made by hand.
    stopped : Stopped or None
        What each recording said, if it ran until its answer was clear.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-3-1", es.LIF(20_000), es.Readout(30_000))
    >>> weights = {c.name: np.ones(c.topology.weight_shape) for c in network.connections}
    >>> record = es.simulate(network, weights, es.EventStream([5], [0], (1, 1, 2), duration=1_000))
    >>> record.spikes["hidden1"].t, record.readouts["output"].maximum, record.rate("hidden1")
    (array([5., 5., 5.]), array([[3.]]), array([1000.]))
    """

    network: Network
    duration: NDArray[np.float64]
    counts: Counts
    spikes: Mapping[str, Spikes] = field(default_factory=dict)
    unit_spikes: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    readouts: Mapping[str, Readouts] = field(default_factory=dict)
    state: State | None = None
    began: State | None = None
    fingerprint: Fingerprint | None = None
    stopped: Stopped | None = None

    def __post_init__(self) -> None:
        """Let a name that is not there say why."""
        for name in ("spikes", "unit_spikes", "readouts"):
            object.__setattr__(self, name, Kept(getattr(self, name), self.network, name))

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.duration)

    def __repr__(self) -> str:
        """Return one line of facts."""
        pairs = zip(self.network.populations, self.counts.spikes.sum(0), strict=True)
        told = ", ".join(f"{named(p.name)} {n:,}" for p, n in pairs)
        adds = int(self.counts.synaptic_adds.sum())
        return f"<Record of {len(self)} recordings, spikes: {told}; {adds:,} synaptic additions>"

    @property
    def since(self) -> float:
        """Microseconds at which the run began: the time of its state, else 0."""
        return 0.0 if self.began is None else float(self.began.t)

    def rate(self, population: str) -> NDArray[np.float64]:
        """Return the mean spikes a second of a population's neurons, float64 (n_recordings,).

        Of the time that was run: since the state's, if it went on from one. NaN where that is none.

        Raises
        ------
        UserError
            If there is no such population, or it sends no spikes.
        """
        p = self.network.index(population)
        found = self.network.populations[p]
        if not found.spiking:
            raise UserError(
                f"record: {found.name} sends no spikes; there are readouts[{population!r}]"
            )
        seconds = (self.duration - self.since) / 1e6
        with np.errstate(invalid="ignore"):  # nothing in no time
            return np.asarray(self.counts.spikes[:, p] / found.size / seconds)


def kept_populations(network: Network, keep: Keep) -> tuple[int, ...]:
    """Return the numbers of the populations whose spikes are kept, checking the request."""
    spiking = [i for i, p in enumerate(network.populations) if p.neuron and p.spiking]
    if isinstance(keep, str):
        if keep not in ("all", "counts", "nothing"):
            raise UserError(
                f"record is {keep!r}; give 'all', 'counts', 'nothing' or a list of populations"
            )
        if any(p.name == keep for p in network.populations):
            raise UserError(
                f"record is {keep!r}, and a population is called so; rename it, or give a list of "
                f"populations, such as [{keep!r}]"
            )
        return tuple(spiking) if keep == "all" else ()
    if not np.iterable(keep):
        raise UserError(f"record is {named(keep)}; give 'all', 'counts', 'nothing' or a list")
    chosen = {network.index(name) for name in keep}
    wrong = sorted(chosen - set(spiking))
    if wrong:
        raise UserError(
            f"record: {network.populations[wrong[0]].name} sends no spikes of its own; "
            "give populations with a spiking neuron model"
        )
    return tuple(sorted(chosen))
