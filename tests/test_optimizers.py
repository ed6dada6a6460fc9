"""Optimizers and schedules against the formulas of their papers, written out in numpy."""

import math

import numpy as np
import pytest

from eventsnn.errors import UserError
from eventsnn.optimizers import SGD, Adam
from eventsnn.optimizers.applied import clip_by_norm
from eventsnn.optimizers.schedules import SCHEDULES, rate_at

RATE = 0.01


def some_params(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(7, 5)), rng.normal(size=3)]


def run(optimizer, steps=5, **options):
    params, state = some_params(), None
    state = optimizer.init(params)
    for k in range(steps):
        gradients = some_params(k + 1)
        params, state = optimizer.update(gradients, state, params, RATE, **options)
    return params, state


def test_adam_is_the_formula_of_the_paper():
    found, state = run(Adam(1e-3, 0.8, 0.95, 1e-6, 0.3))
    for i, p in enumerate(some_params()):
        m, v = np.zeros_like(p), np.zeros_like(p)
        for k in range(1, 6):
            g = some_params(k)[i]
            m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
            step = (m / (1 - 0.8**k)) / (np.sqrt(v / (1 - 0.95**k)) + 1e-6)
            p = p - RATE * step - RATE * 0.3 * p
        np.testing.assert_allclose(found[i], p, rtol=1e-12)
    assert state.step == 5


def test_sgd_is_polyak_momentum_with_decoupled_decay():
    found, _ = run(SGD(1e-3, 0.9, 0.1))
    for i, p in enumerate(some_params()):
        m = np.zeros_like(p)
        for k in range(1, 6):
            m = 0.9 * m + some_params(k)[i]
            p = p - RATE * (m + 0.1 * p)
        np.testing.assert_allclose(found[i], p, rtol=1e-12)


@pytest.mark.parametrize("optimizer", [Adam(weight_decay=0.1), SGD()], ids=str)
def test_updates_are_pure_unless_told_to_reuse(optimizer):
    params, gradients = some_params(), some_params(1)
    state = optimizer.init(params)
    new, after = optimizer.update(gradients, state, params, RATE)
    for old, same in zip(params, some_params(), strict=True):
        np.testing.assert_array_equal(old, same)
    assert state.step == 0 and not any(a.any() for slot in state.slots for a in slot)
    reused, _ = optimizer.update(gradients, state, params, RATE, reuse=True)
    for a, b, p in zip(new, reused, params, strict=True):
        np.testing.assert_array_equal(a, b)
        assert b is p
    assert after.step == 1


def test_threads_change_no_bit():
    big = [np.random.default_rng(0).normal(size=700_001).astype(np.float32)]
    gradient = [np.random.default_rng(1).normal(size=700_001).astype(np.float32)]
    optimizer = Adam()
    one, _ = optimizer.update(gradient, optimizer.init(big), big, RATE)
    two, _ = optimizer.update(gradient, optimizer.init(big), big, RATE, threads=2)
    np.testing.assert_array_equal(one[0], two[0])


def test_clipping_keeps_the_direction():
    gradients = some_params()
    whole = math.sqrt(sum((g**2).sum() for g in gradients))
    clipped, norm = clip_by_norm(gradients, whole / 4)
    np.testing.assert_allclose(norm, whole)
    for g, c in zip(gradients, clipped, strict=True):
        np.testing.assert_allclose(c, g / 4)
    same, _ = clip_by_norm(gradients, whole * 2)
    assert all(a is b for a, b in zip(same, gradients, strict=True))


def test_schedules_rise_peak_and_fall():
    for schedule in SCHEDULES:
        assert rate_at(schedule, 2.0, 0.0) == 2.0
        assert rate_at(schedule, 2.0, 0.05, warmup=0.1) == 1.0
        assert rate_at(schedule, 2.0, 0.1, warmup=0.1) == 2.0
    assert rate_at("cosine", 2.0, 0.5) == pytest.approx(1.0)
    assert rate_at("cosine", 2.0, 1.0) == pytest.approx(0.0)
    assert rate_at("linear", 2.0, 0.75) == pytest.approx(0.5)
    assert [rate_at("step", 1.0, p) for p in (0.4, 0.5, 0.8)] == pytest.approx([1, 0.1, 0.01])
    assert rate_at("constant", 2.0, 1.0) == 2.0


def test_bad_parameters_are_named():
    for make, text in [
        (lambda: Adam(beta2=1), "beta2 is 1"),
        (lambda: Adam(0), "rate is 0"),
        (lambda: SGD(rate=np.nan), "rate is nan"),
        (lambda: SGD(momentum=-1), "momentum is -1"),
        (lambda: rate_at("fast", 1, 0), "schedule 'fast'"),
    ]:
        with pytest.raises(UserError, match=text):
            make()


def test_the_rate_of_an_optimizer_is_that_of_its_steps_unless_one_is_given():
    weights, gradients = {"w": np.ones(3)}, {"w": np.array([1.0, -2.0, 3.0])}
    for own, other in ((Adam(0.2), Adam()), (SGD(0.2, 0.5), SGD(momentum=0.5))):
        found, _ = own.step(gradients, own.begin(weights), weights)
        wanted, _ = other.step(gradients, other.begin(weights), weights, rate=0.2)
        np.testing.assert_array_equal(found["w"], wanted["w"])
        given, _ = own.step(gradients, own.begin(weights), weights, rate=0.1)
        assert (given["w"] != found["w"]).all()
