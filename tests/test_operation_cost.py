"""Layers that learn where to look: pruned by what synapses cost, grown again, listed, resumed."""

import numpy as np
import pytest

import eventsnn as es
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.errors import UserError
from eventsnn.rules.adjoint.operation_cost import Choice, chosen, silence
from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.topology.sparse import Sparse
from eventsnn.train.learning import Learner
from eventsnn.train.options import completed, make_options

PRUNED = {"synapses": 0.1, "synapses_fall": 0.5, "leak": False, "batch": 16}


def by_hand(w, g, spoke, choice):
    """Choose synapse after synapse."""
    places = [(i, j) for i in range(w.shape[0]) for j in range(w.shape[1])]
    most = round(choice.share * len(places))
    grown = round(choice.regrown * most) if choice.share < 1 else 0
    worth = {p: abs(w[p]) - choice.cost * spoke[p[0]] for p in places}
    stay = [p for p in sorted(places, key=lambda p: -worth[p]) if worth[p] > 0][: most - grown]
    others = [p for p in places if p not in stay]
    return set(stay) | set(sorted(others, key=lambda p: -abs(g[p]))[:grown])


@pytest.mark.parametrize("share, cost", [(0.3, 0.0), (1.0, 0.3), (0.4, 0.2), (0.05, 0.0)])
def test_synapses_that_stay_are_those_of_a_plain_loop(share, cost):
    rng = np.random.default_rng(3)
    w, g = rng.normal(size=(2, 9, 13))
    spoke, choice = rng.uniform(0, 4, 9), Choice(share, 0.2, cost)
    found = chosen(w, g, spoke, choice)
    wanted = by_hand(w, g, spoke, choice)
    assert {(int(i), int(j)) for i, j in np.argwhere(found)} == wanted
    laid = chosen(Laid.of(w), Laid.of(g), spoke, choice)
    np.testing.assert_array_equal(found, laid)


def test_what_is_silenced_is_0_in_every_layout():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(5, 40)).astype(np.float32)
    present = (rng.random((5, 40)) < 0.3).astype(np.float32)
    plain, laid = w.copy(), Laid.of(w)
    silence(plain, present)
    silence(laid, Laid.of(present))
    np.testing.assert_array_equal(plain, w * present)
    np.testing.assert_array_equal(laid.array(), w * present)
    for pair in ((plain, Laid.of(present)), (laid, present)):
        with pytest.raises(TypeError, match="not laid out as the weights are"):
            silence(*pair)


def test_the_share_falls_from_all_to_what_is_asked_for():
    shares = [Choice.at(p, 0.1, 0.5, 0.0).share for p in (0.0, 0.25, 0.5, 0.9)]
    assert shares == [1.0, pytest.approx(0.1 + 0.9 / 8), 0.1, 0.1]
    assert [Choice.at(p, 0.1, 0.5, 0.0).regrown for p in (0.0, 1.0)] == [0.1, 0.0]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    data = es.open_data("digits", limit=120)
    model = es.Classifier("2312-20-10", epochs=10, seed=0, **PRUNED).fit(data)
    folder = tmp_path_factory.mktemp("pruned") / "model"
    model.save(folder)
    return model, data, folder


def test_a_network_keeps_so_many_synapses_and_pays_for_no_other(learned):
    model, data, folder = learned
    first = model.network_.connections[0].topology
    assert isinstance(first, Sparse) and abs(len(first.target) - 0.1 * 2312 * 20) < 5
    assert model.score(data.test) > 0.3  # chance is 0.1
    record = es.simulate(model.network_, model.weights_, data.test)
    # Operations by hand: each event adds to the targets of its pixel.
    sizes = np.diff(first.start)
    by_hand = [sizes[stream.unit].sum() for stream in data.test]
    np.testing.assert_array_equal(record.counts.synaptic_adds[:, 0], by_hand)
    told = es.simulate(model.network_, model.weights_, data.test[:5], engine="reference")
    for field in ("synaptic_adds", "neuron_updates", "spikes"):
        mine = getattr(record.counts, field)[:5]
        np.testing.assert_array_equal(mine, getattr(told.counts, field), field)
    loaded = es.load(folder)
    np.testing.assert_array_equal(loaded.predict(data.test), model.predict(data.test))
    assert loaded.network_.connections[0].topology.target.tolist() == first.target.tolist()


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_the_promised_share_is_reached_in_runs_of_few_epochs_too(learned, epochs):
    data = learned[1]
    model = es.Classifier("2312-8-10", epochs=epochs, synapses=0.1, leak=False).fit(data)
    first = model.network_.connections[0].topology
    assert isinstance(first, Sparse) and abs(len(first.target) - 0.1 * 2312 * 8) < 5


def test_without_a_leak_neurons_are_if_and_nothing_is_multiplied(learned):
    model, _, _ = learned
    hidden = model.network_["hidden1"].neuron
    assert hidden == es.IF() and hidden.multiplications == 0
    assert AdjointOptions(leak=False).hidden() == es.IF()


def epochs_of(learner, data, numbers):
    for number in numbers:
        rng = np.random.default_rng([0, 1, number])
        order = rng.permutation(len(data.train))
        learner.begin_epoch(number, 5, 4)
        for _ in learner.learn_all(data.train, [order[k : k + 16] for k in range(0, 80, 16)], rng):
            pass
        learner.end_epoch()
    return learner.snapshot()


def test_pruning_resumes_bit_for_bit_on_any_number_of_threads():
    data = es.open_data("digits", limit=80)
    given = {"layers": "2312-10-10", "rule": "adjoint", "epochs": 4, **PRUNED}
    options = completed(make_options(given | {"synapses": 0.2}), data)
    whole, resumed = Learner(options, 2), Learner(options, 1)
    whole.start(data.train)
    half = epochs_of(whole, data, [0, 1])
    end = epochs_of(whole, data, [2, 3])
    resumed.restore(half)
    again = epochs_of(resumed, data, [2, 3])
    for name, array in end.items():
        np.testing.assert_array_equal(array, again[name], name)
    assert abs((end["weights.0"] != 0).sum() - 0.2 * 23120) < 5
    # Some that were gone have come back.
    assert ((half["weights.0"] == 0) & (end["weights.0"] != 0)).any()


def test_an_average_of_weights_has_no_zeros_to_prune():
    with pytest.raises(UserError, match=r"average is 0\.1; give 0"):
        AdjointOptions(synapses=0.1, average=0.1)
