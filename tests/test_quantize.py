"""Networks in whole numbers: how they are rounded, kept, bounded and refused."""

import json
import math

import numpy as np
import pytest

import eventsnn as es
from eventsnn.__main__ import main
from eventsnn.exchange.integers import bounds, reference
from eventsnn.exchange.integers.precision import Precision
from eventsnn.exchange.integers.quantize import quantize_with
from eventsnn.files.arrays import read_safetensors
from eventsnn.measure.anytime_any import read_any
from eventsnn.measure.anytime_kernel import Arrivals, Read, read_out
from eventsnn.network.whole.scales import fitted, most_of


def recordings(n=12, events=150, seed=0):
    rng = np.random.default_rng(seed)
    made = []
    for k in range(n):
        t = np.sort(rng.integers(0, 100_000, events))
        label = k % 3
        unit = np.where(rng.random(events) < 0.5, rng.integers(0, 72, events), 24 * label + 5)
        made.append(es.EventStream(t, unit, (2, 6, 6), label, 100_000))
    return made


def trained(hidden=None, layers="6x6x2-4c3-2p-3", rule=None, seed=1):
    """A network that nobody trained, with weights that let it fire."""
    rng = np.random.default_rng(seed)
    network = es.layers(layers, hidden or es.LIF(20_000), es.Readout(30_000))
    weights = {
        c.name: rng.normal(0.1, 0.3, c.topology.weight_shape)
        for c in network.connections
        if c.topology.default_weights() is None
    }
    rule = rule or es.rules.GivenWeights()
    return es.Classifier(network, rule, epochs=1).with_weights(network, weights, recordings())


def test_a_threshold_is_a_whole_number_of_scales_and_every_weight_is_at_most_half_a_scale_off():
    rng = np.random.default_rng(0)
    for bits in range(2, 17):
        weights = rng.normal(0, 0.1, 300)
        found = fitted(weights, 0.7, bits)
        assert found.threshold * found.scale == pytest.approx(0.7, rel=1e-12)
        assert np.abs(found.q).max() <= most_of(bits) and (found.q == np.rint(found.q)).all()
        kept = np.abs(weights) <= most_of(bits) * found.scale
        assert (np.abs(weights - found.scale * found.q)[kept] <= found.scale / 2 + 1e-12).all()
        assert kept.mean() > 0.6


@pytest.mark.parametrize("threshold", [0.7, None])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_what_was_rounded_once_is_found_again_without_an_error(threshold, bits):
    rng = np.random.default_rng(bits)
    for _ in range(20):
        first = fitted(rng.normal(0, rng.choice([0.01, 0.3, 4.0]), 50), threshold, bits)
        kept = (first.scale * first.q).astype(np.float32).astype(float)
        again = fitted(kept, threshold, bits)
        np.testing.assert_allclose(again.scale * again.q, kept, rtol=1e-6)


def test_no_scale_of_those_that_are_tried_leaves_a_smaller_error():
    rng = np.random.default_rng(3)
    weights, shares = rng.standard_t(3, 200), rng.random(200)
    found = fitted(weights, 1.0, 4, shares)

    def error(number):
        q = np.clip(np.rint(weights * number), -7, 7)
        return (shares * (weights - q / number) ** 2).sum()

    assert error(found.threshold) <= min(error(n) for n in range(1, 200)) * (1 + 1e-9)


def test_of_one_bit_weights_are_their_signs():
    found = fitted(np.array([0.5, -0.1, 0.0, 0.2]), 1.0, 1)
    assert found.q.tolist() == [1, -1, 1, 1]


def test_pooling_becomes_ones_against_a_threshold_of_its_window():
    whole = es.quantize(trained())
    pool = next(c for c in whole.network_.connections if c.topology.kind == "pool2d")
    before = trained().network_[pool.target].neuron.threshold
    weight = trained().network_.weights(trained().weights_)[1][0]
    neuron = whole.network_[pool.target].neuron
    assert whole.weights_[pool.name].tolist() == [1.0]
    assert neuron.threshold == round(before / weight) << neuron.fraction


def test_a_convolution_has_a_threshold_a_channel_a_layer_one_and_a_readout_none():
    by_channel, by_layer = (es.quantize(trained(), scales=s) for s in ("channel", "layer"))
    first = by_channel.network_.populations[1].neuron
    assert len(first.threshold) == 4
    assert isinstance(by_layer.network_.populations[1].neuron.threshold, int)
    assert not hasattr(by_channel.network_.populations[-1].neuron, "threshold")


