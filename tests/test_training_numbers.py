"""Numbers of a training run, derived by hand: who is held out, rates, orders, losses, steps."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from eventsnn.data.dataset import DataSet
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import FirstSpike
from eventsnn.neurons.lif import LIF
from eventsnn.optimizers.schedules import rate_at
from eventsnn.rules.deep_spiking.options import HerdingOptions
from eventsnn.rules.gradient import start
from eventsnn.rules.gradient.chunk import Walked
from eventsnn.rules.learned import Batch
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.train.learning import Learner
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer

SHAPE = (1, 2, 3)


def recordings(n, seed=0):
    rng = np.random.default_rng(seed)
    streams = [
        EventStream(np.sort(rng.permutation(90)[:12]), rng.integers(0, 6, 12), SHAPE, k % 2, 100)
        for k in range(n)
    ]
    return EventBatch.from_streams(streams, "mine")


def data_of(n=10):
    return DataSet("mine", recordings(n), recordings(4, 1))


STILL = dict.fromkeys(
    ("dropout", "silent_pull", "weight_decay", "smoothing", "near_threshold"), 0.0
)
UNCHANGED = dict.fromkeys(("shift", "rotate", "scale", "elastic", "scatter", "drop"), 0.0)


def options_of(data, **given):
    given = {"rule": "adjoint", "layers": (6, 4, 2), "epochs": 1, "batch": 4} | given
    return completed(make_options(UNCHANGED | given), data)


# Who is learned


@pytest.mark.parametrize(("share", "skip", "held"), [(0.0, 0, 0), (0.3, 0, 3), (0.5, 2, 4)])
def test_recordings_held_out_are_not_learned_and_every_other_one_is(share, skip, held):
    data = data_of(10)
    run = Trainer(options_of(data, validate=share, skip=skip), data, None)
    learned, apart = set(run.chosen.tolist()), set(run.held_out.tolist())
    assert len(apart) == len(run.held_out) == held
    assert not learned & apart and learned | apart == set(range(skip, 10))


def orders(monkeypatch, **given):
    """Return the recordings that each epoch learned, in order."""
    data, found = data_of(10), []
    run = Trainer(options_of(data, **given), data, None)

    def learn_all(events, chunks, rng):
        chunks = list(chunks)
        found.append(np.concatenate(chunks).tolist())
        for chunk in chunks:
            yield SimpleNamespace(right=1, loss=3.0 * len(chunk))

    monkeypatch.setattr(run.learner, "learn_all", learn_all)
    run.run(Listener())
    return found, run.history


def test_each_epoch_learns_all_in_an_order_of_its_own(monkeypatch):
    found, history = orders(monkeypatch, epochs=4, validate=0.2)
    assert all(len(set(order)) == len(order) == 8 for order in found)
    assert len({tuple(order) for order in found}) == 4 and len({frozenset(o) for o in found}) == 1
    # The loss is a mean of what was learned, not of all there is: 3 each.
    assert [row["loss"] for row in history] == [3.0] * 4
    assert [row["accuracy_while_learning"] for row in history] == [2 / 8] * 4  # 1 a batch of 4


def test_an_epoch_is_the_best_only_if_it_is_better(monkeypatch):
    data = data_of(10)
    run = Trainer(options_of(data, epochs=5, validate=0.2), data, None)
    told = iter([0.0, 0.5, 0.5, 0.4, 0.6])

    def evaluate(events, threads):
        accuracy = next(told) if len(events) == 2 else 0.1
        return {"accuracy": accuracy, "no_answer": 0, "spikes_per_recording": [1.0] * 9,
                "operations_per_recording": [1.0], "predictions": [0] * len(events)}  # fmt: skip

    monkeypatch.setattr(run.learner, "evaluate", evaluate)
    run.run(Listener())
    assert [row["best"] for row in run.history] == [True, True, False, False, True]


# Rates


@pytest.mark.parametrize(
    ("schedule", "progress", "warmup", "rate"),
    [
        ("step", 0.49, 0.0, 1.0),
        ("step", 0.5, 0.0, 0.1),
        ("step", 0.749, 0.0, 0.1),
        ("step", 0.75, 0.0, 0.01),
        ("step", 0.79, 0.0, 0.01),
        # Behind a warm-up of a fifth, 0.6 of the run is half of what is left.
        ("linear", 0.6, 0.2, 0.5),
        ("cosine", 0.6, 0.2, 0.5),
        ("step", 0.59, 0.2, 1.0),
        ("step", 0.61, 0.2, 0.1),
        ("linear", 1.0, 0.2, 0.0),
        ("linear", 0.1, 0.2, 0.5),
    ],
)
def test_the_rate_at_a_share_of_the_run(schedule, progress, warmup, rate):
    assert rate_at(schedule, 1.0, progress, warmup) == pytest.approx(rate, abs=1e-12)


def test_the_schedule_goes_on_from_epoch_to_epoch():
    """Ten recordings in batches of 4: three steps an epoch, two epochs, linear from 6 to 0."""
    data = data_of(10)
    given = {"optimizer": "sgd", "schedule": "linear", "rate": 6.0, "epochs": 2, "momentum": 0.0}
    learner = Learner(options_of(data, **STILL | given))
    learner.start(data.train)
    steps = []

    def walk(state, chunk):
        gradients = [np.ones_like(w) for w in state.weights]
        steps.append(state.weights[1][0, 0].copy())
        n = len(chunk.batch)
        spoke = [np.ones(size, np.int64) for size in learner.sizes]
        return Walked(np.zeros(n), np.zeros((n, 2)), gradients, spoke)

    learner.rule.walk = walk
    chunks = [np.arange(4), np.arange(4, 8), np.arange(8, 10)]
    for epoch in range(2):
        learner.begin_epoch(epoch, 3, 2)
        list(learner.learn_all(data.train, chunks, np.random.default_rng(0)))
    steps.append(learner.state.weights[1][0, 0].copy())
    np.testing.assert_allclose(-np.diff(steps), [6, 5, 4, 3, 2, 1], rtol=1e-5)


def test_a_learner_is_told_of_the_last_shorter_batch_of_an_epoch(monkeypatch):
    """Ten recordings in batches of 4 are three steps, and the schedule ends with the last."""
    data, told, made = data_of(10), [], []
    run = Trainer(options_of(data, epochs=2), data, None)

    def learn_all(events, chunks, rng):
        made.append(len(chunks))
        for chunk in chunks:
            yield SimpleNamespace(right=1, loss=float(len(chunk)))

    monkeypatch.setattr(run.learner, "begin_epoch", lambda *numbers: told.append(numbers))
    monkeypatch.setattr(run.learner, "learn_all", learn_all)
    run.run(Listener())
    assert told == [(0, 3, 2), (1, 3, 2)] and made == [3, 3]


def test_eta_ends_at_a_tenth():
    data = data_of()
    options = completed(make_options({"layers": (6, 2), "epochs": 4}), data)
    etas = [options.own.at_epoch(epoch).eta for epoch in range(5)]
    assert etas[0] == options.own.network.eta == 0.02  # the first epoch learns with what was given
    assert etas[4] == pytest.approx(0.002)  # after the last one
    np.testing.assert_allclose(np.divide(etas[1:], etas[:-1]), 10 ** (-1 / 4))


# Steps of SGD against gradients made by hand

WEIGHTS = np.array([[0.3, -0.1], [0.2, 0.4], [-0.2, 0.1], [0.5, 0.2], [0.1, 0.6], [0.2, 0.1]])


def softmax(scores):
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def readout_step(learner, batch, share=1.0):
    """Return the SGD step on a readout that never forgets and is read at its end.

    Its potential is the sum of the weights of the events, so the gradient of the mean loss is
    (softmax - target) times the number of events, averaged over the recordings.
    """
    came = np.stack([np.bincount(s.unit, minlength=6) for s in batch])
    target = np.eye(2)[batch.label]
    return came.T @ (softmax(came @ WEIGHTS * share) - target) / len(batch)


@pytest.mark.parametrize("rule", ["adjoint", "eventprop"])
def test_a_short_last_batch_is_divided_by_its_own_size(rule):
    data = data_of(10)
    given = STILL | {"rule": rule, "reads": "final", "layers": (6, 2), "batch": 8}
    given |= {"optimizer": "sgd", "rate": 1.0, "momentum": 0.0, "schedule": "constant"}
    given |= {"readout_tau_us": 1e12, "scaled": False}
    if rule == "eventprop":
        del given["near_threshold"], given["dropout"]
    learner = Learner(options_of(data, **given))
    learner.state = learner.rule.begin(learner.network, [WEIGHTS.astype(np.float32)])
    learner.begin_epoch(0, 2, 1)
    last = np.array([8, 9, 3])  # three of the eight that a batch has
    learner.learn(data.train, last, np.random.default_rng(0))
    expected = WEIGHTS - readout_step(learner, data.train.select(last))
    np.testing.assert_allclose(learner.state.weights[0], expected, rtol=1e-4, atol=1e-5)


def test_neurons_that_speak_do_so_louder_where_others_are_dropped():
    """A hidden neuron a pixel, that fires at each event: half are dropped, the rest count twice."""
    data = data_of(10)
    given = STILL | {"dropout": 0.5, "layers": (6, 6, 2), "reads": "final", "batch": 10}
    given |= {"optimizer": "sgd", "rate": 1.0, "momentum": 0.0, "schedule": "constant"}
    given |= {"readout_tau_us": 1e12}
    learner = Learner(options_of(data, **given))
    weights = [np.eye(6, dtype=np.float32), WEIGHTS.astype(np.float32)]
    learner.state = learner.rule.begin(learner.network, weights)
    learner.begin_epoch(0, 1, 1)
    batch = Batch(data.train, np.arange(10))
    chunk = learner.rule.read(learner.state, batch, np.random.default_rng(3))
    mask = chunk.masks[1].astype(float)
    assert 0 < mask.mean() < 1
    walked = learner.rule.walk(learner.state, chunk)
    came = np.stack([np.bincount(s.unit, minlength=6) for s in data.train]) * mask
    scores = came @ WEIGHTS * 2
    np.testing.assert_allclose(walked.scores, scores, rtol=1e-4, atol=1e-5)
    target = np.eye(2)[data.train.label]
    expected = 2 * came.T @ (softmax(scores) - target) / 10
    gradient = walked.gradients[1]
    gradient = gradient if isinstance(gradient, np.ndarray) else gradient.whole(1)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


# Numbers of options and losses


def test_classes_of_first_spikes_score_by_their_time_and_silent_ones_a_scale_later():
    loss = FirstSpike(1_000.0)
    times = np.array([[2_000.0, math.inf, 900.0]])
    graded = loss(times, np.array([1]))
    np.testing.assert_allclose(graded.scores, [[-2.0, -3.0, -0.9]])
    e = [math.exp(-2.0), math.exp(-3.0), math.exp(-0.9)]
    assert graded.loss[0] == pytest.approx(-math.log(e[1] / sum(e)))


def test_a_spike_of_integer_mode_is_worth_t_squared_over_eta():
    assert HerdingOptions(n_steps=10, eta=0.03, dtype="integer").one == 3333
    assert (
        HerdingOptions(n_steps=10, eta=0.015, dtype="integer").one == 6666
    )  # 100 / 0.015, truncated
    assert HerdingOptions(n_steps=10, eta=0.03).one == 1.0


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"n_steps": 0}, "n_steps is 0"),
        ({"n_steps": math.nan}, "n_steps is nan"),
        ({"n_steps": 1 << 21}, "from 1 to 1048576"),
        ({"dtype": "integer", "eta": 1e-320}, "integer mode needs T.2/eta from 2"),
        ({"dtype": "integer", "eta": 60.0}, "this is 1.667"),
    ],
)
def test_steps_and_scales_that_cannot_be_are_refused(fields, text):
    with pytest.raises(UserError, match=text):
        HerdingOptions(**fields)


def test_usual_weights_have_two_over_the_fan_in_as_variance():
    """He et al. (2015): a threshold of 3, 50 senders a neuron: 3 * sqrt(2 / 50) = 0.6."""
    assert start._usual(Dense(50, 7), LIF(1e4, 3.0)) == pytest.approx(0.6)
    # 5 x 5 pixels of 2 channels are 50 senders, too, however many channels come out.
    assert start._usual(Conv2d((9, 9, 2), 12, (5, 5)), LIF(1e4, 3.0)) == pytest.approx(0.6)
