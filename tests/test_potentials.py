"""Potentials and states by name: what neurons went through, and where they stand at the end."""

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks, streams

import eventsnn as es
from eventsnn.errors import UserError
from eventsnn.neurons.neuron import Cell

MANY = (
    es.IF(threshold=0.7),
    es.LIF(20_000.0, reset="zero", refractory_us=900),
    es.CubaLIF(20_000.0, 5_000.0, refractory_us=700),
    es.CubaLIF(8_000.0, 3_000.0, bias=1.3),
    es.GeneralLIF(15_000.0, 0.8, -0.3, "subtract", refractory_us=1_000, hold_v=False),
    es.GeneralLIF(9_000.0, 0.4, -0.1, bias=0.2, tau_syn_us=4e3, tau_inhibitory_us=7e3),
    es.neurons.GradedLIF(15_000.0, 1.0, 800.0, inhibition=-0.3, group=3),
    es.neurons.GridLIF(500.0, decay=0.9, residue=1.0, taken=0.4),
    es.neurons.SteppedLIF(20_000.0, 4_000.0, 0.8, step_us=500.0),
    es.neurons.IntegerLIF(20_000.0, 400, "zero", fraction=9, refractory_us=900),
)
READOUTS = (es.Readout(9_000.0), es.neurons.IntegerReadout(9_000.0))


def recurrent(neuron, output=None):
    """A recurrent population with delays a synapse, and one behind it."""
    rng = np.random.default_rng(3)
    pairs = es.Sparse.from_pairs(rng.integers(0, 7, 25), rng.integers(0, 7, 25), 7, 7)[0]
    network = es.Network(
        (
            es.Population("in", (1, 1, 6)),
            es.Population("h", 7, neuron),
            es.Population("out", 2, output or es.Readout(9_000.0)),
        ),
        (
            es.Connection("in", "h", es.Dense(6, 7), 500),
            es.Connection("h", "h", pairs, 500 * rng.integers(1, 9, 25)),
            es.Connection("h", "out", es.Dense(7, 2)),
        ),
    )
    weights = [rng.normal(0.4, 0.6, c.topology.weight_shape) for c in network.connections]
    t = np.sort(500 * rng.integers(0, 90, 70))
    return network, weights, es.EventStream(t, rng.integers(0, 6, 70), (1, 1, 6), duration=47_250)


def check(network, weights, stream, budget=10**6):
    """Every spike is found again, and every variable stands where the engine left it."""
    engine = {"engine": "asynchronous", "event_budget": budget}
    record = es.simulate(network, weights, stream, state=True, dtype=np.float64, **engine)
    return check_record(record, weights, stream)


def check_record(record, weights, stream):
    """Return how many spikes were found again."""
    found = 0
    for population in record.network.populations[1:]:
        neuron, name = population.neuron, population.name
        traces = es.potentials(record, weights, stream, name)
        here = record.state[name]
        for unit in range(population.size):
            kept = traces._kept[unit]
            fired = [s for s in kept if s.reached is not None]
            if neuron.spiking:
                mine = record.spikes[name].unit == unit
                np.testing.assert_array_equal([s.t for s in fired], record.spikes[name].t[mine])
                if neuron.value_is_v:
                    reached = [s.reached[0] for s in fired]
                    np.testing.assert_array_equal(reached, record.spikes[name].value[mine])
                found += len(fired)
            last = Cell([*kept[-1].x], [*kept[-1].times])
            for k, value in enumerate(kept[-1].neuron.now(last, float(record.duration[0]))):
                assert here[neuron.variables[k]].reshape(-1)[unit] == value, (name, unit, k)
    return found


@settings(max_examples=examples(25))
@given(st.data())
def test_neurons_of_any_network_are_followed_to_the_last_bit(data):
    network, weights = data.draw(networks())
    stream = data.draw(streams(network))
    try:
        check(network, weights, stream, 300)
    except UserError as error:
        assert "budget" in str(error) or "spikes" in str(error)


@pytest.mark.parametrize("neuron", MANY, ids=lambda n: f"{n.kind}-{getattr(n, 'bias', 0)}")
def test_neurons_of_every_model_are_followed_to_the_last_bit(neuron):
    assert len({type(n) for n in (*MANY, *READOUTS)}) == len(
        [m for m in es.neurons.models().values() if "eventsnn" in m.__module__]
    )
    assert check(*recurrent(neuron)) > 10
    assert check(*recurrent(neuron, neuron)) > 10


@pytest.mark.parametrize("neuron", [*MANY, *READOUTS], ids=lambda n: n.kind)
def test_what_variables_are_now_is_what_a_delivery_finds(neuron):
    rng = np.random.default_rng(0)
    for k in range(20):
        cell, t = neuron.start(), 500.0
        neuron.receive(cell, t, [rng.uniform(0, 0.6)], False)
        later = t + 500 * (k % 4)
        if neuron.predicts and neuron.next_spike(cell) <= later:
            continue
        before = (list(cell.x), list(cell.times))
        told = neuron.now(cell, later)
        assert (cell.x, cell.times) == before
        other = Cell(list(cell.x), list(cell.times))
        if neuron.receive(other, later, [], False) is None:
            # A step that falls on the instant is made by the delivery.
            assert told[0] == sum(other.x[:2]) if neuron.kind == "grid_lif" else True
            assert neuron.kind in ("grid_lif", "stepped_lif") or told[0] == other.x[0]


