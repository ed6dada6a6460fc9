"""Every optimizer that is found keeps the contract: those of the room, and one of this file."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import eventsnn
from eventsnn.optimizers import optimizers
from eventsnn.optimizers.optimizer import Optimizer, State
from eventsnn.registry import Registry


@dataclass(frozen=True)
class Sign(Optimizer):
    """A step of equal length for every number."""

    kind: ClassVar[str] = "sign-of-a-test"

    def init(self, params):
        return State(0, ())

    def update(self, gradients, state, params, rate, *, reuse=False, threads=1):
        rates = rate if isinstance(rate, (list, tuple)) else [rate] * len(params)
        new = [
            p - p.dtype.type(r) * np.sign(g)
            for p, g, r in zip(params, gradients, rates, strict=True)
        ]
        return new, State(state.step + 1, ())


FOUND = optimizers() | {Sign.kind: Sign}


@pytest.fixture(autouse=True)
def joined():
    """The one of this file is there while a test of it runs."""
    eventsnn.register(Sign)
    assert optimizers() == FOUND
    yield
    for registry in Registry.known:
        registry.leave(Sign)


def numbers(dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in ((70, 9), (5,), (3, 3, 2, 4))]


def test_all_are_found():
    ours = [kind for kind, one in FOUND.items() if one.__module__.startswith("eventsnn.")]
    assert len(ours) >= 2 and FOUND["sign-of-a-test"] is Sign


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", FOUND)
def test_updates_are_pure_the_same_on_threads_and_their_state_is_arrays(kind, dtype):
    optimizer = FOUND[kind]()
    assert set(optimizer.options) <= set(optimizer.__dataclass_fields__)
    params, gradients = numbers(dtype), numbers(dtype, 1)
    before = [p.copy() for p in params]
    state, runs = optimizer.init(params), []
    for threads in (1, 2):
        new, after = optimizer.update(gradients, state, params, 0.01, threads=threads)
        new, after = optimizer.update(gradients, after, new, 0.01, threads=threads)
        runs.append((new, after))
    for old, p in zip(before, params, strict=True):
        np.testing.assert_array_equal(old, p)
    assert state.step == 0 and runs[0][1].step == 2
    for one, two in zip(runs[0][0], runs[1][0], strict=True):
        np.testing.assert_array_equal(one, two)
        assert one.dtype == dtype
    assert all(
        a.shape == p.shape for slot in after.slots for a, p in zip(slot, params, strict=True)
    )
    assert any((p != q).any() for p, q in zip(params, new, strict=True))


@pytest.mark.parametrize("kind", FOUND)
def test_a_rate_of_zero_changes_nothing_and_a_rate_a_parameter_is_its_own(kind):
    optimizer, params, gradients = FOUND[kind](), numbers(np.float64), numbers(np.float64, 1)
    new, _ = optimizer.update(gradients, optimizer.init(params), params, [0.0, 0.1, 0.2])
    alone, _ = optimizer.update(gradients, optimizer.init(params), params, 0.1)
    np.testing.assert_array_equal(new[0], params[0])
    np.testing.assert_array_equal(new[1], alone[1])
    assert (new[2] != alone[2]).any()


@pytest.mark.parametrize("kind", FOUND)
def test_a_bowl_is_descended(kind):
    optimizer, params = FOUND[kind](), [np.full((4, 3), 2.0)]
    state = optimizer.init(params)
    for _ in range(400):
        params, state = optimizer.update([2 * params[0]], state, params, 0.02)
    assert np.abs(params[0]).max() < 0.1
