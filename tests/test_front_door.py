"""What a newcomer meets first: one recipe in Python and in commands, nothing in silence."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import eventsnn as es
from eventsnn.commands.console import ERR
from eventsnn.commands.train import train
from eventsnn.measure.energy import MODELS, EnergyModel
from eventsnn.options import declared
from eventsnn.train.checkpoint import FILE
from eventsnn.train.listening import first_line
from eventsnn.train.options import completed, make_options

LAYERS = "8x12x2-6-2"


def columns(label, seed, n=80):
    """A point that wanders to the right or to the left in 0.3 s."""
    rng = np.random.default_rng([seed, label])
    t = np.sort(rng.integers(0, 300_000, n))
    x = (12 * (300_000 - t if label else t) / 300_001).astype(int)
    return {"t": t, "x": x, "y": rng.integers(0, 8, n), "p": rng.integers(0, 2, n)}


def stream(label, seed):
    return es.EventStream.from_arrays(**columns(label, seed), height=8, width=12, label=label)


def data_set(n=8, labels=(0, 1)):
    every = [stream(labels[k % len(labels)], k) for k in range(n)]
    return es.DataSet.from_streams("mine", every, every)


@pytest.fixture
def folder(tmp_path):
    for label, name in enumerate(["right", "left"]):
        (tmp_path / "data" / name).mkdir(parents=True)
        for k in range(4):
            np.savez(tmp_path / "data" / name / f"{k}.npz", **columns(label, k))
    return tmp_path / "data"


def test_own_recordings_are_learned_by_one_recipe_in_python_and_on_the_command_line(folder):
    data = es.open_data(f"folder:{folder}")
    told = train({"data": data.spec, "layers": LAYERS, "limit": 1}, folder.parent / "run", False, 1,
                 False, ERR)  # fmt: skip
    model = es.Classifier(LAYERS).fit(es.open_data(f"folder:{folder}", limit=1))
    own = dict(told["options"]) | {"limit": None}
    assert own == model.learner.options.to_json()
    assert (own["rule"], own["epochs"], told["epochs"]) == ("adjoint", 60, 60)


@pytest.mark.parametrize(("n", "epochs"), [(8, 60), (1_437, 38), (60_000, 2)])
def test_epochs_that_are_not_given_go_by_samples_within_bounds(n, epochs):
    whole = data_set()
    train_half = whole.train.select(np.arange(n) % 8)
    data = es.DataSet("mine", train_half, whole.test)
    found = completed(make_options({"rule": "adjoint", "layers": LAYERS}), data)
    assert found.epochs == epochs
    assert first_line(found, data).endswith(f"rule adjoint, {epochs} epochs")


def test_a_data_set_of_digits_keeps_its_rule():
    assert make_options({}).rule == make_options({"data": "nmnist:x"}).rule == "herding"
    assert make_options({"data": "folder:x", "rule": "deep-spiking"}).rule == "herding"


def test_what_a_rule_is_not_given_is_the_recipe_for_the_data():
    long = es.DataSet.from_streams(
        "long", *2 * [[es.EventStream([0, 2_000_000], [0, 1], (2, 8, 12), k) for k in (0, 1)]]
    )
    by_word = es.Classifier(LAYERS, near_threshold=0.5)._asked(long)
    by_rule = es.Classifier(LAYERS, es.rules.Adjoint(near_threshold=0.5))._asked(long)
    assert by_rule == by_word and by_rule.own.tau_us > es.rules.Adjoint.Options().tau_us
    given = es.rules.Adjoint.Options(near_threshold=0.5)
    assert es.Classifier(LAYERS, es.rules.Adjoint(given))._asked(long).own == given


def test_what_goes_wrong_is_warned_of_once_in_the_words_of_a_program():
    with pytest.warns(UserWarning) as caught:
        model = es.Classifier(LAYERS, rate=1e6, weight_decay=0.0, epochs=5).fit(data_set())
    told = [str(one.message) for one in caught if "is the answer to" in str(one.message)]
    assert len(told) == 1 and "raise or lower rate (1e+06)" in told[0]
    assert Path(caught[0].filename) == Path(__file__)
    assert any("warnings" in row for row in model.history_)


@pytest.mark.parametrize(
    ("layers", "data", "message"),
    [
        ("8x12x2-6-2", data_set(labels=(1,)), "all 8 recordings to learn from are of class 1"),
        ("8x12x2-6-4", data_set(), "have 2 classes, and the network 4 outputs"),
    ],
)
def test_what_is_odd_about_data_is_warned_of(layers, data, message):
    with pytest.warns(UserWarning, match=message):
        es.Classifier(layers, epochs=1).fit(data)


def test_a_recording_without_events_is_warned_of():
    empty = es.EventStream([], [], (2, 8, 12), label=0, duration=300_000)
    with pytest.warns(UserWarning, match=r"1 of 3 .* no events \(the first is recording 2\)"):
        es.Classifier(LAYERS, epochs=1).fit([stream(0, 0), stream(1, 1), empty])


def test_no_epochs_at_all_are_refused():
    with pytest.raises(es.UserError, match="epochs is 0; give at least 1, or leave it out"):
        es.Classifier(LAYERS, epochs=0)


def test_overwrite_takes_the_place_of_a_network_and_of_what_its_run_left(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (es.Classifier(LAYERS, epochs=1, seed=k).fit(data_set()) for k in (0, 1))
    one.save(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("{}")
    with pytest.raises(es.UserError, match="give overwrite=True, or another folder"):
        other.save(tmp_path)
    other.save(tmp_path, overwrite=True)
    assert not (tmp_path / "metrics.jsonl").exists() and (tmp_path / FILE).exists()
    for name, array in es.load(tmp_path).weights_.items():
        np.testing.assert_array_equal(array, other.weights_[name])


NET = es.layers("2-3-1", es.LIF(20_000), es.Readout(30_000))
WEIGHTS = [np.ones((2, 3), np.float32), np.ones((3, 1), np.float32)]
PAIR = es.EventBatch.from_streams(
    [es.EventStream([5], [0], (1, 1, 2), duration=d) for d in (1_000, 2_500)]
)


@pytest.mark.parametrize(
    ("model", "synapses", "neurons", "memory"),
    [
        # 6 additions; 5 decays (2 of the readout) and 3 tests; 6 weights of 4 bytes; 4 neurons
        # at each of 1 or 3 steps
        ("cmos45-float32", [5.4, 5.4], [3.7 * 5 + 0.9 * 3] * 2, [0, 0]),
        ("cmos45-float32-sram", [5.4, 5.4], [3.7 * 5 + 0.9 * 3] * 2, [300, 300]),
        ("loihi", [141.6, 141.6], [81 * 4, 81 * 12], [0, 0]),
        (EnergyModel("mine", "mine", "me", addition_pj=2, spike_pj=5), [12, 12], [15, 15], [0, 0]),
    ],
)
def test_energy_is_operations_times_prices_a_recording(model, synapses, neurons, memory):
    record = es.simulate(NET, WEIGHTS, PAIR)
    updates = record.counts.neuron_updates[0]
    assert updates.tolist() == [0, 3, 1]
    found = es.energy(record, WEIGHTS, PAIR, model=model)
    np.testing.assert_allclose(found.synapses_nj * 1e3, synapses)
    np.testing.assert_allclose(found.neurons_nj * 1e3, neurons)
    np.testing.assert_allclose(found.memory_nj * 1e3, memory)
    np.testing.assert_allclose(found.total_nj * 1e3, np.sum([synapses, neurons, memory], 0))
    decays = np.full(2, found.model.multiplication_pj * 5)
    np.testing.assert_allclose(found.decays_nj * 1e3, decays)
    np.testing.assert_allclose(found.tests_nj * 1e3, [found.model.comparison_pj * 3] * 2)
    np.testing.assert_allclose(found.without_decays_nj, found.total_nj - decays / 1e3)
    assert found.source == found.model.source and len(found) == 2 and "an estimate" in repr(found)


def test_energy_tells_every_model_and_refuses_others():
    assert all(one.name in es.energy.__doc__ for one in MODELS)
    record = es.simulate(NET, WEIGHTS, PAIR)
    with pytest.raises(es.UserError, match="model is 'loihi2'; give one of cmos45-float32, "):
        es.energy(record, WEIGHTS, PAIR, model="loihi2")


@pytest.mark.parametrize("name", ["Adjoint", "EventProp", "DeepSpiking", "HM2BP", "STBP"])
def test_the_help_of_a_rule_tells_every_option_with_default_and_unit(name):
    rule = getattr(es.rules, name)
    for option, one in declared(rule.Options).items():
        assert f"\n{option} : {one.kind.__name__}, default {one.default!r}" in rule.__doc__
        assert one.said.unit in rule.__doc__.partition(f"\n{option} : ")[2].partition("\n")[0]


EVERY = data_set().train


@pytest.mark.parametrize("index", [[0, 3], np.array([0, 3]), np.arange(8) % 3 == 0])
def test_a_batch_is_indexed_by_lists_and_truth_values(index):
    found = EVERY[index]
    assert [one.label for one in found] == [EVERY[int(k)].label for k in np.arange(8)[index]]
    assert EVERY[np.int64(3)].label == EVERY[3].label


def test_an_array_of_streams_is_a_list_of_them():
    streams = [stream(k % 2, k) for k in range(4)]
    array = np.empty(4, object)
    array[:] = streams
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = es.Classifier(LAYERS, epochs=1).fit(array)
    np.testing.assert_array_equal(model.predict(array), model.predict(streams))


CHAIN = es.layers(LAYERS, es.LIF(20_000), es.Readout(30_000))
ADJOINT = es.rules.Adjoint(dropout=0.0)


def passed():
    weights = {c.name: np.ones(c.topology.weight_shape, np.float32) for c in CHAIN.connections}
    return ADJOINT.forward(CHAIN, weights, EVERY)


@pytest.mark.parametrize(
    ("door", "message"),
    [
        (lambda: es.start(CHAIN, [stream(0, 0)]), "is no batch; give an EventBatch, such as data"),
        (lambda: ADJOINT.backward(passed(), np.ones((8, 2))), r"give \{'output': errors\}"),
        (
            lambda: ADJOINT.backward(passed(), {"output": np.full((8, 2), np.nan)}),
            r"errors of output: \(0, 0\) is nan; give finite numbers",
        ),
        (lambda: es.Classifier(lr=0.1), r"unknown options \['lr'\]; did you mean rate\?"),
        (lambda: es.Classifier(epoch=1), r"unknown options \['epoch'\]; did you mean epochs\?"),
        (lambda: es.load(__file__), "is no checkpoint of eventsnn"),
        (
            lambda: es.EventStream.from_structured(np.zeros((7, 4), int), (2, 8, 12)),
            r"dtype int64 and shape \(7, 4\); EventStream.from_arrays takes columns",
        ),
        (lambda: es.Adam().step({}, es.Adam().begin({}), {}, rate=np.nan), "rate is nan; give a f"),
        (lambda: es.Adam().step({}, es.Adam().begin({}), {}, rate=-1), "rate is -1; give a finite"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_give(door, message):
    with pytest.raises(es.UserError, match=message):
        door()


def test_one_stream_is_enough_to_start_with():
    assert set(es.start(CHAIN, stream(0, 0))) == {c.name for c in CHAIN.connections}
