"""The classifier: scikit-learn's methods, and the network that the command line learns."""

import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

import eventsnn as es
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.rules import rules
from eventsnn.rules.eventprop.gradients import ReadoutErrors, eventprop
from eventsnn.rules.eventprop.rule import LEAST_SLOPE
from eventsnn.train.checkpoint import load_checkpoint

SMALL = {"layers": "2312-12-10", "epochs": 2, "seed": 3}


@pytest.fixture(scope="module")
def data():
    return es.open_data("digits", limit=60)


@pytest.fixture(scope="module")
def model(data):
    return es.Classifier(**SMALL).fit(data)


def test_it_learns_what_the_command_line_learns_bit_for_bit(call, model, data, tmp_path):
    words = ["--rule", "adjoint", "--layers", "2312-12-10", "--epochs", 2, "--seed", 3]
    code, out, _ = call("train", *words, "--limit", 60, "--out", tmp_path / "run", "--json")
    assert code == 0
    saved = load_checkpoint(tmp_path / "run").arrays
    for k, weights in enumerate(model.weights_.values()):
        np.testing.assert_array_equal(weights, saved[f"weights.{k}"])
    assert model.score(data.test) == json.loads(out)["test_accuracy"]
    rows = json.loads(out)["history"]
    assert [r["loss"] for r in model.history_] == [r["loss"] for r in rows]
    assert [r["test_accuracy"] for r in model.history_] == [r["test_accuracy"] for r in rows]


def test_it_saves_a_network_that_every_command_takes_and_loads_it(call, model, data, tmp_path):
    model.save(tmp_path / "m")
    again = es.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(data.test), model.predict(data.test))
    assert again.history_ == model.history_ and again.n_features_in_ == 2312
    for command in ("evaluate", "measure"):
        assert call(command, tmp_path / "m", "--data", "digits", "--limit", 4)[0] == 0
    with pytest.raises(es.UserError, match="holds a network already"):
        model.save(tmp_path / "m")
    refit = again.fit(data)
    for name, weights in model.weights_.items():
        np.testing.assert_array_equal(refit.weights_[name], weights)


def test_answers_have_the_shapes_of_scikit_learn(model, data):
    classes, shares = model.predict(data.test), model.predict_proba(data.test)
    assert classes.shape == (60,) and shares.shape == (60, 10)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    answered = classes >= 0
    np.testing.assert_array_equal(shares.argmax(1)[answered], classes[answered])
    assert isinstance(model.predict(data.test[0]), int)
    assert model.predict(data.test[0]) == classes[0]
    np.testing.assert_array_equal(model.predict(list(data.test)[:5]), classes[:5])
    right = np.mean(classes == data.test.label)
    assert model.score(data.test) == model.score(data.test, data.test.label) == right
    assert model.score(data.test, (data.test.label + 1) % 10) != right


def test_a_rule_object_a_list_of_streams_and_classes_are_taken(data):
    streams = list(data.train)
    rule = es.rules.Adjoint(near_threshold=0.5, batch=16)
    model = es.Classifier("2312-6-3", rule, epochs=1).fit(streams, y=np.arange(60) % 3)
    assert model.classes_.tolist() == [0, 1, 2]
    assert "test_accuracy" not in model.history_[0]
    assert repr(model) == "<Classifier 2312-6-3, <Adjoint batch=16, near_threshold=0.5>, 1 epoch>"
    tested = es.Classifier("2312-6-10", rule, epochs=1).fit(streams, test=data.test)
    assert tested.history_[0]["test_accuracy"] == tested.score(data.test)


OURS = [k for k, r in rules().items() if "eventsnn" in r.__module__ and r.learns]


