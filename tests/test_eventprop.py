"""EventProp against central differences of the reference engine, which knows no gradients."""

import numpy as np
import pytest
from doors import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import networks, streams

from eventsnn.engines import State, simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CrossEntropy, FirstSpike
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.rules.eventprop.gradients import ReadoutErrors, errors_of, eventprop
from eventsnn.rules.eventprop.groups import groups_of
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

STEP = 1e-5
SLOW = CubaLIF(900.0, 400.0)


def some_batch(rng, shape=(1, 2, 2), n=12, recordings=2):
    size = int(np.prod(shape))
    times = [np.sort(rng.integers(0, 150, n)) * 10 for _ in range(recordings)]
    streams = [EventStream(t, rng.integers(0, size, n), shape, duration=3000) for t in times]
    return EventBatch.from_streams(streams)


def layers(rng, neuron, delay, out=None, topology=None, back=None):
    """4 - 4 - 3, with a connection of the hidden layer onto itself if ``back`` gives its delay."""

    def connect(source, target, n_in, n_out, delay):
        if topology == "sparse":
            pairs = rng.integers(0, n_in, 2 * n_out), np.arange(2 * n_out) % n_out
            shape = Sparse.from_pairs(*pairs, n_in, n_out)[0]
        else:
            shape = Dense(n_in, n_out)
        each = rng.integers(1, 600, shape.weight_shape) if delay == "each" else delay
        return Connection(source, target, shape, each)

    populations = (
        Population("input", (4,)),
        Population("hidden", (4,), neuron),
        Population("output", (3,), out or neuron),
    )
    connections = [
        connect("input", "hidden", 4, 4, delay),
        connect("hidden", "output", 4, 3, delay),
    ]
    if back is not None:
        connections.append(connect("hidden", "hidden", 4, 4, back))
    network = Network(populations, tuple(connections))
    weights = [
        rng.normal(mean, 0.7, c.topology.weight_shape)
        for mean, c in zip((2.0, 1.2, -0.1), connections, strict=False)
    ]
    return network, weights, some_batch(rng)


def images(rng):
    first = Conv2d((4, 4, 1), 2, (3, 3), padding=(1, 1), planar=True)
    pool, second = Pool2d((4, 4, 2), 2), Conv2d((2, 2, 2), 3, (2, 2))
    neurons = (None, SLOW, SLOW, Readout(700.0))
    shapes = ((1, 4, 4), first.out_shape, pool.out_shape, second.out_shape)
    names = ("input", "conv", "hidden", "output")
    populations = [Population(*p) for p in zip(names, shapes, neurons, strict=True)]
    connections = [
        Connection(*c)
        for c in (
            ("input", "conv", first, 20),
            ("conv", "hidden", pool),
            ("hidden", "output", second, rng.integers(0, 300, second.weight_shape)),
        )
    ]
    means = ((1.2, first), (1.5, pool), (0.5, second))
    weights = [rng.normal(mean, 0.4, shape.weight_shape) for mean, shape in means]
    network = Network(tuple(populations), tuple(connections))
    return network, weights, some_batch(rng, (1, 4, 4), 25, 1)


CASES = {
    "dense": lambda rng: layers(rng, SLOW, 0),
    "slow current": lambda rng: layers(rng, CubaLIF(300.0, 700.0, 5.0), 0),
    "equal time constants": lambda rng: layers(rng, CubaLIF(500.0, 500.0, 2.6), 0),
    "nearly equal time constants": lambda rng: layers(rng, CubaLIF(500.0, 500.0 + 1e-6, 2.6), 0),
    "bias": lambda rng: layers(rng, CubaLIF(900.0, 400.0, 1.7, 0.0, 1.8), 0),
    "short time constants": lambda rng: layers(rng, CubaLIF(60.0, 25.0, 0.6), 7),
    "refractory": lambda rng: layers(rng, CubaLIF(900.0, 400.0, 0.6, 150, 0.3), 0),
    "one delay": lambda rng: layers(rng, SLOW, 130),
    "recurrent": lambda rng: layers(rng, SLOW, 0, back=200),
    "recurrent, refractory": lambda rng: layers(rng, CubaLIF(900.0, 400.0, 0.6, 90), 15, back=60),
    "back when it is ready": lambda rng: layers(rng, CubaLIF(900.0, 400.0, 0.6, 90), 0, back=90),
    "delays a synapse": lambda rng: layers(rng, SLOW, "each", back="each"),
    "delays a synapse, refractory": lambda rng: layers(
        rng, CubaLIF(900.0, 400.0, 0.6, 90, 0.1), "each", back="each"
    ),
    "sparse": lambda rng: layers(rng, SLOW, 40, topology="sparse", back=70),
    "sparse, delays a synapse": lambda rng: layers(rng, SLOW, "each", topology="sparse"),
    "readout": lambda rng: layers(rng, SLOW, 0, out=Readout(700.0), back=120),
    "readout, one delay": lambda rng: layers(rng, SLOW, 300, out=Readout(700.0)),
    "readout, delays a synapse": lambda rng: layers(rng, SLOW, "each", out=Readout(700.0)),
    "plain sum": lambda rng: layers(rng, SLOW, 25, out=Readout()),
    "images": images,
}