@pytest.mark.parametrize("hidden", [es.IF(), es.LIF(20_000, reset="zero", refractory_us=500)])
def test_with_16_bits_the_outputs_are_those_of_floats_but_for_rounding(hidden):
    model = trained(hidden, "6x6x2-8-3")
    whole = es.quantize(model, 16, most_events=2_000)
    for stream in recordings():
        exact = es.simulate(model.network_, model.weights_, stream).readouts["output"].integral
        found = es.simulate(whole.network_, whole.weights_, stream).readouts["output"].integral
        gain = whole.learner.rule.options.gain
        np.testing.assert_allclose(gain * found, exact / 30_000, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("bits", [8, 4, 1, 12])
def test_what_is_saved_is_read_again_with_the_bits_of_plain_ints(bits, tmp_path):
    model = trained()
    whole = es.quantize(model, bits, data=recordings())
    whole.save(tmp_path / "q")
    arrays, _ = read_safetensors(tmp_path / "q" / "model.safetensors")
    kept = [a for name, a in arrays.items() if name.startswith("weights.")]
    assert {a.dtype for a in kept} == {np.dtype(np.int8 if bits <= 8 else np.int16)}
    assert all(np.abs(a).max() <= most_of(bits) for a in kept)
    again, streams, fired = es.load(tmp_path / "q"), recordings(), 0
    for stream in streams:
        run = reference.run(again.network_, again.weights_, stream)
        outputs = [p.integral for p in run.potentials["output"]]
        fired += len(run.spikes[again.network_.populations[1].name])
        said = int(np.argmax(outputs)) if any(outputs) else -1
        assert again.predict(stream) == said == whole.predict(stream)
    assert fired > 50


def test_recordings_with_more_events_than_the_bounds_hold_are_refused():
    whole = es.quantize(trained(layers="6x6x2-8-3"), most_events=200)
    most = whole.learner.rule.options.most_events
    assert most >= 200
    assert most == bounds.most_events(whole.network_, whole.weights_)
    many = es.EventStream(np.arange(most + 1), np.zeros(most + 1, int), (2, 6, 6), 0)
    with pytest.raises(es.DataError, match=f"has {most + 1} events, the network takes {most}"):
        whole.predict(many)


def test_a_stream_with_more_events_than_the_bounds_hold_is_refused_also_after_loading(tmp_path):
    whole = es.quantize(trained(layers="6x6x2-8-3"), most_events=200)
    most = whole.learner.rule.options.most_events
    piece = es.EventStream(np.arange(most), np.zeros(most, int), (2, 6, 6), 0, most)
    more = es.EventStream([most + 5], [3], (2, 6, 6))
    session, other = es.Session(whole), es.Session(whole)
    session.push(piece)
    session.save(tmp_path / "s.npz")
    other.load(tmp_path / "s.npz")
    for one in (session, other):
        with pytest.raises(es.DataError, match=f"stream since .* has {most + 1} .* takes {most}"):
            one.push(more)
        one.push(None, until_us=2 * most)
    session.reset()
    assert session.push(piece).events == most


def test_a_network_of_whole_numbers_is_no_teacher_and_no_start(tmp_path):
    es.quantize(trained()).save(tmp_path / "q")
    for option, given in (("start_from", str(tmp_path / "q")), ("teacher", (str(tmp_path / "q"),))):
        learner = es.Classifier("6x6x2-8-3", "adjoint", epochs=1, **{option: given})
        with pytest.raises(es.UserError, match=f"is in whole numbers; give {option} the network"):
            learner.fit(recordings())


def test_a_leak_of_minutes_stays_a_leak_and_one_that_is_dropped_is_named():
    cases = (es.LIF(9e8), 9e8, 0), (es.LIF(1e9), math.inf, 1e9), (es.IF(), math.inf, 0)
    for hidden, kept, dropped in cases:
        made = quantize_with(trained(hidden, "6x6x2-8-3"), Precision(), None)
        neuron = made.model.network_.populations[1].neuron
        assert neuron.tau_us == kept and (neuron.fraction > 0) == math.isfinite(kept)
        assert [layer.dropped_tau_us for layer in made.told.layers] == [dropped, 0]


def test_what_has_no_form_in_whole_numbers_is_refused_by_name():
    with pytest.raises(es.UserError, match="hidden1 has cuba_lif neurons"):
        es.quantize(trained(es.CubaLIF(20_000, 5_000), "6x6x2-8-3"))
    with pytest.raises(es.UserError, match="bits"):
        es.quantize(trained(), 17)
    with pytest.raises(es.UserError, match="potentials of hidden1 may reach"):
        es.quantize(trained(layers="6x6x2-8-3"), 16, most_events=2_000_000)
    with pytest.raises(es.UserError, match="power of two"):
        es.quantize(trained(), tick_us=3)
    model = trained(layers="6x6x2-8-3")
    looped = es.Network(
        model.network_.populations,
        (*model.network_.connections, es.Connection("hidden1", "hidden1", es.Dense(8, 8), 10)),
    )
    weights = model.weights_ | {"hidden1->hidden1": np.ones((8, 8))}
    recurrent = es.Classifier(looped, es.rules.GivenWeights(), epochs=1)
    with pytest.raises(es.UserError, match="hidden1 is in a cycle"):
        es.quantize(recurrent.with_weights(looped, weights, recordings()))
    with pytest.raises(es.UserError, match="recording of 150 events"):
        es.quantize(model, data=recordings(), most_events=100)


def test_answers_that_stop_early_have_the_scores_of_floats():
    model = trained(es.IF(), "6x6x2-8-3")
    whole = es.quantize(model, 16, most_events=2_000)
    both = [m.learner.until_clear(es.EventBatch.from_streams(recordings()), es.Stop("margin", 0.3))
            for m in (model, whole)]  # fmt: skip
    assert both[0].early.sum() > 3
    np.testing.assert_array_equal(both[0].t_us, both[1].t_us)


def test_any_readout_is_followed_as_the_kernel_follows_its_own():
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, 50, (2, 30)) * 1_000.0).reshape(-1)
    arrivals = Arrivals(t, rng.integers(0, 4, 60).astype(np.int32), np.array([0, 30, 60]))
    weights, times = rng.normal(size=(4, 3)), np.sort(rng.random((2, 9)) * 60_000).round()
    for tau in (9_000.0, math.inf):
        neuron = es.Readout(tau)
        both = [Read(*(np.empty((2, 9, 3)) for _ in range(3))) for _ in range(2)]
        read_out(arrivals, weights, tau, neuron.decays, times, both[0])
        read_any(neuron, arrivals, weights, times, both[1])
        for one, other in zip(*both, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-9)