@pytest.mark.parametrize("kind", OURS)
def test_every_rule_is_taken_by_its_word_or_with_its_options(kind, data, tmp_path):
    few, rule = data.train.part(0, 12), rules()[kind]
    by_word = es.Classifier("2312-8-10", kind, epochs=1).fit(few)
    model = es.Classifier("2312-8-10", rule(), epochs=1).fit(few)
    assert model.predict(few).shape == by_word.predict(few).shape == (12,)
    model.save(tmp_path / "m")
    again = es.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(few), model.predict(few))
    assert again.learner.options == model.learner.options
    assert getattr(es.rules, rule.__name__) is rule


def test_a_rule_with_a_network_of_its_own_predicts_but_gives_no_probabilities(data):
    model = es.Classifier("2312-6-10", "deep-spiking", epochs=1).fit(data)
    assert 0 <= model.score(data.test) <= 1 and model.weights_ == {}
    with pytest.raises(es.UserError, match="gives no probabilities"):
        model.predict_proba(data.test)


def test_scikit_learn_clones_and_validates_it(data):
    model = es.Classifier("2312-6-10", epochs=1, rate=0.003)
    assert clone(model).get_params() == model.get_params()
    scores = cross_val_score(model, list(data.train), data.train.label % 2, cv=2)
    assert scores.shape == (2,) and ((scores >= 0) & (scores <= 1)).all()
    assert model.set_params(rate=0.1).get_params()["rate"] == 0.1
    with pytest.raises(es.UserError, match="unknown options"):
        model.set_params(speed=1)


CHECKS = (
    "check_get_params_invariance",
    "check_set_params",
    "check_parameters_default_constructible",
    "check_estimator_repr",
    "check_estimator_cloneable",
    "check_mixin_order",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
)
"""Those of scikit-learn that hand over no table of numbers: this classifier takes recordings."""


@pytest.mark.filterwarnings("ignore:UserError occurred during set_params")
def test_checks_of_estimators_that_make_sense_for_recordings_pass():
    found = [getattr(estimator_checks, name) for name in CHECKS if hasattr(estimator_checks, name)]
    assert len(found) >= 5
    for check in found:
        check("Classifier", es.Classifier(epochs=1, rate=0.01))


def test_a_change_that_is_refused_changes_nothing():
    model = es.Classifier("2312-6-10", epochs=1)
    before = model.get_params()
    for wrong in ({"layers": "x"}, {"rule": "y"}, {"epochs": -1, "layers": "2312-5-10"}):
        with pytest.raises(es.UserError):
            model.set_params(**wrong)
        assert model.get_params() == before


def test_a_search_of_scikit_learn_chooses_options(data):
    few = data.train.part(0, 24)
    model = es.Classifier("2312-4-10", epochs=1, seed=1)
    search = GridSearchCV(model, {"rate": [1e-6, 0.01]}, cv=2).fit(list(few), few.label % 2)
    assert search.best_estimator_.predict(few[0]) in (-1, 0, 1)
    check_is_fitted(search.best_estimator_)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)


def test_what_makes_no_sense_is_refused(model, data, tmp_path):
    fresh = es.Classifier("2312-5-10")
    small = es.EventStream.from_arrays(x=[0], y=[0], t=[0], height=3, width=3)
    unlabelled = es.EventStream(data.test[0].t, data.test[0].unit, (2, 34, 34))
    for act, message in (
        (lambda: es.Classifier(rule="x"), "choose one of adjoint"),
        (lambda: es.Classifier(rule=3), "rule is 3; give a word, or a rule"),
        (lambda: es.Classifier(speed=1), "unknown options"),
        (lambda: es.Classifier(rule=es.rules.Adjoint(rate=2.0), rate=1.0), "rate is given twice"),
        (lambda: es.rules.Adjoint(speed=1), "rule adjoint: no option speed; there are"),
        (lambda: fresh.predict(data.test), "has learned nothing yet"),
        (lambda: fresh.save(tmp_path / "x"), "has learned nothing yet"),
        (lambda: model.predict(small), "has inputs of 1 x 3 x 3"),
        (lambda: model.predict(3), "3 holds no recordings"),
        (lambda: model.score([]), "no recordings"),
        (lambda: model.score([unlabelled]), "recording 0 has no label; give y"),
        (lambda: model.score(data.test, [1, 2]), "y has shape"),
        (lambda: fresh.fit([small]), "do not fit"),
        (lambda: fresh.fit(data.train, y=["a"] * 60), "label has dtype"),
        (lambda: es.load(tmp_path / "absent"), "there is no checkpoint"),
    ):
        with pytest.raises(es.UserError, match=message):
            act()


