"""What a modeller needs beside a run: initial potentials, one neuron, intervals, synapses."""

from itertools import pairwise

import numpy as np
import pytest

import eventsnn as es
from eventsnn import memory

LIF = es.LIF(20_000)


def small():
    noise = es.Population("noise", (40,), generator=es.Poisson(60, seed=7))
    cells = es.Population("cells", (30,), es.LIF(20_000, refractory_us=1_000))
    rule = es.FixedOutDegree(8, seed=3)
    connections = (
        es.connect(noise, cells, rule, delay_us=es.Uniform(0, 3_000, seed=1)),
        es.connect(cells, cells, rule, delay_us=700),
    )
    return es.Network((noise, cells), connections), [es.Normal(0.3, 0.1, 1), 0.05]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_initial_potentials_are_put_into_a_state_and_lead_on_from_there(dtype):
    cells = es.Population("lif", 3, LIF)
    driven = es.Population("cuba", 3, es.CubaLIF(20_000, 5_000, bias=1.5))
    network = es.Network((cells, driven))
    v = np.array([0.1, 0.5, 0.9])
    rest = es.State.start(network, dtype)
    state = rest.replaced("lif", v=v).replaced("cuba", v=v)
    assert not rest.x.any()
    run = es.simulate(network, {}, until_us=20_000, state=state, dtype=dtype)
    assert run.state["lif"].v == pytest.approx(v * np.exp(-1), rel=1e-6)
    # From v on the way to the bias the threshold is met at tau log((b - v) / (b - 1)).
    wanted = 20_000 * np.log((1.5 - v) / 0.5)
    assert run.spikes["cuba"].t == pytest.approx(sorted(wanted[wanted < 20_000]), rel=1e-6)
    assert es.potentials(run, {}, None, "lif").every(10_000)[1][:, 0] == pytest.approx(v, rel=1e-6)


def test_a_state_that_is_put_back_unchanged_goes_on_to_the_same_spikes():
    network, weights = small()
    first = es.simulate(network, weights, until_us=40_000, state=True)
    same = first.state.replaced("cells", v=first.state["cells"].v)
    one, other = (
        es.simulate(network, weights, until_us=80_000, state=state) for state in (first.state, same)
    )
    np.testing.assert_array_equal(one.spikes["cells"].unit, other.spikes["cells"].unit)
    np.testing.assert_array_equal(one.spikes["cells"].t, other.spikes["cells"].t)
    assert len(one.spikes["cells"]) > 20


def test_what_cannot_be_put_into_a_state_is_refused_and_what_is_read_off_it_is_read_only():
    network, _ = small()
    state = es.State.start(network)
    for population, given, message in (
        ("cells", {"v": 1.0}, "cells: v of neuron 0 is 1.0: it would fire at once; give less"),
        ("cells", {"volts": 0.1}, "no volts; there are v"),
        ("cells", {"v": [0.1, 0.2]}, "one number, or one for each of 30 neurons"),
        ("cells", {"v": "high"}, "v is 'high'; give one number"),
        ("cells", {"v": np.nan}, "neuron 0 has nan; give finite numbers"),
        ("noise", {"v": 0.1}, "an input: no variables can be put into it"),
        ("x", {"v": 0.1}, "no population is called 'x'"),
    ):
        with pytest.raises(es.UserError, match=message):
            state.replaced(population, **given)
    with pytest.raises(ValueError, match="read-only"):
        state["cells"].v[:] = 0.5


def test_spikes_of_one_neuron_intervals_and_their_irregularity():
    network, weights = small()
    spikes = es.simulate(network, weights, until_us=2_000_000).spikes["cells"]
    unit, interval = spikes.intervals()
    units, cv = spikes.cv()
    for u in range(30):
        own = np.array([t for t, who in zip(spikes.t, spikes.unit, strict=True) if who == u])
        np.testing.assert_array_equal(spikes.of(u), own)
        gaps = [b - a for a, b in pairwise(own)]
        np.testing.assert_array_equal(interval[unit == u], gaps)
        assert (u in units) == (len(gaps) >= 2)
        if len(gaps) >= 2:
            assert cv[units == u][0] == pytest.approx(np.std(gaps) / np.mean(gaps))
    assert len(units) > 20
    ends = es.Population("n", 50), es.Population("p", 50, LIF)
    noise = es.Network(ends, (es.connect(*ends, es.OneToOne()),))
    same = es.simulate(noise, [1.0], es.Poisson(50, seed=3), until_us=4_000_000).spikes["p"]
    assert 0.9 < same.cv()[1].mean() < 1.05
    for wrong in (-1, 1.5, True, "a"):
        with pytest.raises(es.UserError, match="give a whole number, 0 or more"):
            spikes.of(wrong)


