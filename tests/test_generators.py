"""Generators and several inputs: the same bits on every engine, in one run and piece by piece."""

import copy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import chi2, kstest
from test_simulate import assert_same

import eventsnn as es
from eventsnn import registry
from eventsnn.engines.asynchronous import pace
from eventsnn.engines.running import How, run
from eventsnn.generators import SpikeGenerator
from eventsnn.network.file import load_network

LIF = es.LIF(tau_us=20_000, refractory_us=2_000)
CUBA = es.CubaLIF(tau_mem_us=20_000, tau_syn_us=5_000, refractory_us=2_000)
STEPS = es.StepCurrent((0, 3_001, 15_000), (0.4, 1.6, -0.5))


def recurrent(neuron=LIF, drive=None):
    """Two inputs with generators, one for a recording, a recurrent population, and a readout."""
    noise = es.Population("noise", (40,), generator=es.Poisson(rate_hz=60, seed=7))
    beat = es.Population("beat", (5,), generator=es.Regular(interval_us=4_000, seed=1))
    eye = es.Population("eye", (1, 2, 3))
    cells = es.Population("cells", (30,), neuron, drive)
    out = es.Population("out", (3,), es.Readout(tau_us=10_000))
    rule = es.FixedOutDegree(8, seed=3)
    connections = (
        es.connect(noise, cells, rule, delay_us=es.Uniform(0, 3_000, seed=1)),
        es.connect(beat, cells, rule),
        es.connect(eye, cells, rule, delay_us=700),
        es.connect(cells, cells, rule, delay_us=es.Uniform(500, 2_000, seed=2)),
        es.connect(cells, out, es.AllToAll()),
    )
    network = es.Network((noise, out, beat, cells, eye), connections)
    weights = [es.Normal(0.3, 0.2, k) for k in range(3)] + [es.Normal(0.1, 0.2, 3), 0.5]
    return network, weights


def a_recording():
    rng = np.random.default_rng(2)
    t = np.sort(rng.integers(0, 25_000, 60))
    return es.EventStream(t, rng.integers(0, 6, 60), (1, 2, 3), duration=30_000)


@pytest.mark.parametrize(("neuron", "drive"), [(LIF, None), (CUBA, None), (CUBA, STEPS)])
def test_several_inputs_give_the_same_record_on_every_engine_and_in_any_pieces(neuron, drive):
    network, weights = recurrent(neuron, drive)
    stream, options = a_recording(), {"dtype": np.float64}
    reference = es.simulate(network, weights, {"eye": stream}, engine="reference", **options)
    whole = es.simulate(network, weights, stream, **options)
    assert_same(reference, whole)
    assert min(whole.counts.spikes[0, [0, 2, 3, 4]]) > 20
    parts, state = [], es.State.start(network)
    for begin, end in ((0, 3_001), (3_001, 11_111), (11_111, 30_000)):
        part = es.simulate(network, weights, stream.between(begin, end), state=state, **options)
        parts.append(part)
        state = part.state
    for field in ("t", "unit", "value"):
        joined = np.concatenate([getattr(part.spikes["cells"], field) for part in parts])
        np.testing.assert_array_equal(getattr(whole.spikes["cells"], field), joined)
    np.testing.assert_array_equal(sum(p.counts.spikes for p in parts), whole.counts.spikes)
    np.testing.assert_array_equal(parts[-1].readouts["out"].final, whole.readouts["out"].final)


def test_what_a_run_draws_at_a_time_and_who_watches_it_changes_nothing(monkeypatch):
    network, weights = recurrent(CUBA, STEPS)
    whole = es.simulate(network, weights, a_recording())
    monkeypatch.setattr(pace, "_DRAWN", 7)
    assert_same(whole, es.simulate(network, weights, a_recording()))
    seen = []
    how = How(progress=lambda now: seen.append(now) or True)
    assert_same(whole, run(network, weights, a_recording(), None, how))
    assert len(seen) > 6 and seen == sorted(seen)