def test_verbose_prints_a_line_an_epoch(data, capsys):
    es.Classifier("2312-4-10", epochs=2, verbose=True).fit(data)
    es.Classifier("2312-4-10", epochs=1, verbose=True).fit(data.train)
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("epoch")]
    assert [line.split(":")[0] for line in told] == ["epoch 1", "epoch 2", "epoch 1"]
    assert ["test" in line for line in told] == [True, True, False]
    first = [line for line in lines if "rule adjoint" in line]
    assert [line.rpartition(", ")[2] for line in first] == ["2 epochs", "1 epoch"]


def test_every_public_name_is_there_and_says_what_it_is():
    assert len(es.__all__) >= 35 and set(es.__all__) <= set(dir(es))
    for name in es.__all__:
        assert (getattr(es, name).__doc__ or "").strip(), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        es.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        es.rules.Nothing  # noqa: B018


def test_start_weights_fire_as_asked_for_and_have_the_names_of_connections(data):
    network = es.layers("2312-20-15r@2-10", es.CubaLIF(20_000.0, 5_000.0), es.Readout(30_000.0))
    weights = es.start(network, data.train, spikes=3.0, seed=1)
    assert list(weights) == [c.name for c in network.connections]
    counts = es.simulate(network, weights, data.train.part(0, 16)).counts.spikes.mean(0)
    np.testing.assert_allclose(counts[1:3] / [20, 15], 3.0, rtol=0.1)
    for wrong in ({"spikes": 0}, {"output": -1}, {"spikes": float("nan")}):
        with pytest.raises(es.UserError, match="give a number above 0"):
            es.start(network, data.train, **wrong)


def own_loop(rule, network, weights, train, rate, updates):
    """Mean losses of some updates by a loss of one's own: squares of potentials against 1 and 0."""
    optimizer = es.Adam()
    state, losses = optimizer.begin(weights), []
    for k in range(updates):
        batch = train.part(10 * (k % 4), 10 * (k % 4) + 10)
        passed = rule.forward(network, weights, batch)
        wrong = passed.outputs["output"] - np.eye(10)[batch.label]
        losses.append((wrong**2).sum() / 10)
        gradients = rule.backward(passed, {"output": 2 * wrong / 10})
        weights, state = optimizer.step(gradients, state, weights, rate)
    return losses, weights


@pytest.mark.parametrize(
    ("name", "neuron"),
    [("Adjoint", es.LIF(30_000.0)), ("EventProp", es.CubaLIF(30_000.0, 5_000.0))],
)
def test_a_loop_and_a_loss_of_ones_own_learn_and_the_network_is_saved(
    name, neuron, data, tmp_path, call
):
    rule = getattr(es.rules, name)(reads="maximum")
    network = rule.network((2312, 16, 10))
    assert network["hidden1"].neuron == neuron
    weights = es.start(network, data.train, spikes=2.0, output=0.05)
    first = {key: w.copy() for key, w in weights.items()}
    losses, learned = own_loop(rule, network, weights, data.train, 0.003, 24)
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])
    assert all((weights[key] == first[key]).all() for key in weights)  # the old ones stay
    model = es.Classifier("2312-16-10", rule).with_weights(network, learned, data)
    for key, array in model.weights_.items():
        np.testing.assert_array_equal(array, learned[key])
    model.save(tmp_path / "m")
    code, out, err = call("evaluate", tmp_path / "m", "--limit", 60, "--data", "digits", "--json")
    assert code == 0, err
    assert (
        json.loads(out)["accuracy"]
        == model.score(data.test)
        == es.load(tmp_path / "m").score(data.test)
    )