def test_a_recurrent_network_with_poisson_input_and_a_current_is_followed_to_the_last_bit():
    noise = es.Population("noise", (30,), generator=es.Poisson(rate_hz=80, seed=1))
    step = es.StepCurrent((0, 30_000, 70_000), (0.0, 1.4, 0.2))
    cells = es.Population("h", (6,), es.CubaLIF(20_000.0, 5_000.0, refractory_us=900), step)
    network = es.Network(
        (noise, cells),
        (
            es.connect(noise, cells, es.AllToAll()),
            es.connect(cells, cells, es.FixedInDegree(3, seed=2), delay_us=1500),
        ),
    )
    weights = {"noise->h": 0.15, "h->h": -0.5}
    how = {"until_us": 90_000.5, "state": True, "dtype": np.float64}
    record = es.simulate(network, weights, **how)
    assert check_record(record, weights, None) > 20
    traces = es.potentials(network, weights, None, "h", [0, 1], until_us=90_000)
    assert len(es.plot(traces).axes[0].lines) == 3


def test_values_at_regular_times_lie_on_the_points():
    network, weights, stream = recurrent(MANY[2])
    traces = es.potentials(network, weights, stream, "h", [4, 1])
    t, v = traces.every(250)
    assert v.shape == (2, len(t)) and traces.units == (4, 1) and len(traces) == 2
    times, points = traces[4]
    left = {time: value for time, value in zip(times, points, strict=True)}  # the last one counts
    both = [k for k, time in enumerate(t) if time in left]
    assert len(both) > 20
    np.testing.assert_array_equal(v[0, both], [left[t[k]] for k in both])
    # Between them the potential is that of the equation, integrated in small steps.
    fine, current = traces.every(1, "current")
    v_fine = traces.every(1)[1]
    inner = np.flatnonzero((np.diff(v_fine[0]) != 0) & (np.abs(np.diff(v_fine[0])) < 0.01))[5:]
    slope = (current[0, inner] - v_fine[0, inner]) / 20_000.0
    close = np.abs(np.diff(v_fine[0])[inner] - slope) < 3e-5
    assert close.mean() > 0.999  # but for the microseconds in which a refractory time ends
    assert len(inner) > 1000 and len(fine) == 47_250


def test_a_state_is_read_by_names_and_a_missing_name_is_an_error(tmp_path):
    network, weights, stream = recurrent(MANY[2])
    record = es.simulate(network, weights, stream, state=True)
    h = record.state["h"]
    assert h.v.shape == (7,) and list(h) == ["v", "current", "slope", "clock", "ready", "next"]
    assert (h.clock <= stream.duration).all() and (h.next >= stream.duration).all()
    assert {"v", "ready"} < set(dir(h)) and not hasattr(h, "volts") and len(h) == 6
    assert repr(h) == (
        "<PopulationState of h, 7 neurons at 47,250 us: v, current, slope, clock, ready, next>"
    )
    np.testing.assert_array_equal(h["v"], h.v)
    # It went on from rest: the same as from a state that is given, and as without one.
    given_one = es.simulate(network, weights, stream, state=es.State.start(network))
    np.testing.assert_array_equal(given_one.state.x, record.state.x)
    record.state.save(tmp_path / "s.npz")
    loaded = es.State.load(tmp_path / "s.npz")
    np.testing.assert_array_equal(loaded.of(network)["out"].v, record.state["out"].v)
    other = recurrent(MANY[3])[0]
    for act, message in (
        (lambda: record.state["x"], "no population is called 'x'; there are in, h, out"),
        (lambda: h.volts, "state of h: no volts; there are v, current, slope, clock"),
        (lambda: h["volts"], "state of h: no volts"),
        (lambda: record.state["in"].v, "no v; there are none, it is the input"),
        (lambda: loaded["h"], r"it knows no names; give them: state.of\(network\)"),
        (lambda: loaded.of(other), "made for another network"),
        (lambda: es.potentials(network, weights, stream, "x"), "no population is called 'x'"),
        (lambda: es.potentials(network, weights, stream, "in"), "is the input"),
        (lambda: es.potentials(network, weights, stream, "h", [7]), "numbers from 0 to 6"),
        (lambda: es.potentials(network, weights, stream, "h", [0.5]), "numbers from 0 to 6"),
        (lambda: es.potentials(network, weights[:1], stream, "h"), "1 arrays for 3 connections"),
        (lambda: es.potentials(3, weights, stream, "h"), "potentials: 3; give a Network, or a Rec"),
        (lambda: es.potentials(network, weights, 3, "h"), "events is a int; give an EventStream"),
        (lambda: es.potentials(network, weights, stream, "h", 2)[3], "3 of h was not followed"),
        (lambda: es.potentials(network, weights, stream, "h").every(0), "step_us is 0; give a"),
        (lambda: es.potentials(network, weights, stream, "h").every(9, "x"), "h has no x; there"),
        (lambda: es.plot(3), "plot: 3; give an EventStream, a Record or Potentials"),
        (
            lambda: es.plot(es.simulate(network, weights, stream, record="counts")),
            "with spikes that were kept",
        ),
    ):
        with pytest.raises(UserError, match=message):
            act()


def test_a_recording_a_run_and_potentials_are_figures_that_a_notebook_shows():
    network, weights, stream = recurrent(MANY[1])
    traces = es.potentials(network, weights, stream, "h")
    assert repr(traces) == "<Potentials of 7 of 7 neurons of h, 47.25 ms>"
    for thing in (stream, es.simulate(network, weights, stream), traces):
        figure = es.plot(thing)
        assert figure._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
        assert figure.axes
    assert len(es.plot(traces).axes[0].lines) == 8  # seven neurons and the threshold