def test_a_run_that_is_stopped_keeps_what_was_simulated():
    network, weights = recurrent(CUBA, STEPS)
    how = How(progress=lambda now: now < 12_000)
    stopped = run(network, weights, a_recording(), None, how)
    end = float(stopped.duration[0])
    assert 12_000 <= end < 30_000
    assert_same(stopped, es.simulate(network, weights, a_recording(), until_us=end))


def test_a_generator_in_place_of_a_recording_is_the_recording_that_it_makes():
    source, cells = es.Population("in", (50,)), es.Population("cells", (20,), LIF)
    network = es.Network((source, cells), (es.connect(source, cells, es.FixedInDegree(10, 1)),))
    poisson = es.Poisson(rate_hz=80, seed=4)
    stream = poisson.stream(50, 300_000)
    for engine in ("asynchronous", "feedforward", "reference", "auto"):
        one, other = (
            es.simulate(network, [0.3], given, engine=engine, until_us=300_000)
            for given in (poisson, stream)
        )
        assert_same(one, other)
        assert one.counts.spikes[0].tolist() == [len(stream), len(one.spikes["cells"])]
        assert len(one.spikes["cells"]) > 100
    batch = es.EventBatch.from_streams([stream, stream])
    network, weights = recurrent()
    with pytest.raises(es.UserError, match="sensor of"):
        es.simulate(network, weights, batch)


def test_every_recording_of_a_batch_meets_the_same_noise():
    network, weights = recurrent()
    batch = es.EventBatch.from_streams([replace(a_recording(), label=0)] * 2)
    both = es.simulate(network, weights, batch).spikes["cells"]
    alone = es.simulate(network, weights, a_recording()).spikes["cells"]
    for i in range(2):
        np.testing.assert_array_equal(both.recording(i)[0], alone.t)


