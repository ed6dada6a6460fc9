"""The answer while a recording streams in: what each moment has cost, and what it would say.

A *check* at time T reads the output exactly as if the recording had ended there: spikes so
far, or the readout's potential, maximum and integral in closed form. Nothing is run again;
everything follows from the recorded spikes. It is what the feed-forward engine holds, bit for
bit; the asynchronous one rounds differently in the last.

Of an integral the check can also read where it would *settle* if nothing more came: its
value so far and tau times the potential, which is what the potential has still to give.
A spike then counts in full when it arrives and not over the next few tau. At the end of a
recording the integral is what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.fingerprint import check_given
from eventsnn.engines.outputs import integral_unit, leak_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.losses.loss import Loss, Reads
from eventsnn.measure.anytime_any import read_any
from eventsnn.measure.anytime_kernel import Arrivals, Read, count_out, read_out
from eventsnn.measure.fan_out import fan_outs
from eventsnn.measure.operations import source_train
from eventsnn.network import Weights
from eventsnn.neurons.readout import Readout
from eventsnn.record import Record
from eventsnn.topology.dense import Dense


@dataclass(frozen=True, eq=False)
class Streamed:
    """How each recording's answer stood at each check, arrays (n_recordings, n_checks).

    Attributes
    ----------
    t : float64
        Microseconds since the recording began; never after its end.
    operations : int64
        Synaptic operations up to then.
    spikes : int64
        Spikes of all neurons up to then.
    events : int64
        Input events seen.
    prediction : int16
        The class with the highest score.
    margin : float32
        Its score less the next one's; 0 where no class leads.
    entropy : float32
        Of softmax(scores), in nats.
    spoke : bool
        Whether an output neuron has spiked; never, where the output is a readout.
    label : int64 (n_recordings,)
    """

    t: NDArray[np.float64]
    operations: NDArray[np.int64]
    spikes: NDArray[np.int64]
    events: NDArray[np.int64]
    prediction: NDArray[np.int16]
    margin: NDArray[np.float32]
    entropy: NDArray[np.float32]
    spoke: NDArray[np.bool_]
    label: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.label)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the answer is right."""
        return np.asarray(self.prediction == self.label[:, None])

    def joined(self, other: Streamed) -> Streamed:
        """Return these recordings and others, with as many checks."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Streamed(*(np.concatenate(pair) for pair in pairs))

    def select(self, rows: Any) -> Streamed:
        """Return some of the recordings."""
        return Streamed(*(getattr(self, f.name)[rows] for f in fields(self)))


def stream(
    record: Record,
    weights: Weights,
    events: EventBatch,
    loss: Loss,
    times: NDArray[np.float64],
    *,
    settle: bool = False,
) -> Streamed:
    """Read the output of every recording at every check.

    Parameters
    ----------
    record : Record
        With all spikes kept; its last population is the output.
    weights : as they were given to the run
    events : EventBatch
        What the run was given; every recording has a label.
    loss : Loss
        Says what is read, and makes scores of it.
    times : float64 array (n_recordings, n_checks)
        Of the checks, microseconds, not decreasing; those after the end are at the end.
    settle : bool
        Read integrals where they would settle; see the head of this file. It changes
        nothing where something else is read, or a readout does not leak.

    Raises
    ------
    UserError
        If the output is no readout behind one dense connection, nor spikes, a synapse has a
        delay of its own, or weights or events are not those of the run.
    """
    if len(events) and events.label.min() < 0:
        i = int(np.argmin(events.label))
        raise UserError(f"{events.source}[{i}]: has no label; measure needs one a recording")
    check_given(record, weights, events, "measure")
    times = _checked(times, record)
    outputs, spoke = _outputs(record, weights, events, (loss.reads, settle), times)
    flat = outputs.reshape(-1, outputs.shape[2])
    scores = loss(flat, np.zeros(len(flat), np.int64)).scores.reshape(outputs.shape)
    top = np.sort(scores, axis=2)
    shifted = scores - top[:, :, -1:]
    log_p = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    return Streamed(
        times,
        _operations(record, events, times),
        _spikes(record, times),
        _before(_input(record, events), times)[0],
        answers(scores).astype(np.int16),
        (top[:, :, -1] - top[:, :, -2]).astype(np.float32),
        -(np.exp(log_p) * log_p).sum(axis=2).astype(np.float32),
        spoke,
        events.label,
    )


def _checked(times: NDArray[Any], record: Record) -> NDArray[np.float64]:
    """Return checks, none after its recording's end."""
    try:
        times = np.asarray(times, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"measure: times are no array of numbers ({error})") from error
    if times.ndim != 2 or len(times) != len(record) or not times.shape[1]:
        raise UserError(
            f"measure: times has shape {times.shape}; give ({len(record)}, checks), at least one"
        )
    # NaN is not at least 0, and not at least its neighbour.
    if not (times >= 0).all() or not (times[:, 1:] >= times[:, :-1]).all():
        raise UserError(
            "measure: times of checks are negative, not a number, or decrease; sort them"
        )
    return np.asarray(np.minimum(times, record.duration[:, None]))


