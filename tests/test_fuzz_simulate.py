"""Knocking at the doors of a run: neurons, events, weights and options, spoiled at random."""

import numpy as np
import pytest
from doors import NASTY, fuzz, knock
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.engines import State, simulate
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.general_lif import GeneralLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.dense import Dense

ANYTHING = st.sampled_from(NASTY)
GOOD = {
    IF: {"threshold": 0.5, "reset": "zero", "refractory_us": 3},
    LIF: {"tau_us": 20.0, "threshold": 0.5, "reset": "subtract", "refractory_us": 0},
    CubaLIF: {
        "tau_mem_us": 20.0,
        "tau_syn_us": 5.0,
        "threshold": 0.5,
        "refractory_us": 2,
        "bias": 0.3,
    },
    GeneralLIF: {
        "tau_mem_us": 20.0,
        "threshold": 0.5,
        "rest": -0.1,
        "reset": "rest",
        "bias": 0.1,
        "refractory_us": 2,
        "tau_syn_us": 5.0,
        "tau_inhibitory_us": 9.0,
        "hold_v": True,
    },
    Readout: {"tau_us": 30.0},
}
# As much as a run of milliseconds may fire.
BUDGET = 2_000
EVENTS = EventStream([0, 4, 4, 9], [0, 1, 2, 0], (1, 1, 3), duration=300)


def network_of(neuron, delay=0):
    populations = [Population("input", (3,)), Population("p", (5,), neuron)]
    connections = [Connection("input", "p", Dense(3, 5), delay)]
    if neuron.spiking:
        populations.append(Population("out", (2,), Readout(30.0)))
        connections.append(Connection("p", "out", Dense(5, 2)))
    return Network(tuple(populations), tuple(connections))