def linear_loss(rng, record):
    """Random errors, and the loss that has them as derivatives."""
    errors = {n: rng.normal(size=len(s)) / 1000 for n, s in record.spikes.items()}
    for name, readout in record.readouts.items():
        parts = [rng.normal(size=readout.final.shape) for _ in range(3)]
        errors[name] = ReadoutErrors(parts[0], parts[1], parts[2] / 1000)

    def loss(run):
        total = sum((errors[name] * s.t).sum() for name, s in run.spikes.items())
        for name, r in run.readouts.items():
            kept = (r.final, r.maximum, r.integral)
            total += sum((e * k).sum() for e, k in zip(errors[name], kept, strict=True))
        return total

    return loss, errors


def same_order(one, other):
    return all(
        np.array_equal(s.unit, other.spikes[n].unit)
        and np.array_equal(s.start, other.spikes[n].start)
        for n, s in one.spikes.items()
    )


def slope(network, weights, events, loss, direction, record):
    """Fourth-order central difference; None if a spike appears, goes or changes places."""
    values = []
    for k in (-2, -1, 1, 2):
        moved = [w + k * STEP * d for w, d in zip(weights, direction, strict=True)]
        run = simulate(network, moved, events, engine="reference")
        if not same_order(record, run):
            return None
        values.append(loss(run))
    return (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * STEP)


def well_separated(record):
    """Enough spikes, none that barely crosses (there the slope changes faster than STEP)."""
    values = np.concatenate([s.value for s in record.spikes.values()])
    counts = [len(s) for s in record.spikes.values()]
    return min(counts) >= 4 and sum(counts) <= 120 and values.min() * 900 > 0.1


def draws(name, wanted=2, most=30):
    """Random networks of a case, and how many draws were rejected."""
    good, rejected = [], 0
    for seed in range(most):
        rng = np.random.default_rng([seed, *name.encode()])
        network, weights, events = CASES[name](rng)
        try:
            record = simulate(network, weights, events, engine="reference", event_budget=200)
        except UserError:  # a runaway
            record = None
        if record is None or not well_separated(record):
            rejected += 1
            continue
        good.append((rng, network, weights, events, record))
        if len(good) == wanted:
            break
    return good, rejected


def directions(rng, weights, gradients, count=8):
    """Single weights with a gradient, and all of them at once."""
    flat = np.concatenate([g.reshape(-1) for g in gradients])
    chosen = rng.permutation(np.flatnonzero(flat))[:count]
    rows = [np.arange(flat.size) == i for i in chosen] + [rng.normal(size=flat.size)]
    cuts = np.cumsum([w.size for w in weights])[:-1]
    for row in rows:
        parts = np.split(row.astype(float), cuts)
        yield [p.reshape(w.shape) for p, w in zip(parts, weights, strict=True)]


def compare(case, loss, errors):
    """Largest error of a directional derivative, relative to its largest term; slopes compared."""
    rng, network, weights, events, record = case
    gradients = eventprop(network, weights, events, record, errors).weights
    worst, compared = 0.0, 0
    for direction in directions(rng, weights, gradients):
        expected = slope(network, weights, events, loss, direction, record)
        if expected is None:
            continue
        terms = [g * d for g, d in zip(gradients, direction, strict=True)]
        size = max(np.abs(t).max() for t in terms)
        worst = max(worst, abs(sum(t.sum() for t in terms) - expected) / size)
        compared += 1
    return worst, compared


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_central_differences(name):
    good, rejected = draws(name)
    assert len(good) == 2 and rejected <= 25
    compared = 0
    for case in good:
        worst, found = compare(case, *linear_loss(case[0], case[4]))
        assert worst < 1e-6
        compared += found
    assert compared >= 10


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("recurrent", FirstSpike(500.0)),
        ("readout", CrossEntropy("final")),
        ("readout", CrossEntropy("maximum", smoothing=0.1)),
        ("readout", CrossEntropy("integral", gain=1e-4)),
    ],
    ids=str,
)
def test_losses_have_their_gradients(name, loss):
    good, _ = draws(name, 1)
    labels = np.array([2, 0])
    assessed = errors_of(loss, good[0][4], "output", labels)

    def total(run):
        return errors_of(loss, run, "output", labels).loss.sum()

    assert assessed.scores.shape == (2, 3) and assessed.loss.sum() == total(good[0][4])
    worst, compared = compare(good[0], total, assessed.errors)
    assert worst < 1e-6 and compared >= 4