def time_checks(record: Record, step_us: float) -> NDArray[np.float64]:
    """Return checks every ``step_us`` until the longest recording has ended."""
    end = float(record.duration.max(initial=0.0))
    if not 0 < step_us < np.inf:
        raise UserError(f"measure: step_us is {step_us}; give microseconds above 0")
    steps = max(1, int(np.ceil(end / step_us)))
    every = step_us * np.arange(1, steps + 1)
    return np.broadcast_to(every, (len(record), steps))


def event_checks(events: EventBatch, seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return when so many events (n_checks,) have been seen: just after the last of them."""
    sizes = np.diff(events.start)
    number = np.minimum(seen[None, :], sizes[:, None]) - 1
    place = np.maximum(events.start[:-1, None] + number, 0)
    times = events.t[np.minimum(place, max(len(events.t) - 1, 0))].astype(np.float64) + 1.0
    times[number < 0] = 0.0
    # A recording that has no more events is over.
    times[seen[None, :] > sizes[:, None]] = np.inf
    return np.asarray(times, np.float64)


def _outputs(
    record: Record,
    weights: Weights,
    events: EventBatch,
    reading: tuple[Reads, bool],
    times: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return (outputs float64 (n, checks, classes), whether an output spiked (n, checks))."""
    output, (reads, settle) = record.network.populations[-1], reading
    shape = (*times.shape, output.size)
    if output.spiking:
        counts, first = np.zeros(shape, np.int64), np.empty(shape)
        spikes = record.spikes[output.name]
        count_out(Arrivals(spikes.t, spikes.unit, spikes.start), times, counts, first)
        spoke = np.asarray(np.isfinite(first).any(axis=2), np.bool_)
        return first if reads == "first_spike" else counts.astype(np.float64), spoke
    neuron = output.neuron
    assert neuron is not None
    arrived, array = _into_readout(record, weights, events)
    read = Read(*(np.empty(shape, array.dtype) for _ in range(3)))
    if isinstance(neuron, Readout):
        read_out(arrived, array, neuron.tau_us, neuron.decays, times, read)
    else:
        read_any(neuron, arrived, array, times, read)
    outputs = np.asarray(getattr(read, reads), np.float64)
    if reads == "integral":
        outputs /= integral_unit(neuron)
        if settle and np.isfinite(leak_of(neuron)):
            # In units of tau, what is still to come is the potential itself.
            outputs += np.where(times < record.duration[:, None], 1.0, 0.0)[..., None] * read.final
    return outputs, np.zeros(times.shape, np.bool_)


def _into_readout(
    record: Record, weights: Weights, events: EventBatch
) -> tuple[Arrivals, NDArray[Any]]:
    network = record.network
    into = [c for c, target in enumerate(network.targets) if target == len(network.populations) - 1]
    connection = network.connections[into[0]] if len(into) == 1 else None
    # The kernel reads rows of weights, one for each sender.
    if connection is None or not isinstance(connection.topology, Dense) or not connection.one_delay:
        raise UserError(
            f"measure: {network.populations[-1].name} is not reached through one dense connection "
            "with one delay; its answer cannot be followed in time"
        )
    array = network.weights(weights)[into[0]].reshape(connection.topology.weight_shape)
    return _arrivals(record, into[0], events), array


def _arrivals(record: Record, c: int, events: EventBatch) -> Arrivals:
    connection = record.network.connections[c]
    if not connection.one_delay:
        raise UserError(
            f"measure: the synapses of {connection.name} have delays of their own; what a run has "
            "cost by a moment is counted for connections with one delay"
        )
    t, unit, start = source_train(record, c, events)
    return Arrivals(t.astype(np.float64) + connection.least_delay, unit.astype(np.int32), start)


def _input(record: Record, events: EventBatch) -> Arrivals:
    return Arrivals(events.t.astype(np.float64), events.unit.astype(np.int32), events.start)


def _before(
    arrivals: Arrivals, times: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many arrivals came before each check, and how many in all recordings before."""
    n = len(times)
    # Recordings are laid end to end, so that one search finds the place of every check.
    span = float(max(arrivals.t.max(initial=0.0), times.max(initial=0.0))) + 1.0
    rows = np.repeat(np.arange(n), np.diff(arrivals.start))
    place = np.searchsorted(arrivals.t + rows * span, times + np.arange(n)[:, None] * span)
    return place - arrivals.start[:-1, None], place


def _operations(
    record: Record, events: EventBatch, times: NDArray[np.float64]
) -> NDArray[np.int64]:
    total = np.zeros(times.shape, np.int64)
    for c, connection in enumerate(record.network.connections):
        arrivals = _arrivals(record, c, events)
        sizes = fan_outs(connection.topology)[arrivals.unit]
        sums = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        _, place = _before(arrivals, times)
        total += sums[place] - sums[arrivals.start[:-1]][:, None]
    return total


def _spikes(record: Record, times: NDArray[np.float64]) -> NDArray[np.int64]:
    total = np.zeros(times.shape, np.int64)
    for spikes in record.spikes.values():
        total += _before(Arrivals(spikes.t, spikes.unit, spikes.start), times)[0]
    return total
