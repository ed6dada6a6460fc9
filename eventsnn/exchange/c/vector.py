"""A test vector: events drawn at random, and what the engine says of them, to the bit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.outputs import recorded_outputs
from eventsnn.engines.running import Engine, How, run
from eventsnn.engines.stop import Scoring
from eventsnn.events import EventStream
from eventsnn.exchange.c import texts
from eventsnn.exchange.c.answer import CAnswer
from eventsnn.exchange.c.numbers import CNumbers, array
from eventsnn.losses.answers import answers
from eventsnn.network import Network, Weights
from eventsnn.record import Record

EVENTS, SPAN_US, END_US = 2_000, 100_000, 120_000

_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


@dataclass(frozen=True, eq=False)
class TestVector:
    """Events and what comes of them.

    Attributes
    ----------
    stream : EventStream
    t_us : int
        Where the run ended: at a stop, or at the end.
    answer : int
    scores : float64 array (classes,)
    spikes : int
        Of all neurons.
    digest : int
        Of all spikes in order (``digest_of``).
    """

    __test__ = False  # no class of tests

    stream: EventStream
    t_us: int
    answer: int
    scores: NDArray[Any]
    spikes: int
    digest: int


def drawn(network: Network, seed: int, most: int = EVENTS) -> EventStream:
    """Return at most so many events on the input, uniform over units and time, many at once."""
    rng = np.random.default_rng(seed)
    shape, n = network.populations[network.input].shape, min(EVENTS, most)
    t = np.sort(rng.integers(0, SPAN_US, n))
    unit = rng.integers(0, network.populations[network.input].size, n).astype(np.int32)
    return EventStream(t, unit, shape if len(shape) == 3 else (1, 1, shape[0]), duration=END_US)


def engine_says(
    network: Network,
    weights: Weights,
    answer: CAnswer,
    stream: EventStream,
    engine: Engine = "auto",
) -> TestVector:
    """Return what the engine makes of a recording."""
    loss, last = answer.loss, len(network.populations) - 1
    outputs = np.zeros((1, 0))

    def scores_of(seen: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal outputs
        outputs = seen.copy()
        return loss(seen, np.zeros(len(seen), int)).scores

    scoring = Scoring(loss.reads, scores_of)
    with warnings.catch_warnings():
        # These events are not what the network was made for.
        warnings.simplefilter("ignore", UserWarning)
        record = run(network, weights, stream, None, How(engine, stop=answer.stop, answer=scoring))
    if record.stopped is not None:
        scores = record.stopped.scores
    elif loss.reads == "first_spike":
        scores = scores_of(_firsts(record, last))
    else:
        scores = scores_of(recorded_outputs(record, last, loss.reads))
    if _is_whole(network):
        scores = outputs  # a gain changes no answer
    t, number, unit = spikes_in_order(record)
    digest, said = digest_of(t, number, unit), int(answers(scores)[0])
    return TestVector(stream, int(record.duration[0]), said, scores[0], len(t), digest)


def _is_whole(network: Network) -> bool:
    return any(p.neuron is not None and p.neuron.whole for p in network.populations)


def _firsts(record: Record, last: int) -> NDArray[np.float64]:
    """Return the time of each output's first spike, infinity for none."""
    population = record.network.populations[last]
    out = np.full((1, population.size), np.inf)
    spikes = record.spikes[population.name]
    np.minimum.at(out[0], spikes.unit, spikes.t)
    return out


def spikes_in_order(record: Record) -> tuple[NDArray[np.int64], ...]:
    """Return (t, population, unit) of all spikes of one recording, as a C program tells them.

    Populations are numbered as the program does: the input, those between, the output.
    """
    network, parts = record.network, []
    last = len(network.populations) - 1
    between = [p for p in network.order if p not in (network.input, last)]
    for number, p in enumerate([*between, last], 1):
        population = network.populations[p]
        if population.spiking:
            found = record.spikes[population.name]
            rank = np.full(len(found.t), number)
            parts.append(np.stack([found.t.astype(np.int64), rank, found.unit.astype(np.int64)]))
    t, number, unit = np.concatenate([np.zeros((3, 0), np.int64), *parts], axis=1)
    order = np.lexsort((unit, number, t))
    return t[order], number[order], unit[order]


def digest_of(t: NDArray[Any], population: NDArray[Any], unit: NDArray[Any]) -> int:
    """Return FNV-1a (64 bits) over population, unit, time of each spike, 32 bits each."""
    digest = _OFFSET
    for row in zip(population.tolist(), unit.tolist(), t.tolist(), strict=True):
        for word in row:
            for shift in (0, 8, 16, 24):
                digest = ((digest ^ (word >> shift & 255)) * _PRIME) & _MASK
    return digest


def main_program(numbers: CNumbers, vector: TestVector, name: str) -> str:
    """Return the text of the main program: it checks the vector, or replays a file."""
    kind = np.float64 if numbers.score == "double" else np.int64
    places = {
        "units": array("test_unit", vector.stream.unit.astype(np.uint32)),
        "times": array("test_t", vector.stream.t.astype(np.uint32)),
        "scores": array("test_scores", vector.scores.astype(kind), "snn_score"),
        "events": str(len(vector.stream.t)),
        "end": str(int(vector.stream.duration)),
        "t": str(vector.t_us),
        "answer": str(vector.answer),
        "spikes": str(vector.spikes),
        "digest": f"0x{vector.digest:016x}ull",
        "placed": str(int(numbers.program.sensor is not None)),
        "format": numbers.printed[0],
        "printed": numbers.printed[1],
    }
    return texts.renamed(texts.filled(texts.text("main.c"), places), name)
