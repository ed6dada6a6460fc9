"""The neuron on a grid of steps: engines give the spikes of the sweep over steps, bit for bit."""

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.stepped_lif import MOST_STEPS, SteppedLIF
from eventsnn.topology.dense import Dense

STEP, T = 1000, 160


def swept(x, weights, inward, cell):
    """The paper's loop: every neuron at every step, in the precision of the weights."""
    real, n = weights.dtype.type, weights.shape[1]
    keep, decay, gain, limit = (real(c) for c in cell.constants)
    v, a, held = np.zeros(n, real), np.zeros(n, real), np.zeros(n, int)
    y = np.zeros((n, x.shape[1]), bool)
    for t in range(1, x.shape[1]):
        drive = np.zeros(n, real)
        for j in np.flatnonzero(x[:, t - 1]):
            drive += weights[j]
        for j in np.flatnonzero(y[:, t - 1]):
            drive += inward[j]
        a = a * decay + drive
        v = v * keep + a * gain
        v[held > 0] = 0
        held[held > 0] -= 1
        y[:, t] = v > limit
        v[y[:, t]], held[y[:, t]] = 0, int(cell.refractory_steps)
    return y


def network(n_in, n, cell):
    populations = (Population("input", (n_in,)), Population("cells", (n,), cell))
    connections = (
        Connection("input", "cells", Dense(n_in, n), STEP),
        Connection("cells", "cells", Dense(n, n), STEP),
    )
    return Network(populations, connections)


@settings(max_examples=examples(25))
@given(
    seed=st.integers(0, 1 << 20),
    rest=st.integers(0, 4),
    slack=st.sampled_from([0.0, 1e-6]),
    taus=st.sampled_from([(64, 8), (8, 64), (3, 1), (1, 1), (20, 20)]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_engines_spike_as_the_sweep_over_steps(seed, rest, slack, taus, dtype):
    rng = np.random.default_rng(seed)
    cell = SteppedLIF(taus[0] * 1e3, taus[1] * 1e3, 6.0, STEP, rest, slack)
    weights = rng.normal(1.0, 2.0, (12, 9)).astype(dtype)
    inward = rng.normal(-0.5, 1.0, (9, 9)).astype(dtype)
    x = rng.random((12, T)) < 0.05
    x[:, 0] = False
    t, unit = np.nonzero(x.T)
    stream = EventStream(t * STEP, unit, (1, 1, 12), None, T * STEP)
    expected = swept(x, weights, inward, cell)
    for engine in ("asynchronous", "reference") if dtype == np.float64 else ("asynchronous",):
        net = network(12, 9, cell)
        found = simulate(net, [weights, inward], stream, engine=engine).spikes["cells"]
        y = np.zeros_like(expected)
        before = found.t < T * STEP
        assert (found.t % STEP == 0).all()
        y[found.unit[before], (found.t[before] / STEP).astype(int)] = True
        assert (y == expected).all()


def test_the_membrane_rises_to_a_spike_after_the_last_event():
    cell = SteppedLIF(64e3, 8e3, 0.7)
    stream = EventStream([0], [0], (1, 1, 1), None, 100_000)
    found = simulate(network(1, 1, cell), [np.ones((1, 1)), np.zeros((1, 1))], stream)
    # (A^n - B^n) / (1 - 8 / 64) with A = 63/64, B = 7/8 first exceeds 0.7 at n = 12.
    assert found.spikes["cells"].t.tolist() == [12_000.0]


def test_what_comes_between_two_steps_counts_at_the_next():
    cell = SteppedLIF(8e3, 1e3, 0.9)
    for t, fires in ((2000, 3000.0), (2001, 4000.0), (2999, 4000.0)):
        stream = EventStream([t], [0], (1, 1, 1), None, 100_000)
        for engine in ("reference", "asynchronous"):
            weights = [np.ones((1, 1)), np.zeros((1, 1))]
            found = simulate(network(1, 1, cell), weights, stream, engine=engine)
            assert found.spikes["cells"].t.tolist() == [fires]


def test_after_a_spike_the_membrane_is_held_and_the_current_goes_on():
    cell = SteppedLIF(64e3, 8e3, 1.0, refractory_steps=2)
    stream = EventStream([0], [0], (1, 1, 1), None, 100_000)
    weights = [np.full((1, 1), 100.0), np.zeros((1, 1))]
    found = simulate(network(1, 1, cell), weights, stream).spikes["cells"]
    assert found.t[:4].tolist() == [1000.0, 4000.0, 7000.0, 10_000.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tau_mem_us": 0.0}, "tau_mem_us is 0.0"),
        ({"tau_syn_us": 500.0}, "tau_syn_us is 500.0; give 1 to"),
        ({"tau_mem_us": (MOST_STEPS + 1) * 1e3}, "tau_mem_us is"),
        ({"step_us": 0.5}, "step_us is 0.5"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"refractory_steps": 1.5}, "refractory_steps is 1.5"),
        ({"slack": 1.0}, "slack is 1.0; give 0 or more"),
        ({"slack": -1e-9}, "slack is -1e-09"),
    ],
)
def test_what_no_neuron_can_be_is_refused_in_a_line(given, message):
    with pytest.raises(UserError, match=message) as stop:
        SteppedLIF(**({"tau_mem_us": 64e3, "tau_syn_us": 8e3} | given))
    assert "\n" not in str(stop.value)