def weights_of(network, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [
        rng.normal(0.4, 0.5, c.topology.weight_shape).astype(dtype) for c in network.connections
    ]


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile first, so that a case takes the time of a run."""
    for model, values in GOOD.items():
        network = network_of(model(**values))
        for dtype in (np.float32, np.float64):
            for engine in ("asynchronous", "auto", "reference"):
                simulate(network, weights_of(network, dtype), EVENTS, engine=engine)


def spoiled(draw, good):
    """Some values of a dict replaced by anything, or by a number of any size."""
    numbers = st.floats(allow_nan=True, width=64) | st.integers(-(2**70), 2**70)
    chosen = draw(st.lists(st.sampled_from(sorted(good)), min_size=1, max_size=2, unique=True))
    return good | {name: draw(ANYTHING | numbers) for name in chosen}


@fuzz
@given(data=st.data())
def test_a_neuron_of_any_parameters_is_refused_or_runs_alike_in_all_engines(data):
    model = data.draw(st.sampled_from(list(GOOD)))
    values = spoiled(data.draw, GOOD[model])
    neuron = knock("neuron", lambda: model(**values))
    if neuron is None:
        return
    network = network_of(neuron)
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    found = {
        engine: knock(
            "simulate(neuron)",
            simulate,
            network,
            weights_of(network, dtype),
            EVENTS,
            engine=engine,
            event_budget=BUDGET,
        )
        for engine in ("asynchronous", "auto", "reference")
    }
    one, other = found["asynchronous"], found["auto"]
    assert (one is None) == (other is None)
    if one is None:
        return
    last = "out" if neuron.spiking else "p"
    np.testing.assert_array_equal(one.counts.spikes, other.counts.spikes)
    np.testing.assert_array_equal(one.readouts[last].final, other.readouts[last].final)
    np.testing.assert_array_equal(one.readouts[last].integral, other.readouts[last].integral)
    if dtype == np.float64 and found["reference"] is not None:
        np.testing.assert_array_equal(one.counts.spikes, found["reference"].counts.spikes)
        for name in one.spikes:
            np.testing.assert_array_equal(one.spikes[name].t, found["reference"].spikes[name].t)


GOOD_STREAM = {
    "t": [0, 4, 4, 9],
    "unit": [0, 1, 2, 0],
    "shape": (1, 1, 3),
    "label": 1,
    "duration": -1,
}
ARRAYS = st.sampled_from(
    [
        np.array([0, 4, 4, 2**60]),
        np.array([0, 4, 4, np.nan]),
        np.array([0.0, 4.0, 4.0, 9.5]),
        np.array([[0, 4], [4, 9]]),
        np.array([0, 4, 4, 9], np.uint64) + np.uint64(2**63),
        np.array(["0", "4", "4", "9"]),
        np.array([0, 4, 4, 9], object),
        np.array([0, 4, 4, 9], "M8[us]"),
        np.array([9, 4, 4, 0]),
        np.array([0, 4, 4, 2**53 - 1]),
        np.zeros(0),
        np.array(3),
        np.array([0, 1, 1, 1], bool),
        [0, 4, [4], 9],
    ]
)


@fuzz
@given(data=st.data())
def test_a_stream_of_anything_is_refused_or_runs(data):
    numbers = st.lists(st.integers(-5, 2**64), max_size=4)
    times = st.lists(st.integers(0, 2**53 + 9), min_size=4, max_size=4).map(sorted)
    anything = ANYTHING | ARRAYS | numbers | times
    chosen = data.draw(st.lists(st.sampled_from(sorted(GOOD_STREAM)), min_size=1, max_size=2))
    values = GOOD_STREAM | {name: data.draw(anything) for name in chosen}
    stream = knock("EventStream", lambda: EventStream(**values))
    if stream is None:
        return
    assert (np.diff(stream.t) >= 0).all()
    assert not len(stream) or 0 <= stream.t[0] <= stream.t[-1] < min(stream.duration, 2**53)
    assert not len(stream) or 0 <= stream.unit.min() <= stream.unit.max() < np.prod(stream.shape)
    network = network_of(LIF(20.0), 3)
    for engine in ("asynchronous", "feedforward"):
        knock("simulate(stream)", simulate, network, weights_of(network), stream, engine=engine)


@fuzz
@given(data=st.data())
def test_a_cut_at_anything_is_refused_or_keeps_the_clock(data):
    start, stop = data.draw(ANYTHING), data.draw(ANYTHING | st.integers(0, 400))
    part = knock("between", EVENTS.between, start, stop)
    if part is not None:
        inside = (EVENTS.t >= start) & (EVENTS.t < stop)
        np.testing.assert_array_equal(part.t, EVENTS.t[inside])
    knock("slice_time", EVENTS.slice_time, start, stop)


GOOD_RUN = {
    "weights": None,
    "events": EVENTS,
    "engine": "auto",
    "record": "all",
    "until_us": None,
    "state": None,
    "dtype": None,
    "threads": 1,
    "event_budget": BUDGET,
}


@fuzz
@given(data=st.data())
def test_a_run_of_anything_is_refused_or_gives_a_record(data):
    delay = data.draw(st.sampled_from([0, 3, 2**40]))
    network = network_of(
        data.draw(st.sampled_from([LIF(20.0), IF(0.5), CubaLIF(20.0, 5.0)])), delay
    )
    good = GOOD_RUN | {"weights": weights_of(network)}
    chosen = data.draw(st.lists(st.sampled_from(sorted(good)), min_size=1, max_size=2))
    values = good | {name: data.draw(ANYTHING) for name in chosen}
    if data.draw(st.booleans()):
        which, how = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 4))
        w = weights_of(network)
        changed = [w[which].T, w[which] * np.nan, w[which] * 1e300, w[which][:1], w[which] * 1j]
        values["weights"] = [changed[how] if i == which else a for i, a in enumerate(w)]
    if data.draw(st.booleans()):
        values["state"] = State.start(network)
    record = knock("simulate", lambda: simulate(network, **values))
    if record is not None:
        assert record.counts.spikes.shape == (1, 3)


@pytest.mark.parametrize("engine", ["asynchronous", "feedforward"])
def test_ends_at_every_power_of_two_are_refused_or_run_alike(engine):
    network = network_of(LIF(20.0), 3)
    for power in range(64):
        for until in (2.0**power, 2.0**power + 0.5, float(2**power - 1)):
            record = knock(
                "simulate(until)", simulate, network, weights_of(network), EVENTS,
                engine=engine, until_us=until,
            )  # fmt: skip
            assert (record is None) == (until > 2**53)
