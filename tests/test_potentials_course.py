"""What potentials did between events, and after a run that went on from a state."""

import numpy as np
import pytest
from test_potentials import MANY, recurrent

import eventsnn as es


def one_cell(neuron, generator=None):
    ends = (es.Population("i", 1), es.Population("c", 1, neuron, generator))
    return es.Network(ends, (es.Connection("i", "c", es.Dense(1, 1)),))


def kicks(neuron):
    """Return the potentials of a neuron that is kicked by 0.7 at 5, 15 and 60 ms, until 100 ms."""
    stream = es.EventStream([5_000, 15_000, 60_000], [0] * 3, (1, 1, 1), duration=100_000)
    return es.potentials(one_cell(neuron), [np.array([[0.7]])], stream, "c")


def drawn(traces):
    """Return the line that a figure of them draws, in milliseconds."""
    return np.array(es.plot(traces).axes[0].lines[0].get_data())


@pytest.mark.parametrize("neuron", MANY, ids=lambda n: f"{n.kind}-{getattr(n, 'bias', 0)}")
def test_potentials_of_a_run_that_went_on_from_a_state_are_those_of_the_whole_run(neuron):
    network, weights, stream = recurrent(neuron)
    how = {"engine": "asynchronous", "dtype": np.float64, "state": True}
    whole = es.simulate(network, weights, stream, **how)
    cut = 21_500  # on the grid of the models that have one, between a spike and its delivery
    first = es.simulate(network, weights, stream.between(0, cut), until_us=cut, **how)
    rest = stream.between(cut, stream.duration)
    second = es.simulate(network, weights, rest, **how | {"state": first.state})
    assert second.since == cut and second.began is first.state
    for given in (rest, stream):
        for name in ("h", "out"):
            one = es.potentials(whole, weights, stream, name)
            other = es.potentials(second, weights, given, name)
            assert other.since == cut and other.every(500)[0][0] == cut
            for variable in network[name].neuron.variables:
                wanted = one.every(500, variable)[1][:, cut // 500 :]
                np.testing.assert_array_equal(other.every(500, variable)[1], wanted)
            for unit in other.units:
                a, b = one[unit], other[unit]
                late = a.t > cut
                np.testing.assert_array_equal(a.t[late], b.t[b.t > cut])
                np.testing.assert_array_equal(a.v[late], b.v[b.t > cut])


def test_a_current_and_generators_lead_potentials_on_from_a_state():
    noise = es.Population("noise", (30,), generator=es.Poisson(rate_hz=80, seed=1))
    step = es.StepCurrent((0, 30_000, 70_000), (0.3, 1.4, 0.2))
    cells = es.Population("h", (6,), es.CubaLIF(20_000.0, 5_000.0, refractory_us=900), step)
    delays = es.Uniform(500, 9_000, seed=4)
    network = es.Network(
        (noise, cells),
        (
            es.connect(noise, cells, es.AllToAll(), delay_us=delays),
            es.connect(cells, cells, es.FixedInDegree(3, seed=2), delay_us=1500),
        ),
    )
    weights = {"noise->h": 0.15, "h->h": -0.5}
    first = es.simulate(network, weights, until_us=40_000, state=True)
    second = es.simulate(network, weights, until_us=90_000, state=first.state)
    assert len(second.spikes["h"]) > 5
    whole = es.potentials(network, weights, None, "h", until_us=90_000).every(1000)[1]
    later = es.potentials(second, weights, None, "h").every(1000)[1]
    np.testing.assert_array_equal(later, whole[:, 40:])


def test_the_rate_of_a_run_that_went_on_is_that_of_its_own_time():
    beat = es.Population("beat", 2, generator=es.Regular(interval_us=10_000))
    network = es.Network((beat,))
    first = es.simulate(network, {}, until_us=500_000, state=True)
    second = es.simulate(network, {}, until_us=1_000_000, state=first.state)
    assert [float(r.rate("beat")[0]) for r in (first, second)] == [100.0, 100.0]
    assert (first.since, second.since) == (0.0, 500_000.0)
    assert np.isnan(es.simulate(network, {}, until_us=0).rate("beat")[0])


def test_a_figure_of_potentials_is_flat_jumps_and_decays_to_the_end_of_the_run():
    t, v = drawn(kicks(es.LIF(20_000, reset="zero")))
    assert t[-1] == 100 and (np.diff(t) >= 0).all()
    assert (v[t < 5] == 0).all() and v[(t > 5) & (t < 15)].max() <= 0.7
    reached = 0.7 + 0.7 * np.exp(-0.5)
    at = v[t == 15]
    np.testing.assert_allclose(at, [0.7 * np.exp(-0.5), reached, 0.0])
    assert (v[(t > 15) & (t < 60)] == 0).all()
    late = t > 60
    np.testing.assert_allclose(v[late], 0.7 * np.exp(-(t[late] - 60) / 20), rtol=1e-12)
    assert late.sum() > 500 and v.max() == pytest.approx(reached)


def test_a_figure_shows_the_refractory_time_and_the_exponential_towards_a_current():
    network = one_cell(es.CubaLIF(10_000, 5_000, refractory_us=4_000), es.ConstantCurrent(1.5))
    traces = es.potentials(network, {"i->c": 0.0}, _nothing(100_000), "c")
    t, v = drawn(traces)
    assert t[-1] == 100
    period = 10 * np.log(3.0)
    first = t < period - 1e-6
    np.testing.assert_allclose(v[first], 1.5 * (1 - np.exp(-t[first] / 10)), atol=1e-9)
    deaf = (t > period + 1e-6) & (t < period + 4)
    assert deaf.sum() > 50 and (v[deaf] == 0).all()
    again = (t > period + 4) & (t < 2 * period + 4 - 1e-6)
    grown = 1.5 * (1 - np.exp(-(t[again] - period - 4) / 10))
    np.testing.assert_allclose(v[again], grown, atol=1e-9)


def _nothing(duration):
    return es.EventStream([], [], (1, 1, 1), duration=duration)


def test_potentials_are_gone_through_neuron_by_neuron():
    network, weights, stream = recurrent(MANY[1])
    traces = es.potentials(network, weights, stream, "h", [4, 1])
    found = list(traces)
    assert len(found) == len(traces) == 2
    for one, unit in zip(found, (4, 1), strict=True):
        np.testing.assert_array_equal(one.v, traces[unit].v)
    assert traces.course(4).t[-1] == traces.duration
    with pytest.raises(es.UserError, match="3 of h was not followed"):
        traces.course(3)
