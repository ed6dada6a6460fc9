"""Every loss that is found keeps the contract: those of the room, and one of this file."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import eventsnn
from eventsnn.losses import losses
from eventsnn.losses.loss import READS, Graded, Loss, TargetLoss, checked_outputs
from eventsnn.registry import Registry


@dataclass(frozen=True)
class Hinge(Loss):
    """The Weston-Watkins hinge, squared so that it has a slope everywhere."""

    kind: ClassVar[str] = "squared-hinge-of-a-test"
    reads: str = "counts"

    def __call__(self, outputs, labels):
        outputs, rows = checked_outputs(outputs, labels), np.arange(len(labels))
        gap = np.maximum(1 + outputs - outputs[rows, labels][:, None], 0)
        gap[rows, labels] = 0
        gradient = 2 * gap
        gradient[rows, labels] = -2 * gap.sum(1)
        return Graded((gap**2).sum(1), gradient, outputs)


FOUND = losses() | {Hinge.kind: Hinge}


@pytest.fixture(autouse=True)
def joined():
    """The one of this file is there while a test of it runs."""
    eventsnn.register(Hinge)
    assert losses() == FOUND
    yield
    for registry in Registry.known:
        registry.leave(Hinge)


def test_all_are_found():
    ours = [kind for kind, one in FOUND.items() if one.__module__.startswith("eventsnn.")]
    assert len(ours) >= 3 and len(FOUND) > len(ours)
    assert FOUND["squared-hinge-of-a-test"] is Hinge


@pytest.mark.parametrize("kind", FOUND)
def test_a_loss_is_the_integral_of_its_gradient_and_scores_as_it_grades(kind):
    loss, rng = FOUND[kind](), np.random.default_rng(7)
    assert loss.reads in READS and set(loss.options) <= set(loss.__dataclass_fields__)
    scale = 4_000.0 if loss.reads == "first_spike" else 3.0
    outputs, labels = rng.random((6, 4)) * scale, rng.integers(0, 4, 6)
    graded, step = loss(outputs, labels), 1e-6 * scale
    slopes = np.zeros_like(outputs)
    for row, column in np.ndindex(outputs.shape):
        ends = []
        for sign in (1, -1):
            moved = outputs.copy()
            moved[row, column] += sign * step
            ends.append(loss(moved, labels).loss[row])
        slopes[row, column] = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(graded.gradient, slopes, rtol=1e-5, atol=1e-7 / scale)
    assert np.abs(graded.gradient).max() > 0
    assert graded.loss.shape == (6,) and graded.scores.shape == outputs.shape
    # What it asks for is what it then scores highest.
    for _ in range(4_000):
        outputs = outputs - 0.01 * scale**2 * loss(outputs, labels).gradient
    assert (loss(outputs, labels).scores.argmax(1) == labels).all()


@pytest.mark.parametrize("kind", FOUND)
def test_outputs_that_are_no_numbers_and_labels_that_are_no_class_are_refused(kind):
    loss = FOUND[kind]()
    with pytest.raises(eventsnn.UserError, match="output 1 of recording 0 is nan"):
        loss(np.array([[1.0, np.nan]]), np.array([0]))
    with pytest.raises(eventsnn.UserError, match="label 2"):
        loss(np.ones((1, 2)), np.array([2]))


def test_a_loss_against_targets_is_least_where_its_probabilities_are_the_target():
    rng, checked = np.random.default_rng(3), 0
    for one in FOUND.values():
        if issubclass(one, TargetLoss):
            loss, outputs = one(), rng.random((5, 3)) * 4
            said = loss.probabilities(outputs)
            np.testing.assert_allclose(said.sum(1), 1)
            np.testing.assert_allclose(loss.towards(outputs, said).gradient, 0, atol=1e-12)
            checked += 1
    assert checked
