"""A stream without an end: readouts gather anew where their state is reset, and forget no spike."""

import numpy as np
import pytest

import eventsnn as es
from eventsnn.errors import UserError

TAU = 20_000.0


def one_unit(dtype=np.float64):
    net = es.Network(
        (es.Population("in", (1, 1, 2)), es.Population("out", 2, es.Readout(TAU))),
        (es.Connection("in", "out", es.Dense(2, 2)),),
    )
    return net, [np.eye(2, dtype=dtype)]


def run(net, weights, t, unit, end, state):
    events = es.EventStream(t, unit, (1, 1, 2), duration=end)
    return es.simulate(net, weights, events, state=state)


def test_maximum_and_integral_are_those_since_the_reset_with_the_potential_that_was_left():
    net, weights = one_unit()
    state = run(net, weights, [0], [0], 10_000, True).state.reset_readouts()
    out = run(net, weights, [15_000], [0], 30_000, state).readouts["out"]
    left = np.exp(-10_000 / TAU)
    before, after = np.exp(-15_000 / TAU), np.exp(-15_000 / TAU) + 1
    area = TAU * (left - before + after * (1 - np.exp(-15_000 / TAU)))
    assert out.integral[0] == pytest.approx([area, 0], rel=1e-12)
    assert out.final[0] == pytest.approx([after * np.exp(-15_000 / TAU), 0], rel=1e-12)
    assert out.maximum[0] == pytest.approx([after, 0]) and out.maximum_t[0, 0] == 15_000
    quiet = run(net, weights, [25_000], [1], 30_000, state).readouts["out"]
    assert quiet.maximum[0] == pytest.approx([left, 1]) and quiet.maximum_t[0, 0] == 10_000


def test_the_second_of_two_patterns_is_answered_only_after_a_reset():
    net, weights = one_unit()
    first = run(net, weights, [0, 100, 200], [0, 0, 0], 300_000, True).state
    rest = ([300_000, 300_100], [1, 1], 600_000)
    whole = run(net, weights, *rest, first).readouts["out"].integral[0]
    anew = run(net, weights, *rest, first.reset_readouts()).readouts["out"].integral[0]
    assert whole.argmax() == 0 and anew.argmax() == 1
    before = first["out"].integral
    assert anew == pytest.approx(whole - before, rel=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spikes_and_hidden_neurons_keep_their_bits(dtype):
    net = es.layers("4x4x2-30-20-3", hidden=es.LIF(tau_us=900), output=es.Readout(900))
    rng = np.random.default_rng(0)
    weights = {c.name: rng.normal(0.2, 0.4, c.topology.weight_shape) for c in net.connections}
    t, unit = np.sort(rng.integers(0, 4_000, 90)), rng.integers(0, 32, 90)
    stream = es.EventStream(t, unit, (2, 4, 4), duration=4_000)
    ready = es.prepare(net, weights, dtype=dtype)
    half = ready.simulate(stream.between(0, 2_000), state=True).state
    rest = stream.between(2_000, 4_000)
    whole, anew = (
        ready.simulate(rest, state=half),
        ready.simulate(rest, state=half.reset_readouts()),
    )
    assert len(whole.spikes["hidden2"]) > 10
    for name in ("hidden1", "hidden2"):
        assert np.array_equal(whole.spikes[name].t, anew.spikes[name].t)
        assert np.array_equal(whole.spikes[name].value, anew.spikes[name].value)
        assert np.array_equal(whole.state[name].v, anew.state[name].v)
    tight = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(
        anew.readouts["output"].integral,
        whole.readouts["output"].integral - half["output"].integral,
        rtol=0,
        atol=tight * np.abs(whole.readouts["output"].integral).max(),
    )
    np.testing.assert_allclose(anew.readouts["output"].final, whole.readouts["output"].final, tight)


def test_a_loaded_state_asks_for_its_network(tmp_path):
    net, weights = one_unit()
    run(net, weights, [0], [0], 10_000, True).state.save(tmp_path / "s.npz")
    loaded = es.State.load(tmp_path / "s.npz")
    with pytest.raises(UserError, match=r"it knows no network; give it: state.of\(network\)"):
        loaded.reset_readouts()
    assert not loaded.of(net).reset_readouts()["out"].integral.any()