def test_synapses_of_a_connection_are_read_by_its_name():
    network, weights = small()
    found = network.synapses("noise->cells", weights)
    connection = network.connections[0]
    assert found.source.tolist() == np.repeat(np.arange(40), 8).tolist()
    np.testing.assert_array_equal(found.target, connection.topology.target)
    np.testing.assert_array_equal(found.weight, es.Normal(0.3, 0.1, 1).draw((320,)))
    np.testing.assert_array_equal(found.delay_us, connection.delay_us)
    conv = es.layers("6x6x1-2c3-2", LIF, LIF)
    for c in conv.connections:
        one = conv.synapses(c.name)
        assert one.weight is None and set(one.delay_us) == {0}
        pairs = {(s, t) for s in range(c.topology.n_in) for t in c.topology.fan_out(s)[0].tolist()}
        assert set(zip(one.source.tolist(), one.target.tolist(), strict=True)) == pairs
    with pytest.raises(es.UserError, match="called 'x'; there are noise->cells, cells->cells"):
        network.synapses("x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: es.Poisson(None, seed=1), "rate_hz is None; give a number"),
        (lambda: es.Poisson(10, seed=None), "seed is None; give a whole number"),
        (lambda: es.FixedInDegree(10, seed=None), "seed is None; give a whole number"),
        (lambda: es.FixedInDegree(None, seed=1), "degree is None"),
        (lambda: es.PairwiseProbability(None, seed=1), "probability is None"),
        (lambda: es.Normal(0.1, 0.1, seed=None), "seed is None"),
        (lambda: es.Uniform(None, None, seed=1), "low is None"),
        (lambda: es.Regular(None), "interval_us is None"),
        (lambda: es.ConstantCurrent(None), "amplitude is None"),
        (lambda: es.StepCurrent(None, None), "times_us is None; give a list"),
        (lambda: es.Poisson(10, 1, start_us=10, stop_us=5), "start_us is 10, stop_us 5; give a"),
        (lambda: es.Regular(10, start_us=10, stop_us=10), "start_us is 10, stop_us 10; give a"),
    ],
)
def test_what_must_be_given_is_not_none_and_a_window_has_a_length(make, message):
    with pytest.raises(es.UserError, match=message):
        make()


def test_tiny_rates_draw_nothing_and_seeds_that_may_be_left_out_may():
    assert len(es.Poisson(1e-300, seed=1).stream(5, 10_000_000)) == 0
    assert es.Regular(100, seed=None).seed is None


def test_a_population_with_a_word_of_record_is_never_taken_for_the_word():
    for word in ("counts", "all", "nothing"):
        network = es.Network((es.Population(word, 1, es.CubaLIF(9_000, 5_000, bias=2.0)),))
        with pytest.raises(
            es.UserError, match=f"record is '{word}', and a population is called so"
        ):
            es.simulate(network, {}, until_us=50_000, record=word)
        assert len(es.simulate(network, {}, until_us=50_000, record=[word]).spikes[word]) > 3


def test_weights_that_are_no_numbers_or_need_too_much_memory_are_one_line(monkeypatch):
    network, _ = small()
    for wrong, told in ((True, "True"), ("a", "a"), (1j, "1j")):
        with pytest.raises(es.UserError, match=f"noise->cells: {told}; give real numbers"):
            es.simulate(network, [wrong, 0.05], until_us=10)
    with pytest.raises(es.UserError, match="'x'; there are none"):
        es.simulate(es.Network((es.Population("c", 1, LIF),)), {"x": 1.0}, until_us=10)
    large = es.Population("c", 200_000, LIF)
    monkeypatch.setattr(memory, "room_bytes", lambda: 1 << 34)
    with pytest.raises(es.UserError, match="c->c: delays of 40000000000 synapses: it needs 298"):
        es.connect(large, large, es.AllToAll(), delay_us=es.Uniform(0, 3, seed=1))
    dense = es.Network((large,), (es.connect(large, large, es.AllToAll(), delay_us=1),))
    for given in (0.1, es.Normal(0, 1, seed=1)):
        with pytest.raises(es.UserError, match="weights of c->c: 40000000000 synapses: it needs"):
            es.simulate(dense, [given], until_us=10)
