"""The general LIF: its special cases, the equation by other means, and all engines alike."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_simulate import assert_same

import eventsnn as es
from eventsnn.engines.options import RunawayError
from eventsnn.errors import UserError
from eventsnn.kernels.compile import threaded
from eventsnn.neurons.cuba_lif_flow import crossing, largest_response, stays_below
from eventsnn.neurons.general_lif import GeneralLIF
from eventsnn.neurons.general_lif_flow import LIFConstants, moved, predicted

INF = float("inf")


def one_layer(neuron, n=6, drive=None):
    return es.Network(
        (es.Population("in", (1, 1, 8)), es.Population("p", n, neuron, drive)),
        (es.Connection("in", "p", es.Dense(8, n), 100),),
    )


def recurrent(neuron, drive=None):
    """With delays a synapse, ties and a readout."""
    rng, n = np.random.default_rng(3), 6
    first = one_layer(neuron, n, drive)
    more = (
        es.Connection("p", "p", es.Dense(n, n), 100 * rng.integers(1, 9, (n, n))),
        es.Connection("p", "out", es.Dense(n, 2)),
    )
    out = es.Population("out", 2, es.Readout(9_000.0))
    return es.Network((*first.populations, out), first.connections + more)


def events(seed=0, n=300, end=60_000):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, end // 100, n) * 100)
    return es.EventStream(t, rng.integers(0, 8, n), (1, 1, 8), duration=end)


def weights_of(network, seed=0, scale=1.0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shapes = [c.topology.weight_shape for c in network.connections]
    return [(scale * rng.normal(0.2, 0.5, shape)).astype(dtype) for shape in shapes]


RESETS = ("subtract", "zero")
CASES = [
    *((es.LIF(9e3, 0.9, r, us), GeneralLIF(9e3, 0.9, 0.0, r, 0.0, us, hold_v=False))
      for r, us in product(RESETS, (0, 300))),
    *((es.IF(0.9, r, us), GeneralLIF(INF, 0.9, 0.0, r, 0.0, us, hold_v=False))
      for r, us in product(RESETS, (0, 300))),
    *((es.CubaLIF(*taus, 0.6, us, bias),
       GeneralLIF(taus[0], 0.6, bias=bias, refractory_us=us, tau_syn_us=taus[1]))
      for taus, us, bias in (((9e3, 4e3), 0, 0.2), ((4e3, 9e3), 300, 1.2), ((5e3, 5e3), 9e2, 0.0))),
]  # fmt: skip


@pytest.mark.parametrize(("case", "general"), CASES, ids=lambda n: n.kind)
def test_special_cases_have_the_bits_of_the_models_that_they_are(case, general):
    for dtype, engine in product((np.float64, np.float32), ("reference", "asynchronous")):
        networks = [recurrent(neuron) for neuron in (case, general)]
        weights, how = weights_of(networks[0], dtype=dtype), {"engine": engine}
        one, two = (es.simulate(n, weights, events(), **how) for n in networks)
        assert len(one.spikes["p"]) > 100
        assert_same(one, two)
    if not case.predicts:
        assert not general.predicts
        networks = [one_layer(neuron) for neuron in (case, general)]
        weights, how = weights_of(networks[0], dtype=np.float32), {"engine": "feedforward"}
        assert_same(*(es.simulate(n, weights, events(), **how) for n in networks))


def test_a_second_current_that_is_never_used_changes_no_bit():
    one = GeneralLIF(9e3, 0.3, tau_syn_us=4e3, bias=0.1)
    two = replace(one, tau_inhibitory_us=7e3)
    stream = events()
    weights = [np.abs(w) for w in weights_of(one_layer(one))]
    found = [es.simulate(one_layer(n), weights, stream).spikes["p"] for n in (one, two)]
    assert len(found[0]) > 50
    np.testing.assert_array_equal(found[0].t, found[1].t)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_weight_that_is_the_threshold_fires_in_any_dtype(dtype):
    stream = es.EventStream([5], [0], (1, 1, 8), duration=9)
    for neuron in (GeneralLIF(9e3, 0.9), es.LIF(9e3, 0.9)):
        record = es.simulate(one_layer(neuron, 1), [np.full((8, 1), 0.9, dtype)], stream,
                             until_us=200)  # fmt: skip
        assert record.spikes["p"].t.tolist() == [105.0]


def integrated(model, inputs, end):
    """Spike times by numerical integration from one delivery to the next."""
    tau, taus = model.tau_mem_us, (model.tau_syn_us, model.tau_inhibitory_us)
    y, t, ready, spikes = np.array([model.rest, 0.0, 0.0]), 0.0, 0.0, []
    reset, alone = model.reset, model.tau_syn_us or model.rest + model.bias > model.threshold

    def slope(now, y):
        v, i, k = y
        rest = now < ready
        out = [
            (model.rest + model.bias - v + i + k) / tau,
            -i / (taus[0] or 1),
            -k / (taus[1] or 1),
        ]
        out[0] *= not (rest and model.hold_v)
        return [out[0], *(np.array(out[1:]) * (not (rest and model.hold_current)))]

    def crossed(now, y):
        return y[0] - model.threshold if alone and now >= ready else -1.0

    crossed.terminal, crossed.direction = True, 1
    while t < end:
        stop = min(s for s in (*(when for when, _ in inputs), ready, end) if s > t)
        how = {"rtol": 1e-11, "atol": 1e-13, "max_step": 100.0, "method": "DOP853"}
        solved = solve_ivp(slope, (t, stop), y, events=crossed, **how)
        t, y = solved.t[-1], solved.y[:, -1]
        reached = solved.status == 1
        if not reached:
            t = stop
            for weight in (w for when, w in inputs if when == t):
                place = 0 if not taus[0] else 2 if taus[1] and weight < 0 else 1
                y[place] += weight * (t >= ready or (place > 0 and not model.hold_current))
            touched = alone or any(when == t for when, _ in inputs)
            reached = touched and t >= ready and y[0] >= model.threshold
        if reached:
            spikes.append(t)
            step = model.threshold - model.rest
            y[0] = {"rest": model.rest, "subtract": y[0] - step}.get(reset, reset)
            ready = t + model.refractory_us
    return np.array(spikes)


NEST = {"threshold": -55.0, "rest": -70.0}
MODELS = [
    GeneralLIF(10_000.0, **NEST, refractory_us=2_000, bias=16.0),
    GeneralLIF(10_000.0, **NEST, refractory_us=2_000, bias=9.0, reset=-62.0, hold_v=False),
    GeneralLIF(10_000.0, **NEST, refractory_us=500, reset="subtract", bias=5.0),
    GeneralLIF(5_000.0, **NEST, tau_syn_us=2_000.0, bias=12.0, refractory_us=900, reset=-75.0),
    GeneralLIF(5_000.0, **NEST, tau_syn_us=9_000.0, refractory_us=700, hold_current=True),
    GeneralLIF(5_000.0, **NEST, tau_syn_us=5_000.0, refractory_us=700, hold_v=False),
    GeneralLIF(9_000.0, **NEST, tau_syn_us=3_000.0, tau_inhibitory_us=8_000.0, bias=16.0),
    GeneralLIF(9_000.0, **NEST, tau_syn_us=8_000.0, tau_inhibitory_us=3_000.0, refractory_us=400),
    GeneralLIF(6_000.0, **NEST, tau_syn_us=4_000.0, tau_inhibitory_us=9_000.0, refractory_us=500,
               hold_v=False, hold_current=True, reset="subtract"),
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.synapses} {m.reset}")
def test_spikes_are_where_a_numerical_integration_finds_them(model):
    rng = np.random.default_rng(7)
    times = np.sort(rng.choice(np.arange(1, 60_000), 60, replace=False))
    weights = np.array([[9.0], [30.0], [-12.0], [14.0]]) * (1 + model.synapses) / 2
    units = rng.integers(0, 4, 60)
    network = es.Network(
        (es.Population("in", (1, 1, 4)), es.Population("p", 1, model)),
        (es.Connection("in", "p", es.Dense(4, 1)),),
    )
    inputs = list(zip(times.astype(float), weights[units, 0], strict=True))
    expected = integrated(model, inputs, 60_000.0)
    assert len(expected) > 5
    for engine in ("reference", "asynchronous"):
        stream = es.EventStream(times, units, (1, 1, 4), duration=60_000)
        spikes = es.simulate(network, [weights], stream, engine=engine).spikes["p"]
        np.testing.assert_allclose(spikes.t, expected, rtol=0, atol=1e-4)


def test_a_constant_current_fires_at_its_known_period_with_delta_synapses():
    """As iaf_psc_delta: C dV/dt = -C (V - E) / tau + I is a bias of I tau / C."""
    model = GeneralLIF(10_000.0, **NEST, refractory_us=2_000, bias=16.0)
    driven = replace(model, bias=0.0)
    period = 10_000.0 * np.log(16.0 / (16.0 - 15.0))
    for engine, drive in product(("reference", "asynchronous"), (None, es.ConstantCurrent(16.0))):
        cells = es.Population("p", 2, model if drive is None else driven, drive)
        run = es.simulate(es.Network((cells,)), {}, until_us=200_000, engine=engine, state=None)
        t = run.spikes["p"].t[::2]
        np.testing.assert_allclose(t, period + (period + 2_000.0) * np.arange(len(t)), rtol=1e-12)
        assert len(t) == 6


def test_a_current_that_steps_leads_where_the_equation_does_with_a_delta_synapse_between():
    drive = es.StepCurrent((0, 20_000, 40_000), (0.9, 1.8, 0.0))
    network = one_layer(GeneralLIF(10_000.0, refractory_us=40_000), 1, drive)
    stream = es.EventStream([4_900], [0], (1, 1, 8), duration=100_000)
    weights = [np.full((8, 1), -0.2)]
    v = 0.9 * (1 - np.exp(-2)) - 0.2 * np.exp(-1.5)
    for engine in ("reference", "asynchronous", "auto"):
        t = es.simulate(network, weights, stream, engine=engine).spikes["p"].t
        np.testing.assert_allclose(t, 20_000 + 10_000 * np.log([(1.8 - v) / 0.8]), rtol=1e-12)
    with pytest.raises(UserError, match="cannot run this network"):
        es.simulate(network, weights, stream, engine="feedforward")


def test_the_first_crossing_with_two_currents_is_the_one_that_a_scan_finds():
    rng, found = np.random.default_rng(0), []
    s = np.linspace(0, 40.0, 2_001)
    for _ in range(150):
        taus = rng.choice([1.0, 2.0, 5.0, 5.0 + 1e-9], 3)
        target = rng.choice([0.0, 0.6, 1.3])
        c = LIFConstants(*taus, target, 1.0, 2, True, False)
        state = rng.uniform(-3, 1), *(rng.normal(0, 6, 2) * (1, -1))
        when = predicted(state, 0.0, 0.0, -INF, c)
        above = np.flatnonzero([moved(state, x, c)[0] >= 1.0 for x in s])
        first = s[above[0]] if above.size else INF
        if first == INF:
            # Between two points of the scan it may touch the threshold, or long after.
            assert when == INF or when > 39 or moved(state, when - 0.01, c)[0] > 0.97
        else:
            assert first - 0.0201 <= when <= first
            assert moved(state, when, c)[0] == pytest.approx(1.0, abs=1e-9) or when == 0.0
        found.append(first)
    assert 20 < np.isinf(found).sum() < 130


def any_model(rng, n):
    """With numbers for all, or for each of n neurons."""

    def some(*values):
        one = [float(value) for value in rng.choice(values, n)]
        return one if rng.random() < 0.4 else one[0]

    synapses = int(rng.integers(3))
    return GeneralLIF(
        tau_mem_us=some(3e3, 9e3, 2e4),
        threshold=some(0.2, 0.5, 1.0),
        rest=some(-0.5, -0.8, 0.0),
        reset=[some(-0.7, -1.0, 0.1), "rest", "subtract"][rng.integers(3)],
        bias=some(0.0, 0.0, 0.3, 1.8),
        refractory_us=some(0, 300, 1500),
        tau_syn_us=some(2e3, 5e3, 9e3) if synapses else None,
        tau_inhibitory_us=some(2e3, 7e3, 15e3) if synapses > 1 else None,
        hold_v=bool(rng.integers(2)),
        hold_current=bool(rng.integers(2)),
    )


def test_networks_of_any_such_neurons_have_the_record_of_the_reference_engine():
    seen, driven = [], es.StepCurrent((0, 5_000, 15_000), (0.0, 0.9, -0.3))
    for seed in range(24):
        rng = np.random.default_rng(seed)
        network = recurrent(any_model(rng, 6), driven if seed % 4 == 0 else None)
        weights, how = weights_of(network, seed, 1.5), {"event_budget": 2_000}
        stream = events(seed, 120, 20_000)
        try:
            one = es.simulate(network, weights, stream, engine="reference", **how)
        except RunawayError:
            continue
        assert_same(one, es.simulate(network, weights, stream, engine="asynchronous", **how))
        seen.append((len(one.spikes["p"]), network["p"].neuron.synapses))
    assert len(seen) > 15 and sum(n for n, _ in seen) > 2_000
    assert {synapses for _, synapses in seen} == {0, 1, 2}


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_a_run_in_pieces_from_saved_states_is_one_run(seed, tmp_path):
    network = recurrent(any_model(np.random.default_rng(seed), 6))
    weights, stream = weights_of(network), events(seed)
    whole = es.simulate(network, weights, stream, engine="asynchronous", state=True)
    state, t = es.State.start(network), []
    for begin, end in ((0, 9_001), (9_001, 30_000), (30_000, 60_000)):
        record = es.simulate(network, weights, stream.between(begin, end), state=state)
        t += record.spikes["p"].t.tolist()
        record.state.save(tmp_path / "s.npz")
        state = es.State.load(tmp_path / "s.npz")
    assert len(t) > 20 and t == whole.spikes["p"].t.tolist()
    named = state.of(network)["p"]
    assert tuple(named) == (*network["p"].neuron.variables, "clock", "ready", "next")
    for name in named:
        np.testing.assert_array_equal(named[name], whole.state["p"][name])
    traces = es.potentials(network, weights, stream, "p")
    fired = [sum(one.reached is not None for one in traces._kept[unit]) for unit in range(6)]
    np.testing.assert_array_equal(fired, np.bincount(whole.spikes["p"].unit, minlength=6))


def test_parameters_a_neuron_are_those_of_neurons_alone():
    bias, rest = [0.0, 0.4, 1.5], (-0.5, 0.0, 0.2)
    many = GeneralLIF(9e3, rest=rest, bias=np.array(bias), tau_syn_us=4e3, refractory_us=[0, 5, 9])
    weights, stream = [np.full((8, 3), 0.3)], events()
    whole = es.simulate(one_layer(many, 3), weights, stream).spikes["p"]
    for unit in range(3):
        own = es.simulate(one_layer(many.of(unit), 3), weights, stream).spikes["p"]
        mine = own.t[own.unit == 0]
        assert len(mine) > 3 and many.of(unit).bias == bias[unit]
        np.testing.assert_array_equal(whole.t[whole.unit == unit], mine)


def test_such_neurons_come_back_from_a_file(tmp_path):
    for seed in range(6):
        network = recurrent(any_model(np.random.default_rng(seed), 6))
        network.save(tmp_path / "net.toml")
        assert es.load_network(tmp_path / "net.toml")[0]["p"].neuron == network["p"].neuron
    assert len(repr(GeneralLIF(9.0, bias=np.zeros(10_000)))) < 60


NAN = float("nan")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tau_mem_us": 0.0}, "tau_mem_us is 0.0; give a number from"),
        ({"tau_mem_us": NAN}, "tau_mem_us is nan"),
        ({"tau_mem_us": [9.0, -1.0]}, "tau_mem_us of neuron 1 is -1.0"),
        ({"tau_mem_us": INF, "bias": 0.1}, "tau_mem_us is inf; a current needs a leak"),
        ({"tau_mem_us": INF, "tau_syn_us": 9.0}, "tau_mem_us is inf; a current needs a leak"),
        ({"tau_syn_us": -3.0}, "tau_syn_us is -3.0"),
        ({"tau_syn_us": INF}, "tau_syn_us is inf"),
        ({"tau_inhibitory_us": 9.0}, "tau_inhibitory_us without tau_syn_us"),
        ({"threshold": NAN}, "threshold is nan; give a finite number"),
        ({"threshold": "high"}, "threshold is 'high'; give a number, or one a neuron"),
        ({"threshold": True}, "threshold is True; give a number"),
        ({"rest": 1.0}, "rest is 1.0; give a rest below the threshold; a bias leads"),
        ({"rest": [0.0, 2.0]}, "rest of neuron 1 is 2.0"),
        ({"reset": 1.0}, "reset is 1.0; give a reset below the threshold, else a spike never ends"),
        ({"reset": "zeros"}, "reset is 'zeros'; give 'rest', 'zero', 'subtract' or a number"),
        ({"reset": "zero", "threshold": -1, "rest": -2}, "reset is 'zero'; give a reset below"),
        ({"reset": NAN}, "reset is nan"),
        ({"bias": INF}, "bias is inf"),
        ({"bias": [[1.0]]}, "give a number, or one a neuron"),
        ({"bias": np.ma.array([1.0], mask=[True])}, "bias"),
        ({"rest": -1e308, "bias": -1e308}, "target is -inf; give a smaller rest or bias"),
        ({"refractory_us": 0.5}, "refractory_us is 0.5; give whole microseconds"),
        ({"refractory_us": [1, -1]}, "refractory_us of neuron 1 is -1.0"),
        ({"bias": [1, 2], "rest": [0, 0, 0]}, "other numbers of values: rest 3, bias 2"),
        ({"hold_v": 1}, "hold_v is 1; give true or false"),
    ],
)
def test_wrong_parameters_are_refused(given, words):
    with pytest.raises(UserError, match=words):
        GeneralLIF(**{"tau_mem_us": 9e3, **given})


def test_what_does_not_fit_its_population_or_dtype_is_refused():
    with pytest.raises(UserError, match="population p: general_lif has parameters for 2 neurons"):
        es.Population("p", 3, GeneralLIF(9e3, bias=[1, 2]))
    network = one_layer(GeneralLIF(9e3, bias=[0.0, -1e39]), 2)
    with pytest.raises(UserError, match=r"bias of its general_lif neurons is -1e\+39"):
        es.simulate(network, weights_of(network), events(), dtype=np.float32)
    leakless = one_layer(GeneralLIF(INF), 2, es.ConstantCurrent(1.0))
    with pytest.raises(UserError, match="a current needs a leak"):
        es.simulate(leakless, weights_of(leakless), events())


def test_the_state_of_a_layer_in_space_has_a_clock_a_neuron():
    """Also of models whose kernels know nothing of clocks that neighbours share."""
    stream = es.EventStream([1_000, 9_000], [0, 15], (1, 4, 4), duration=20_000)
    connection = es.Connection("in", "h", es.Conv2d((4, 4, 1), 2, 2, planar=True))
    for neuron in (es.LIF(2e4), es.neurons.GradedLIF(2e4), GeneralLIF(2e4)):
        populations = es.Population("in", (1, 4, 4)), es.Population("h", (3, 3, 2), neuron)
        network = es.Network(populations, (connection,))
        weights = [np.full(connection.topology.weight_shape, 0.3)]
        record = es.simulate(network, weights, stream, state=True)
        clock, v = record.state["h"].clock, record.state["h"].v
        assert clock[0, 0].tolist() == [1_000] * 2 and clock[2, 2].tolist() == [9_000] * 2
        assert v[2, 2] == pytest.approx(0.3 * np.exp(-11 / 20)) and v[1, 1, 0] == 0


@threaded
def skipped(states, most, found):
    """Note which states surely rest, and when those come to the threshold all the same."""
    for row in range(len(states)):
        v, i, threshold, tau_mem, tau_syn, target = states[row]
        found[row, 0] = stays_below(v, i, threshold, target, most[row])
        found[row, 1] = crossing(v, i, threshold, (tau_mem, tau_syn, target))


def test_no_crossing_is_missed_by_the_bound_in_a_million_states():
    rng, n = np.random.default_rng(0), 10**6
    v, i, target = rng.normal(0, 1, n), rng.normal(0, 3, n), rng.normal(0, 0.7, n)
    v[::2], target[::2] = 0.0, 0.0  # where the bound is what v comes to
    i[::2] = np.abs(i[::2])
    tau_mem = 10 ** rng.uniform(0, 5, n)
    tau_syn = tau_mem * np.where(rng.random(n) < 0.2, 1 + rng.normal(0, 1e-9, n), 1)
    tau_syn *= np.where(rng.random(n) < 0.7, 10 ** rng.uniform(-2, 2, n), 1)
    most = np.array([largest_response(*pair) for pair in zip(tau_mem, tau_syn, strict=True)])
    v[1::4] = target[1::4] + i[1::4] * rng.uniform(0.9, 1, n // 4)  # as high as its current
    top = np.maximum(v, target)
    bound = top + np.maximum(i - (top - target), 0) * most
    apart = rng.choice([-1, 1], n) * 10 ** rng.uniform(-16, 0, n)
    states = np.stack([v, i, bound + np.abs(bound) * apart, tau_mem, tau_syn, target], 1)
    found = np.zeros((n, 2))
    skipped(states, most, found)
    rests, when = found[:, 0] > 0, found[:, 1]
    assert np.isinf(when[rests]).all()
    # Nearly all that may be skipped are, and nearly all others of the first half do come there.
    assert rests.mean() > 0.35 and np.isfinite(when[::2][~rests[::2] & (apart[::2] < -1e-9)]).all()