def one_spike():
    network = Network(
        (
            Population("input", (1,)),
            Population("hidden", (1,), SLOW),
            Population("output", (1,), SLOW),
        ),
        (
            Connection("input", "hidden", Dense(1, 1)),
            Connection("hidden", "output", Dense(1, 1), 50),
        ),
    )
    stream = EventStream([0, 40], [0, 0], (1, 1, 1), duration=3000)
    return network, [np.full((1, 1), 3.0), np.full((1, 1), 6.0)], stream


def test_a_spike_is_worth_what_moving_its_delivery_is_worth():
    network, weights, stream = one_spike()
    record = simulate(network, weights, stream)
    assert [len(s) for s in record.spikes.values()] == [1, 1]
    worth = eventprop(network, weights, stream, record, {"output": np.ones(1)}).spike_t
    times = []
    for later in (-1, 1):
        first, second = network.connections
        moved = Connection("hidden", "output", second.topology, 50 + later)
        other = Network(network.populations, (first, moved))
        times.append(simulate(other, weights, stream).spikes["output"].t[0])
    np.testing.assert_allclose(worth["hidden"], (times[1] - times[0]) / 2, rtol=1e-6)
    assert worth["output"] == 1.0


@settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(st.data())
def test_one_delay_and_as_many_equal_delays_have_the_same_gradient(data):
    network, weights = data.draw(networks(("cuba_lif", "readout")))
    stream = data.draw(streams(network))
    try:
        record = simulate(network, weights, stream, event_budget=5_000)
    except UserError:  # a runaway
        return
    same = [
        Connection(
            c.source, c.target, c.topology, c.delay_us + np.zeros(c.topology.weight_shape), c.name
        )
        for c in network.connections
    ]
    rng = np.random.default_rng(0)
    _, errors = linear_loss(rng, record)
    # Ties and grazing spikes are welcome here: both ways must treat them alike.
    one, each = (
        eventprop(n, weights, stream, record, errors, least_slope=0.1)
        for n in (network, Network(network.populations, tuple(same)))
    )
    for gradient, other in zip(one.weights, each.weights, strict=True):
        np.testing.assert_allclose(
            gradient, other, rtol=1e-8, atol=1e-9 * np.abs(other).max(initial=0)
        )


def test_least_slope_bounds_the_jump_of_a_spike():
    network, weights, stream = one_spike()
    record, errors = simulate(network, weights, stream), {"hidden": np.ones(1)}
    exact = eventprop(network, weights, stream, record, errors).weights[0]
    least = 2 * float(record.spikes["hidden"].value[0])
    bounded = eventprop(network, weights, stream, record, errors, least_slope=least).weights[0]
    np.testing.assert_allclose(bounded, exact / 2)


def test_float32_gradients_are_those_of_float64_rounded():
    (case,), _ = draws("recurrent, refractory", 1)
    rng, network, weights, events, record = case
    _, errors = linear_loss(rng, record)
    exact = eventprop(network, weights, events, record, errors).weights
    small = [w.astype(np.float32) for w in weights]
    rounded = eventprop(network, small, events, record, errors).weights
    for one, other in zip(rounded, exact, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


def test_a_batch_is_the_sum_of_its_recordings_and_repeats_bit_for_bit():
    (case,), _ = draws("delays a synapse", 1)
    _, network, weights, events, record = case
    errors = {"output": np.arange(len(record.spikes["output"])) / 100}
    whole = eventprop(network, weights, events, record, errors)
    again = eventprop(network, weights, events, record, errors)
    parts = []
    for i in range(len(events)):
        part = slice(*record.spikes["output"].start[i : i + 2])
        single = simulate(network, weights, events[i])
        parts.append(
            eventprop(network, weights, events[i], single, {"output": errors["output"][part]})
        )
    for c, gradient in enumerate(whole.weights):
        np.testing.assert_array_equal(gradient, again.weights[c])
        np.testing.assert_allclose(gradient, sum(p.weights[c] for p in parts), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 4, 5, 11, 37])
