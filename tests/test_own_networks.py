"""A classifier of a network that a program described: it learns, is saved, and goes on."""

import json

import numpy as np
import pytest
from sklearn.base import clone

import eventsnn as es
from eventsnn.data.readers.film_file import write_film
from eventsnn.train.checkpoint import load_checkpoint, save_checkpoint
from eventsnn.train.model import inherited

SHAPE = (1, 3, 4)


def rows(n, seed):
    """Each class lights its own row of a sensor of 3 x 4."""
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        unit = (rng.integers(0, 4, 30) + 4 * (k % 3)) % 12
        t = np.sort(rng.integers(0, 90_000, 30))
        streams.append(es.EventStream(t, unit, SHAPE, k % 3, duration=100_000))
    return es.EventBatch.from_streams(streams, "rows")


@pytest.fixture(scope="module")
def word(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.safetensors"
    write_film(path, [rows(24, 0), rows(9, 1)], emulated=True)
    return f"events:{path}"


@pytest.fixture(scope="module")
def data(word):
    return es.open_data(word)


def recurrent(neuron, output, name='h "1"\n'):
    """Recurrence with a delay a synapse, sparse, and a connection past the hidden population."""
    rng = np.random.default_rng(0)
    pairs = es.Sparse.from_pairs(rng.integers(0, 8, 20), rng.integers(0, 8, 20), 8, 8)[0]
    return es.Network(
        (es.Population("in", SHAPE), es.Population(name, 8, neuron), es.Population("o", 3, output)),
        (
            es.Connection("in", name, es.Dense(12, 8), 500),
            es.Connection(name, name, pairs, rng.integers(1000, 5000, 20)),
            es.Connection(name, "o", es.Dense(8, 3)),
            es.Connection("in", "o", es.Dense(12, 3), fixed=True, name="past"),
        ),
    )


CASES = {
    "adjoint": (
        es.layers("3x4x1-4c2-3", es.LIF(20_000.0, threshold=0.5), es.Readout(30_000.0)),
        lambda: es.rules.Adjoint(batch=8, dropout=0.0, rate=0.01),
    ),
    "eventprop": (
        recurrent(es.CubaLIF(20_000.0, 5_000.0), es.Readout(30_000.0)),
        lambda: es.rules.EventProp(batch=8, reads="maximum", init_spikes=2.0, init_output=0.3),
    ),
    "stbp": (
        es.layers("12-8-3", es.rules.STBP().options.neuron(), es.rules.STBP().options.neuron()),
        lambda: es.rules.STBP(batch=8, n_steps=8, rate=0.02),
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_network_of_ones_own_learns_is_saved_and_goes_on_to_the_same_bits(
    kind, word, data, tmp_path, call
):
    network, rule = CASES[kind]
    model = es.Classifier(network, rule(), epochs=2, seed=1).fit(data)
    assert model.network_ is network and model.n_features_in_ == 12
    folder = tmp_path / "m"
    model.save(folder)
    again = es.load(folder)
    assert again.network_.to_toml() == network.to_toml()
    assert repr(again.rule) == repr(model.learner.rule) and "\n" not in repr(again)
    np.testing.assert_array_equal(again.predict(data.test), model.predict(data.test))
    for command in (["evaluate"], ["measure"]):
        code, out, err = call(*command, folder, "--data", word, "--json")
        assert code == 0, err
        assert json.loads(out)["accuracy"] == model.score(data.test)
    code, out, err = call("simulate", folder, word, "--index", 0, "--json")
    assert code == 0, err
    # Two epochs and then two more are four.
    whole = es.Classifier(network, rule(), epochs=4, seed=1, **still()).fit(data)
    half = es.Classifier(network, rule(), epochs=4, seed=1, **still())
    stopped(half, data, tmp_path / "half")
    code, out, err = call("train", "--out", tmp_path / "half", "--resume", "--json")
    assert code == 0, err
    ours, theirs = load_checkpoint(tmp_path / "half").arrays, whole._saved.arrays
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


def still():
    return dict.fromkeys(["shift", "rotate", "scale", "elastic", "scatter", "drop"], 0.0)


def stopped(model, data, folder):
    """Train for two of its epochs and leave what Ctrl-C would."""
    from eventsnn.train.options import completed
    from eventsnn.train.trainer import Listener, Trainer

    class Stops(Listener):
        def epoch_ends(self, row):
            if row["epoch"] == 2:
                raise KeyboardInterrupt

    trainer = Trainer(completed(model._asked(), data), data, folder)
    with pytest.raises(KeyboardInterrupt):
        trainer.learn(Stops())


def test_a_network_and_the_layers_that_make_it_learn_the_same_bits(data):
    options = {"batch": 8, "rate": 0.01}
    network = es.layers("3x4x1-4c2-3", es.LIF(30_000.0), es.Readout(30_000.0))
    one = es.Classifier(network, es.rules.Adjoint(**options), epochs=1, **still()).fit(data)
    two = es.Classifier("3x4x1-4c2-3", es.rules.Adjoint(**options), epochs=1, **still()).fit(data)
    for name, array in one.weights_.items():
        np.testing.assert_array_equal(array, two.weights_[name])
    # The word of a rule takes the recipe of convolutions.
    word = es.Classifier(network, "adjoint")._asked()
    assert word.own == es.Classifier("3x4x1-4c2-3", "adjoint")._asked().own
    dense = es.layers("12-5-3", es.LIF(30_000.0), es.Readout(30_000.0))
    assert es.Classifier(dense)._asked().own == es.Classifier("12-5-3")._asked().own != word.own
    assert clone(es.Classifier(network, es.rules.Adjoint())).layers is not None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("neuron", "output"),
    [(es.LIF(20_000.0), es.Readout(30_000.0)), (es.neurons.GradedLIF(20_000.0), es.LIF(20_000.0))],
    ids=["readout", "spikes"],
)
def test_any_network_is_saved_with_its_weights_and_every_command_takes_it(
    neuron, output, dtype, word, data, tmp_path, call
):
    """Recurrent ``lif`` with delays: no rule here learns it, a program may."""
    network, rng = recurrent(neuron, output), np.random.default_rng(2)
    weights = [rng.normal(0.3, 0.4, c.topology.weight_shape) for c in network.connections]
    weights = network.shaped([w.astype(dtype) for w in weights])
    saved = es.save(tmp_path / "m", network, weights, data)
    record = es.simulate(network, weights, data.test, record="counts")
    said = record.unit_spikes["o"] if output.spiking else record.readouts["o"].integral
    assert (said != 0).any(1).all()
    np.testing.assert_array_equal(saved.predict(data.test), said.argmax(1))
    again = es.load(tmp_path / "m")
    for name, array in weights.items():
        assert again.weights_[name].dtype == dtype
        np.testing.assert_array_equal(again.weights_[name], array)
    np.testing.assert_array_equal(again.predict_proba(data.test), saved.predict_proba(data.test))
    for command in ("evaluate", "measure"):
        code, out, err = call(command, tmp_path / "m", "--json")
        assert code == 0, err
        assert json.loads(out)["accuracy"] == saved.score(data.test)
    code, out, err = call("simulate", tmp_path / "m", word, "--index", 1, "--json")
    assert code == 0, err
    assert np.argmax(json.loads(out)["output"]) == said[1].argmax()
    code, _, err = call("train", "--out", tmp_path / "m", "--resume")
    assert code == 2 and "rule given: learns nothing" in err


def test_what_a_rule_cannot_learn_is_said_in_a_line(data, tmp_path):
    lif, cuba = es.LIF(20_000.0), es.CubaLIF(20_000.0, 5_000.0)
    layered = es.layers("12-5-3", lif, es.Readout(30_000.0))
    counting = es.layers("12-5-3", lif, lif)
    r, own = es.rules, es.Classifier
    past = es.Network((es.Population("a", 2, lif), es.Population("in", SHAPE)))
    onward = es.Network(
        (es.Population("in", SHAPE), es.Population("o", 3, lif)),
        (es.Connection("in", "o", es.Dense(12, 3)), es.Connection("o", "o", es.Dense(3, 3), 9)),
    )
    weights = {c.name: np.zeros(c.topology.weight_shape) for c in layered.connections}
    small = es.EventStream.from_arrays(x=[0], y=[0], t=[0], height=1, width=11, label=0)
    for act, message in (
        (
            lambda: own(recurrent(lif, es.Readout())),
            r'adjoint: h "1"\\n->.* has a delay a synapse; give',
        ),
        (lambda: own(layered, "eventprop"), "hidden1"),
        (lambda: own(layered, "deep-spiking"), "makes its network of layers, and takes no Network"),
        (lambda: own(layered, "lee2016"), "lee2016: makes its network of layers"),
        (lambda: own(layered, "hm2bp"), "hm2bp: makes its network of layers"),
        (lambda: own(layered, "stbp"), "stbp: hidden1 has LIF"),
        (lambda: own(counting), "reads integral, the last population output has lif neurons; give"),
        (lambda: own(layered, r.Adjoint(reads="counts")), "reads counts, the last .* readout"),
        (lambda: own(onward, r.Adjoint(reads="counts")), "o sends its spikes on; put an output"),
        (lambda: own(past), "the last population is the input; put the output last"),
        (lambda: own(layered, r.Adjoint(tau_us=1e4)), "tau_us is 10000.0, of layers; the network"),
        (lambda: own(layered, tau_us=1e4), "tau_us is 10000.0, of layers; the network"),
        (lambda: own(recurrent(cuba, es.Readout()), "eventprop", tau_syn_us=1.0), "tau_syn_us is"),
        (
            lambda: own(layered, epochs=1).fit([small]),
            r"takes \(12,\) and tells 3 .* has \(1, 1, 11",
        ),
        (lambda: es.save(tmp_path / "m", 3, {}, data), "save: network is 3; give a Network"),
        (lambda: es.save(tmp_path / "m", layered, {}, data), "none given; give an array of"),
        (lambda: es.save(tmp_path / "m", layered, weights, data, "hm2bp"), "takes no Network"),
        (lambda: es.save(tmp_path / "m", layered, weights, rows(4, 0).part(0, 0)), "no recordings"),
    ):
        with pytest.raises(es.UserError, match=message) as refused:
            act()
        assert "\n" not in str(refused.value), message
    with pytest.raises(es.UserError, match="rule given: learns nothing"):
        own("12-5-3", "given", epochs=1).fit(data)
    assert not (tmp_path / "m").exists()
    saved = es.save(tmp_path / "s", layered, weights, data, es.rules.Adjoint())
    assert saved.learner.rule.kind == "adjoint"
    with pytest.raises(es.UserError, match="has a network of its own, no layers"):
        inherited(tmp_path / "s")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (3, "its network is no text"),
        ("populations = 3", "unknown key 'populations'"),
        ("", "there are no populations"),
    ],
)
def test_a_checkpoint_whose_network_is_damaged_is_refused(text, message, data, tmp_path):
    network, rng = recurrent(es.LIF(20_000.0), es.Readout(30_000.0)), np.random.default_rng(0)
    weights = [rng.normal(0, 1, c.topology.weight_shape) for c in network.connections]
    es.save(tmp_path / "m", network, weights, data)
    saved = load_checkpoint(tmp_path / "m")
    assert {"network.0", "network.1", "network.2"} < set(saved.arrays)
    saved.info["network"] = text
    save_checkpoint(tmp_path / "m", saved)
    with pytest.raises(es.UserError, match=message):
        es.load(tmp_path / "m")
