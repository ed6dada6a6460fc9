"""Every rule that is found keeps the contract: those of the room, one of an example, one of here.

Each goes through the trainer and the commands, which know none by name.
"""

import importlib.util
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import eventsnn
from eventsnn.data.dataset import DataSet, labels_of
from eventsnn.data.images import Images
from eventsnn.data.readers.film_file import write_film
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network.layer_string import dense_sizes
from eventsnn.options import flat, option, take
from eventsnn.registry import Registry
from eventsnn.rules import find_rule, rules, words
from eventsnn.rules.learned import Learned, Predicted
from eventsnn.rules.rule import Rule
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.model import inherited, open_model
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer

SHAPE, LAYERS = (1, 3, 4), (12, 20, 3)


@dataclass(frozen=True)
class MeansOptions(RuleOptions):
    """Options of ``Means``."""

    rate: float = option(0.3, "Share of a mean that a sample moves.", above=0, most=1)

    def __post_init__(self):
        take(self)


class Means(Rule):
    """A machine of its own: the nearest mean of counts. Labels come on the way forward.

    Means move with every sample, and with every pass less: what an epoch leaves is state.
    """

    kind = "nearest-means-of-a-test"
    aliases = ("older-means-of-a-test",)
    Options = MeansOptions
    takes = (EventBatch, Images)

    def network(self, layers):
        return dense_sizes(layers, self.kind)

    def populations(self, network):
        return {f"layer {k}": n for k, n in enumerate(network)}

    def shapes(self, network):
        return {f"means{k}": shape for k, shape in enumerate(pairwise(network[:1] + network[-1:]))}

    def start(self, network, data, rng, weights=None):
        return (rng.random((network[0], network[-1])), 1.0), []

    def learn(self, state, batch, rng):
        (means, share), right = state, 0
        for i, label in zip(batch.order, batch.labels, strict=True):
            x = self.inputs(batch.data, i)
            right += int(self.nearest(means, x) == label)
            means[:, label] += (
                share * self.options.rate * (x + 1e-3 * rng.random() - means[:, label])
            )
        return (means, share), Learned(right, float("nan"))

    def end_epoch(self, state, epoch):
        return state[0], state[1] / 2

    def predict(self, state, data, order, threads=1):
        said = [self.nearest(state[0], self.inputs(data, i)) for i in order]
        return Predicted(np.array(said), np.zeros(3, np.int64), np.zeros(2, np.int64))

    def arrays(self, state):
        return {"means0": state[0].copy(), "share": np.array([state[1]])}

    def restore(self, network, arrays):
        return arrays["means0"].copy(), float(arrays["share"][0])

    def inputs(self, data, i):
        if isinstance(data, Images):
            return data.images[i].reshape(-1) / 255
        return np.bincount(data[int(i)].unit, minlength=data.n_units) / 10

    def nearest(self, means, x):
        return int(np.square(means - x[:, None]).sum(0).argmin())


