"""A target of activity: what a spike costs, where the target stands, and that runs reach it."""

import numpy as np
import pytest

from eventsnn.data.source import open_data
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.errors import UserError
from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.train.learning import Learner
from eventsnn.train.options import completed, make_options

ALONE = {"silent_pull": 0.0, "near_threshold": 0.0, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def digits():
    return open_data("digits", limit=96)


def learner_of(digits, **given):
    given = {"rule": "adjoint", "layers": (2312, 30, 20, 10), "epochs": 1} | given
    learner = Learner(completed(make_options(given), digits))
    learner.start(digits.train)
    learner.begin_epoch(0, 10, 1)
    return learner


def hidden_rates(learner, data):
    fired = learner.evaluate(data, 1)["spikes_per_recording"]
    return np.array([fired[1] / 30, fired[2] / 20])


def moved(digits, cost, **given):
    """How far one step of plain gradient descent moves the first weights."""
    plain = {"optimizer": "sgd", "momentum": 0.0, "rate": 1.0, "dropout": 0.0} | ALONE
    learner = learner_of(digits, **plain, **given, spike_cost=cost)
    before = learner.state.weights[0].astype(np.float64)
    batch = digits.train.select(np.arange(32))
    spikes = layered.run(learner.network, learner.state.weights, batch).spikes(1)
    learner.learn(digits.train, np.arange(32), np.random.default_rng(0))
    return learner.state.weights[0] - before, spikes.sum() / spikes.size


def test_a_spike_costs_as_much_as_its_population_is_above_the_target(digits):
    still = {"layers": (2312, 30, 10), "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0,
             "scatter": 0.0, "drop": 0.0}  # fmt: skip
    free, rate = moved(digits, 0.0, **still)
    for target in (0.25, rate, 4.0):
        aimed, _ = moved(digits, 0.02, spike_target=target, **still)
        worth = 0.02 * (rate / target - 1)
        # The gradient is linear in what a spike costs.
        plain, _ = moved(digits, 0.02, **still)
        expected = free + (plain - free) * worth / 0.02
        np.testing.assert_allclose(aimed, expected, atol=2e-6 * np.abs(plain).max())


def test_costs_by_population_add_up_to_one_for_all(digits):
    learner = learner_of(digits, dropout=0.0)
    passed = layered.run(learner.network, learner.state.weights, digits.train.select(np.arange(8)))
    errors = {3: ("integral", np.zeros((8, 10)))}

    def gradients(cost):
        return adjoint(passed, learner.state.weights, errors, spike_cost=cost).weights

    both, first, second = (gradients(cost) for cost in (0.5, {1: 0.5}, {2: 0.5}))
    assert np.abs(first[0]).max() > 0 and not first[1].any()
    for whole, one, other in zip(both, first, second, strict=True):
        np.testing.assert_allclose(whole, one + other, atol=1e-6 * np.abs(both[0]).max())


@pytest.mark.parametrize(("start", "target"), [(2.0, 0.5), (0.25, 1.0)])
def test_activity_goes_to_the_target_from_either_side(digits, start, target):
    given = {"init_spikes": start, "spike_target": target, "spike_cost": 0.5, "batch": 16,
             "dropout": 0.0}  # fmt: skip
    learner = learner_of(digits, **given, **ALONE)
    before = hidden_rates(learner, digits.train)
    np.testing.assert_allclose(before, start, rtol=0.35)
    rng = np.random.default_rng(0)
    for _ in range(24):
        for first in range(0, 96, 16):
            learner.learn(digits.train, np.arange(first, first + 16), rng)
    np.testing.assert_allclose(hidden_rates(learner, digits.train), target, rtol=0.35)


def test_the_target_falls_geometrically_from_the_initial_activity():
    options = AdjointOptions(init_spikes=4.0, spike_cost=0.1, spike_target=0.25, spike_fall=0.5)
    at = [options.spike_target_at(p) for p in (0.0, 0.125, 0.25, 0.375, 0.5, 0.9)]
    assert at == pytest.approx([4, 2, 1, 0.5, 0.25, 0.25])
    fixed = AdjointOptions(init_spikes=4.0, spike_cost=0.1, spike_target=0.25)
    assert fixed.spike_target_at(0.0) == fixed.spike_target_at(1.0) == 0.25
    assert AdjointOptions(spike_cost=0.1).spike_target_at(0.3) == 0


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"spike_target": 0.1}, "spike_target is 0.1; give spike_cost too"),
        ({"spike_target": -1.0, "spike_cost": 1.0}, "spike_target is -1.0; give 0 or more"),
        ({"spike_fall": 0.5, "spike_cost": 1.0}, "spike_fall is 0.5; give spike_target too"),
        ({"spike_fall": 1.0}, "spike_fall is 1.0; give 0 or more, below 1"),
        ({"spike_target": float("nan"), "spike_cost": 1.0}, "spike_target is nan"),
    ],
)
def test_targets_that_mean_nothing_are_refused(given, text):
    with pytest.raises(UserError, match=text):
        AdjointOptions(**given)