def test_no_number_of_threads_changes_a_bit_of_a_gradient(n):
    (case,), _ = draws("delays a synapse", 1)
    _, network, weights, events, _ = case
    batch = EventBatch.from_streams([events[i % len(events)] for i in range(n)])
    record = simulate(network, weights, batch)
    given = network, weights, batch, record
    errors = {"output": np.sin(np.arange(len(record.spikes["output"])))}
    alone = eventprop(*given, errors)
    assert sum(np.abs(gradient).sum() for gradient in alone.weights) > 0
    for threads in (2, 3, 8):
        found = eventprop(*given, errors, threads=threads)
        for one, other in zip(alone.weights, found.weights, strict=True):
            np.testing.assert_array_equal(one, other)
        for name, worth in alone.spike_t.items():
            np.testing.assert_array_equal(worth, found.spike_t[name])


def test_groups_cover_every_recording_once_and_are_eight_at_most():
    for n in range(200):
        groups = groups_of(n)
        assert [i for rows in groups for i in rows] == list(range(n)) and len(groups) <= 8


@pytest.mark.parametrize(
    ("each", "duration", "until", "expected"),
    [
        (False, 1000, None, 0.0),
        (True, 1000, None, 0.0),
        (False, 950, np.inf, 1.0),
        (True, 950, np.inf, 1.0),
        (False, 950, 1001, np.exp(-1 / 700)),
        (True, 950, 1001, np.exp(-1 / 700)),
        (False, 950, 1000, 0.0),
        (False, 1000, np.inf, 1.0),
    ],
)
def test_what_was_not_delivered_has_no_gradient(each, duration, until, expected):
    populations = (Population("input", (1,)), Population("output", (1,), Readout(700.0)))
    delay = np.full((1, 1), 100) if each else 100
    network = Network(populations, (Connection("input", "output", Dense(1, 1), delay),))
    stream, weights = EventStream([900], [0], (1, 1, 1), duration=duration), [np.ones((1, 1))]
    record = simulate(network, weights, stream, until_us=until)
    errors = {"output": ReadoutErrors(final=np.ones((1, 1)))}
    gradient = eventprop(network, weights, stream, record, errors).weights[0]
    np.testing.assert_allclose(gradient, expected)
    np.testing.assert_allclose(record.readouts["output"].final, expected)


def test_what_is_not_covered_is_refused():
    network, weights, stream = one_spike()
    record = simulate(network, weights, stream)
    hidden = {"hidden": np.ones(1)}
    leaky = Network(
        (Population("input", (1,)), Population("soma", (1,), LIF(20.0))),
        (Connection("input", "soma", Dense(1, 1)),),
    )
    from_state = simulate(network, weights, stream, state=State.start(network))
    few = simulate(network, weights, stream, record=["output"])
    two = EventBatch.from_streams([stream, stream])
    for text, arguments in {
        "soma is lif": (leaky, weights[:1], stream, simulate(leaky, weights[:1], stream), {}),
        "from a state": (network, weights, stream, from_state, hidden),
        "no spikes of hidden": (network, weights, stream, few, hidden),
        "2 recordings for a record of 1": (network, weights, two, record, hidden),
        "shape": (network, weights, stream, record, {"hidden": np.ones(2)}),
        "error 0 of hidden is nan": (network, weights, stream, record, {"hidden": [np.nan]}),
        "errors of input": (network, weights, stream, record, {"input": np.ones(2)}),
        "nobody": (network, weights, stream, record, {"nobody": np.ones(2)}),
        "are ReadoutErrors": (network, weights, stream, record, {"hidden": ReadoutErrors()}),
    }.items():
        with pytest.raises(UserError, match=text):
            eventprop(*arguments)
    with pytest.raises(UserError, match="least_slope is -1"):
        eventprop(network, weights, stream, record, hidden, least_slope=-1)
    with pytest.raises(UserError, match="spike counts have no derivative"):
        errors_of(CrossEntropy("counts"), record, "output", [0])
    with pytest.raises(UserError, match="needs a readout"):
        errors_of(CrossEntropy("final"), record, "output", [0])


def test_a_silent_network_has_gradients_of_nothing():
    network, weights, stream = one_spike()
    weights[0][:] = 0
    record = simulate(network, weights, stream)
    assessed = errors_of(FirstSpike(), record, "output", [0])
    assert not any(g.any() for g in eventprop(network, weights, stream, record, assessed.errors)[0])