def test_gradients_of_ones_own_loop_are_those_of_the_engines(data):
    few = data.train.part(0, 6)
    errors = np.random.default_rng(0).normal(size=(6, 10))
    network = es.layers("2312-12-10", es.LIF(30_000.0), es.Readout(30_000.0))
    weights = es.start(network, few, spikes=2.0)
    rule = es.rules.Adjoint(reads="final", near_threshold=0.0)
    found = rule.backward(rule.forward(network, weights, few), {"output": errors})
    passed = layered.run(network, weights, few)
    expected = adjoint(passed, [*weights.values()], {"output": ("final", errors)}).weights
    for array, other in zip(found.values(), expected, strict=True):
        np.testing.assert_array_equal(array, other)
    current = es.layers("2312-12r-10", es.CubaLIF(20_000.0, 5_000.0), es.Readout(30_000.0))
    weights = es.start(current, few, spikes=2.0)
    rule = es.rules.EventProp(reads="final")
    found = rule.backward(rule.forward(current, weights, few), {"output": errors})
    given = {"output": ReadoutErrors(final=errors)}
    record = es.simulate(current, weights, few)
    exact = eventprop(current, [*weights.values()], few, record, given, least_slope=LEAST_SLOPE)
    for array, other in zip(found.values(), exact.weights, strict=True):
        np.testing.assert_array_equal(array, other)
    assert list(found) == [c.name for c in current.connections]


def test_a_loop_of_ones_own_is_told_what_does_not_fit(data):
    network = es.layers("2312-4-10", es.LIF(30_000.0), es.Readout())
    recurrent = es.layers("2312-4r-10", es.LIF(30_000.0), es.Readout(30_000.0))
    rule, few = es.rules.Adjoint(), data.train.part(0, 2)
    weights = es.start(network, few)
    passed = rule.forward(network, weights, few)
    small = es.EventBatch.from_streams([es.EventStream([1], [0], (1, 1, 3))])
    gradients = rule.backward(passed, {"output": np.zeros((2, 10))})
    fitting, own = rule.network((2312, 4, 10)), es.Classifier
    for act, message in (
        (lambda: rule.forward(recurrent, weights, few), "hidden1 is recurrent"),
        (lambda: rule.forward(network, {}, few), "input->hidden1"),
        (lambda: rule.forward(network, weights, data.train[0]), "give an EventBatch"),
        (
            lambda: rule.forward(network, weights, small),
            "sensor has 3 units, the network takes 2312",
        ),
        (lambda: rule.backward(passed, {"hidden1": 1}), "errors of hidden1; give those of output"),
        (
            lambda: rule.backward(passed, {"output": np.zeros((2, 9))}),
            r"give finite numbers \(2, 10\)",
        ),
        (
            lambda: rule.backward(passed, {"output": np.full((2, 10), np.nan)}),
            "give finite numbers",
        ),
        (
            lambda: es.Adam().step({}, es.Adam().begin(weights), weights),
            "no gradient, or no weight",
        ),
        (
            lambda: es.Classifier("2312-4-10", "deep-spiking").with_weights(network, weights, data),
            "is its own",
        ),
        (lambda: own("2312-5-10").with_weights(network, weights, data), r"shape=\(5,\)"),
        (lambda: own("2312-4-10", tau_us=1e4).with_weights(network, weights, data), "tau_us=10000"),
        (lambda: own("2312-4-10").with_weights(recurrent, weights, data), "network has .*hidden1"),
        (lambda: own("2312-4-10").with_weights(fitting, {}, data), "input->hidden1"),
        (lambda: own("2312-4-10").with_weights(3, weights, data), "network is 3"),
    ):
        with pytest.raises(es.UserError, match=message):
            act()
    assert all((g == 0).all() for g in gradients.values())
    assert repr(passed).startswith("<ForwardPass of 2 recordings, spikes: input ")