def perceptron():
    path = Path(__file__).parents[2] / "examples" / "extending" / "perceptron_rule.py"
    spec = importlib.util.spec_from_file_location("perceptron_rule", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Perceptron


Perceptron = perceptron()  # joins when it is imported, as in a program of a user
OURS = dict(rules())
OURS.pop(Perceptron.kind)
LEARN = {kind: rule for kind, rule in OURS.items() if rule.learns}
FOUND = LEARN | {Perceptron.kind: Perceptron, Means.kind: Means}
SMALL = {
    "adjoint": {"batch": 4, "dropout": 0.3},
    "eventprop": {"batch": 4, "wake": 0.0},
    "stbp": {"batch": 4, "n_steps": 8, "rate": 0.02},
    "ledinauskas2020": {"batch": 4, "rate": 0.02},
    "lee2016": {"alpha": 1.5, "output_alpha": 1.5, "rate": 0.01, "test_us": 50_000},
    "hm2bp": {"threshold": 1.0, "output_threshold": 5.0, "grid_steps": 120, "rate": 0.01},
    "relu": {"batch": 4, "rate": 0.02, "dropout": 0.0},
    "deep-spiking": {"n_steps": 5, "eta": 0.03, "init_scale": 0.1, "upper_scale": 0.3},
}
"""What makes a run of a rule tiny; rules that are not named here have no more than defaults."""


@pytest.fixture(autouse=True)
def joined():
    """Those from outside are there while a test of this file runs."""
    for one in (Perceptron, Means):
        eventsnn.register(one)
    assert rules() == FOUND | OURS
    yield
    for registry in Registry.known:
        registry.leave(Perceptron)
        registry.leave(Means)
    assert rules() == OURS


def recordings(n, seed):
    """A class lights its own row of the sensor."""
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        unit = (rng.integers(0, 4, 30) + 4 * (k % 3)) % 12
        t = np.sort(rng.integers(0, 90_000, 30))
        streams.append(EventStream(t, unit, SHAPE, k % 3, duration=100_000))
    return EventBatch.from_streams(streams, "rows")


def images(n):
    pixels = np.zeros((n, 3, 4), np.uint8)
    pixels[np.arange(n), np.arange(n) % 3] = 255
    return Images(pixels, np.arange(n) % 3, "rows")


def data_for(kind):
    """Every kind of data that a rule takes, as halves."""
    found = {
        EventBatch: DataSet("rows", recordings(48, 0), recordings(6, 1)),
        Images: DataSet("rows", images(48), images(6)),
    }
    return [found[one] for one in FOUND[kind].takes]


def options_for(kind, data, **given):
    still = {"shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "scatter": 0.0, "drop": 0.0}
    given = {"rule": kind, "layers": LAYERS, "epochs": 3} | still | SMALL.get(kind, {}) | given
    return completed(make_options(given), data)


class Stops(Listener):
    """Ends a run after its first epoch, as Ctrl-C would."""

    def epoch_ends(self, row):
        raise KeyboardInterrupt


def trained(kind, data, folder, listener=None, **given):
    trainer = Trainer(options_for(kind, data, **given), data, folder)
    if (folder / "model.safetensors").exists():
        trainer.resume(load_checkpoint(folder))
    return trainer, trainer.run(listener or Listener())


def test_all_rules_are_found_by_their_words():
    ours = [kind for kind, one in FOUND.items() if one.__module__.startswith("eventsnn.")]
    assert len(ours) >= 3 and len(FOUND) == len(ours) + 2
    assert find_rule("herding") is find_rule("deep-spiking") is FOUND["deep-spiking"]
    assert find_rule("older-means-of-a-test") is Means
    assert set(FOUND) | {"herding"} < set(words())
    with pytest.raises(UserError, match="rule 'none'; choose one of adjoint, "):
        find_rule("none")


@pytest.mark.parametrize("kind", [kind for kind, one in FOUND.items() if one.aliases])
def test_an_older_word_means_the_same_rule_and_goes_on_with_its_runs(kind, tmp_path):
    data = data_for(kind)[0]
    trained(kind, data, tmp_path / "new")
    for word in FOUND[kind].aliases:
        given = {"rule": word} | SMALL.get(kind, {})
        with pytest.raises(KeyboardInterrupt):
            trained(kind, data, tmp_path / word, Stops(), **given)
        trained(kind, data, tmp_path / word)
        a, b = (load_checkpoint(tmp_path / name) for name in ("new", word))
        assert a.info["options"] == b.info["options"]
        for name in a.arrays:
            np.testing.assert_array_equal(a.arrays[name], b.arrays[name])


@pytest.mark.parametrize("kind", FOUND)
def test_a_rule_tells_what_it_is_before_it_takes_memory(kind):
    rule = FOUND[kind](options_for(kind, data_for(kind)[0]).own)
    network = rule.network(LAYERS)
    assert tuple(rule.populations(network).values()) == LAYERS
    shapes = rule.shapes(network)
    state, rates = rule.start(network, data_for(kind)[0].train, np.random.default_rng(0))
    arrays = rule.arrays(state)
    assert {name: arrays[name].shape for name in shapes} == shapes
    assert rule.batch >= 1 and 0 <= rule.validate < 1 and rule.patience >= 0
    assert all(rate.after > 0 for rate in rates)


@pytest.mark.parametrize("kind", FOUND)
def test_a_rule_learns_and_a_run_that_was_stopped_goes_on_to_the_same_bits(kind, tmp_path):
    for number, data in enumerate(data_for(kind)):
        whole, cut = tmp_path / f"whole{number}", tmp_path / f"cut{number}"
        trainer, summary = trained(kind, data, whole)
        with pytest.raises(KeyboardInterrupt):
            trained(kind, data, cut, Stops())
        resumed, again = trained(kind, data, cut)
        a, b = load_checkpoint(whole).arrays, load_checkpoint(cut).arrays
        assert a.keys() == b.keys() and resumed.history[0]["epoch"] == 1
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
        assert summary["test_accuracy"] == again["test_accuracy"] > 1 / 3
        first = Trainer(options_for(kind, data), data, None)
        first.learner.start(data.train)
        assert any(
            (first.learner.snapshot()[name] != a[name]).any() for name in first.learner.snapshot()
        )
        assert trainer.learner.rule.kind == kind


@pytest.mark.parametrize("kind", FOUND)
def test_a_checkpoint_gives_the_trained_network_back(kind, tmp_path):
    for number, data in enumerate(data_for(kind)):
        folder = tmp_path / str(number)
        trainer, _ = trained(kind, data, folder)
        opened, run = open_model(folder)
        found = opened.evaluate(data.test, 1)
        assert found == trainer.learner.evaluate(data.test, 2)
        right = np.array(found["predictions"]) == labels_of(data.test)
        assert found["accuracy"] == right.mean() and found["recordings"] == 6
        assert len(found["spikes_per_recording"]) == 3 == len(found["operations_per_recording"]) + 1
        assert flat(run.options.own) == flat(trainer.options.own)


@pytest.mark.parametrize("kind", FOUND)
def test_commands_take_every_rule_or_say_in_a_line_what_it_cannot(kind, tmp_path, call):
    """The trained network is evaluated, and measured and simulated if its rule tells how."""
    film = tmp_path / "rows.safetensors"
    write_film(film, [recordings(12, 0), recordings(6, 1)], emulated=True)
    config, out = tmp_path / "own.toml", tmp_path / "run"
    own = "".join(f"{name} = {value}\n" for name, value in SMALL.get(kind, {}).items())
    config.write_text(own)
    words = ("--data", f"events:{film}", "--rule", kind, "--layers", "12-20-3", "--epochs", 1)
    code, told, err = call("train", "--config", config, *words, "--out", out, "--json")
    assert code == 0, err
    assert json.loads(told)["layers"] == list(LAYERS)
    code, told, _ = call("evaluate", out, "--json")
    evaluated = json.loads(told)
    assert code == 0
    learner, _ = open_model(out)
    measurable = learner.reading is not None or learner.rule.own(learner.state) is not None
    for command in (("measure", out), ("simulate", out)):
        code, told, err = call(*command, "--json")
        assert code == (0 if measurable else 2)
        assert measurable or (kind in err and len(err.splitlines()) == 1)
        if measurable and command[0] == "measure":
            assert json.loads(told)["accuracy"] == evaluated["accuracy"]
    if learner.rule.traits:
        assert inherited(out)["layers"] == LAYERS
    else:
        with pytest.raises(UserError, match="start_from takes"):
            inherited(out)


@pytest.mark.parametrize("kind", [kind for kind, one in FOUND.items() if Images not in one.takes])
def test_real_vectors_are_refused_by_rules_that_take_events(kind):
    pictures = DataSet("rows", images(12), images(6))
    with pytest.raises(UserError, match=f"rule {kind} takes events.*--rule .*deep-spiking"):
        options_for(kind, pictures)
    rule = FOUND[kind](options_for(kind, data_for(kind)[0]).own)
    with pytest.raises(UserError, match=f"rule {kind} takes events"):
        rule.check_data(pictures.train)