@pytest.mark.parametrize("size", [1, 30, 1000])
@pytest.mark.parametrize("rate", [0.01, 15, 9_000])
def test_poisson_trains_are_drawn_alike_in_any_pieces(rate, size):
    poisson = es.Poisson(rate, seed=3, start_us=1_234, stop_us=1_500_000)
    end = min(2_000_000, int(2e9 / rate / size) + 40_000)
    t, unit = poisson.spikes(size, 0, end)
    assert (np.diff(t * size + unit) >= 0).all() and ((t >= 1_234) & (t < 1_500_000)).all()
    cuts = sorted([0, 1, 1_300, end // 3, min(end, 65_536), end])
    parts = [poisson.spikes(size, *cut) for cut in pairwise(cuts)]
    np.testing.assert_array_equal(t, np.concatenate([p[0] for p in parts]))
    np.testing.assert_array_equal(unit, np.concatenate([p[1] for p in parts]))
    expected = rate * 1e-6 * size * max(0, min(end, 1_500_000) - 1_234)
    assert abs(len(t) - expected) <= 5 * np.sqrt(expected) + 1


def test_poisson_spikes_come_at_any_moment_and_from_any_unit():
    t, unit = es.Poisson(rate_hz=50, seed=11).spikes(40, 0, 20_000_000)
    counts = np.bincount(unit, minlength=40)
    assert 0.001 < chi2.sf(((counts - 1000) ** 2 / 1000).sum(), 40) < 0.999
    gaps = np.diff(t[unit == 3])
    assert kstest(gaps / 20_000, "expon").pvalue > 0.01
    bins = np.histogram(t, np.arange(0, 20_000_001, 10_000))[0]
    assert abs(bins.var() / bins.mean() - 1) < 0.1
    other = es.Poisson(rate_hz=50, seed=12).spikes(40, 0, 100_000)[0]
    assert len(np.intersect1d(other, t)) < 0.2 * len(other)


def test_regular_spikes_are_where_one_counts_them():
    for seed, start, stop in ((None, 0, 10**9), (5, 300, 10**9), (5, 1000, 5000)):
        regular = es.Regular(700, seed, start, stop)
        phase = np.zeros(4, int) if seed is None else np.random.default_rng(5).integers(0, 700, 4)
        wanted = sorted(
            (int(start + phase[u] + 700 * k), u)
            for u in range(4)
            for k in range(40)
            if 100 <= start + phase[u] + 700 * k < min(20_000, stop)
        )
        found = [regular.spikes(4, *cut) for cut in ((100, 400), (400, 401), (401, 20_000))]
        assert [(int(t), int(u)) for part in found for t, u in zip(*part, strict=True)] == wanted


def test_a_current_leads_the_potential_where_the_equation_does():
    cell = es.CubaLIF(tau_mem_us=10_000, tau_syn_us=5_000, refractory_us=1_000)
    for engine in ("reference", "asynchronous"):
        network = es.Network((es.Population("cell", (2,), cell, es.ConstantCurrent(1.5)),))
        t = es.simulate(network, {}, until_us=100_000, engine=engine).spikes["cell"].t[::2]
        period = 10_000 * np.log(1.5 / 0.5)  # from 0 to 1 on the way to 1.5
        np.testing.assert_allclose(t, period + np.arange(len(t)) * (period + 1_000), rtol=1e-9)
        assert len(t) == 8
        # 0.9 for 20 ms, then 1.8: from there it takes tau log((1.8 - v) / 0.8).
        steps = {"cell": es.StepCurrent((0, 20_000, 24_000), (0.9, 1.8, 0.0))}
        t = es.simulate(network, {}, steps, until_us=100_000, engine=engine).spikes["cell"].t
        v = 0.9 * (1 - np.exp(-2))
        assert len(t) == 2
        np.testing.assert_allclose(t, 20_000 + 10_000 * np.log((1.8 - v) / 0.8), rtol=1e-9)
    pulse = es.ConstantCurrent(9.0, start_us=5_000, stop_us=5_500)
    record = es.simulate(network, {}, {"cell": pulse}, until_us=100_000)
    assert record.counts.neuron_updates[0, 0] == 4 and len(record.spikes["cell"]) == 0


def test_a_state_knows_the_current_that_led_to_it():
    network, weights = recurrent(CUBA, STEPS)
    state = es.simulate(
        network, weights, a_recording().between(0, 9_000), state=es.State.start(network)
    ).state
    with pytest.raises(es.UserError, match="made for another network"):
        es.simulate(
            network,
            weights,
            {"eye": a_recording().between(9_000, 30_000), "cells": es.ConstantCurrent(1.0)},
            state=state,
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: es.Poisson(-1, 0), "generator poisson: rate_hz is -1; give from 0 to 1000000.0"),
        (lambda: es.Poisson(float("nan"), 0), "rate_hz is nan"),
        (lambda: es.Regular(0), "generator regular: interval_us is 0; give at least 1"),
        (lambda: es.Regular(2.5), "interval_us is 2.5; give a whole number"),
        (lambda: es.StepCurrent((0, 0), (1, 2)), r"times_us\[1\] is 0, after 0; give increasing"),
        (lambda: es.StepCurrent((0, 5), (1,)), "2 times_us for 1 amplitudes"),
        (lambda: es.StepCurrent((0, -5), (1, 2)), r"times_us\[1\] is -5"),
        (lambda: es.StepCurrent((0,), (float("inf"),)), r"amplitudes\[0\] is inf"),
        (lambda: es.ConstantCurrent(1, 50, 50), "give a start before the stop"),
        (
            lambda: es.Population("E", 3, LIF, es.ConstantCurrent(1)),
            "population E: lif neurons do not integrate a current in closed form; give .* cuba_lif",
        ),
        (lambda: es.Population("in", 3, None, STEPS), "an input population sends spikes"),
        (lambda: es.Population("E", 3, LIF, es.Poisson(1, 1)), "give it a population without a mo"),
        (lambda: es.Population("E", 3, None, "poisson"), "generator is poisson; give an object"),
        (lambda: es.simulate(*recurrent()), "the input eye gets no events; give"),
        (
            lambda: es.simulate(*recurrent(), {"eye": a_recording()}, until_us=np.inf),
            "the generator of noise never ends",
        ),
        (lambda: es.simulate(*recurrent(), {"ear": a_recording()}), "called 'ear'; there are"),
        (lambda: es.simulate(*recurrent(), {"cells": a_recording()}), "cells has lif neurons and"),
        (lambda: es.simulate(*recurrent(), {"cells": STEPS}), "population cells: lif neurons do"),
        (lambda: es.simulate(*recurrent(), {"eye": "events"}), "events is a str; give"),
        (
            lambda: es.simulate(es.Network((es.Population("cell", 1, CUBA, STEPS),)), {}),
            "generators never end; give until_us",
        ),
        (
            lambda: es.simulate(
                es.Network((es.Population("c", 1, CUBA, STEPS),)), {}, a_recording()
            ),
            "inputs that wait for them: none",
        ),
        (
            lambda: es.simulate(
                es.Network((es.Population("a", 6), es.Population("b", 6))), {}, a_recording()
            ),
            "inputs that wait for them: a, b; give a mapping",
        ),
        (lambda: es.Poisson(1e6, 1).stream(10**6, 10**9), "spikes at once: it needs .* of memory"),
        (lambda: es.Regular(1).stream(1, -1), "end_us is -1; give whole microseconds"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(make, message):
    with pytest.raises(es.UserError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)


def test_a_record_says_why_it_has_nothing_of_a_population():
    network, weights = recurrent()
    record = es.simulate(network, weights, a_recording(), record=[])
    for what, name, message in (
        ("spikes", "cell", "no population 'cell'; noise, out, beat, cells, eye"),
        ("spikes", "cells", "simulate with record='all'"),
        ("spikes", "out", "it is in record.readouts"),
        ("spikes", "eye", "it is an input and sent what it was given$"),
        ("spikes", "noise", r"given: network\['noise'\].generator.stream\(40, until_us\)"),
        ("readouts", "cells", "no readouts of cells; record.readouts has out"),
        ("unit_spikes", "cells", "record.unit_spikes has none"),
    ):
        kept = getattr(record, what)
        with pytest.raises(es.UserError, match=message):
            kept[name]
        with pytest.raises(KeyError):
            copy.deepcopy(kept)[name]
        assert kept.get(name) is None and name not in kept


def test_rules_learn_from_one_recorded_input_alone():
    network, weights = recurrent(CUBA)
    record = es.simulate(network, weights, a_recording())
    from eventsnn.rules.eventprop.gradients import eventprop

    with pytest.raises(es.UserError, match="only simulate takes these"):
        eventprop(network, weights, a_recording(), record, {})


def test_generators_of_a_file_are_those_of_python_and_are_written_back(tmp_path):
    network, weights = recurrent(CUBA, STEPS)
    arrays = network.shaped(weights)
    network.save(tmp_path / "net.toml", arrays)
    again, read = load_network(tmp_path / "net.toml")
    for one, other in zip(network.populations, again.populations, strict=True):
        assert one == other
    assert_same(
        es.simulate(network, arrays, a_recording()), es.simulate(again, read, a_recording())
    )


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        ('kind = "poison", seed = 1', r"population\[0\].generator.kind is 'poison'; give constant"),
        ('kind = "poisson", rate_hz = 9', r"population\[0\].generator lacks the key seed"),
        ('kind = "poisson", rate_hz = nan, seed = 1', r"generator.rate_hz is nan; give a finite"),
        ('kind = "step_current", times_us = 5, amplitudes = [1]', "times_us is 5; give a list"),
        ('kind = "constant_current", amplitude = 1', "an input population sends spikes"),
    ],
)
def test_a_wrong_generator_in_a_file_is_refused_with_its_key(generator, message, tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(f'[[population]]\nname = "in"\nshape = 5\ngenerator = {{ {generator} }}\n')
    with pytest.raises(es.DataError, match=message):
        load_network(path)


def test_a_generator_of_ones_own_runs():
    @registry.register
    @dataclass(frozen=True)
    class Once(SpikeGenerator):
        kind: ClassVar[str] = "once"

        def rate(self, size):
            return 1e-3 * size

        def spikes(self, size, begin, end):
            hit = begin <= 500 < end
            return np.full(size * hit, 500), np.arange(size * hit, dtype=np.int32)

    source, cells = es.Population("in", (3,), generator=Once()), es.Population("cells", (3,), LIF)
    network = es.Network((source, cells), (es.connect(source, cells, es.OneToOne()),))
    assert es.simulate(network, [1.0], until_us=2_000).spikes["cells"].t.tolist() == [500.0] * 3