def test_the_command_writes_a_folder_that_others_take(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(layers="6x6x2-8-3").save("m")

    def run(*words):
        monkeypatch.setattr("sys.argv", ["eventsnn", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, capsys.readouterr()

    code, said = run("quantize", "m", "--bits", "4", "--out", "q", "--json")
    assert code == 0
    told = json.loads(said.out)
    assert told["bits"] == 4 and told["bytes"]["weights"] == (72 * 8 + 8 * 3) / 2
    assert [row["population"] for row in told["layers"]] == ["hidden1", "output"]
    assert not told["calibrated"] and "before" not in told
    code, said = run("quantize", "m", "--bits", "4", "--out", "q")
    assert code == 2 and "holds a network already" in said.err
    code, said = run("quantize", "q", "--out", "r")
    assert code == 2 and "in whole numbers already" in said.err
    code, said = run("quantize", "m", "--out", "r", "--bits", "0")
    assert code == 2 and "bits" in said.err
    code, said = run("quantize", "m", "--out", "r", "--limit", "3")
    assert code == 2 and "--limit" in said.err
    np.save("long.npy", recordings(1, events=900)[0].to_structured())
    code, said = run("quantize", "m", "--out", "few", "--most-events", "1")
    code, said = run("simulate", "few", "long.npy", "--spikes", "spikes.npz")
    assert code == 2 and "has 900 events, the network takes" in said.err
    assert not (tmp_path / "spikes.npz").exists()
    code, said = run("simulate", "few", "long.npy", "--until", "2ms")
    assert code == 0
    trained(es.LIF(1e9), "6x6x2-8-3").save("slow")
    code, said = run("quantize", "slow", "--out", "table")
    assert code == 0 and "largest potential" in said.out
    assert "hidden1: its time constant of 1e+09 us is taken for none" in said.out


def test_precision_is_kept_as_it_was_asked_for():
    made = quantize_with(trained(), Precision(bits=6, tick_us=16), None)
    assert {p.neuron.tick_us for p in made.model.network_.populations[1:]} == {16}
    assert made.model.saved.info["quantized"] == {"bits": 6, "calibrated": False}
