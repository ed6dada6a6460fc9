"""Losses against central differences and hand-made numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.errors import UserError
from eventsnn.losses import CountTarget, CrossEntropy, FirstSpike

LOSSES = [
    CrossEntropy("counts"),
    CrossEntropy("integral", gain=0.3, smoothing=0.1),
    CrossEntropy("maximum", gain=2.0),
    CountTarget(7, 2),
    FirstSpike(3_000.0),
]


def some_outputs(loss, seed):
    rng = np.random.default_rng(seed)
    scale = 4_000.0 if loss.reads == "first_spike" else 3.0
    return rng.random((5, 4)) * scale, rng.integers(0, 4, 5)


def slope(loss, outputs, labels, row, column, step):
    high, low = outputs.copy(), outputs.copy()
    high[row, column] += step
    low[row, column] -= step
    return (loss(high, labels).loss[row] - loss(low, labels).loss[row]) / (2 * step)


@given(st.sampled_from(LOSSES), st.integers(0, 1000))
def test_gradients_are_the_slopes_of_the_loss(loss, seed):
    outputs, labels = some_outputs(loss, seed)
    step = 1e-2 if loss.reads == "first_spike" else 1e-5
    graded = loss(outputs, labels)
    for row, column in np.ndindex(outputs.shape):
        expected = slope(loss, outputs, labels, row, column, step)
        np.testing.assert_allclose(graded.gradient[row, column], expected, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_loss_falls_where_the_right_class_scores_more(loss):
    outputs, labels = some_outputs(loss, 0)
    graded = loss(outputs, labels)
    better = outputs - 1e-3 * graded.gradient / np.abs(graded.gradient).max()
    assert loss(better, labels).loss.sum() < graded.loss.sum()


def test_equal_outputs_cost_the_logarithm_of_the_classes():
    for loss in (CrossEntropy(), CrossEntropy(smoothing=0.2), FirstSpike()):
        graded = loss(np.full((3, 8), 5.0), np.array([0, 3, 7]))
        np.testing.assert_allclose(graded.loss, np.log(8))


def test_a_silent_class_gets_no_gradient_and_is_never_predicted():
    times = np.array([[2_000.0, np.inf, 900.0], [np.inf, np.inf, np.inf]])
    graded = FirstSpike(1_000.0)(times, np.array([2, 1]))
    assert graded.gradient[0, 1] == 0 and not graded.gradient[1].any()
    assert graded.scores[0].argmax() == 2
    np.testing.assert_allclose(graded.loss[1], np.log(3))


def test_first_spike_gradients_hold_beside_silent_classes():
    loss, labels = FirstSpike(1_000.0), np.array([0])
    times = np.array([[2_000.0, np.inf, 900.0]])
    graded = loss(times, labels)
    for column in (0, 2):
        expected = slope(loss, times, labels, 0, column, 1e-2)
        np.testing.assert_allclose(graded.gradient[0, column], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("outputs", "labels", "text"),
    [
        (np.array([[1.0, np.nan]]), np.array([0]), "output 1 of recording 0 is nan"),
        (np.zeros((2, 3)), np.array([0, 3]), "label 3"),
        (np.zeros((2, 3)), np.array([2, -1]), "label -1"),
        (np.zeros((2, 3)), np.array([0]), "for 1 labels"),
    ],
)
def test_bad_outputs_are_named(outputs, labels, text):
    with pytest.raises(UserError, match=text):
        CrossEntropy()(outputs, labels)


def test_parameters_out_of_range_are_named():
    for make, text in [
        (lambda: CrossEntropy("first_spike"), "first_spike"),
        (lambda: CrossEntropy(gain=0), "gain is 0"),
        (lambda: CrossEntropy(smoothing=1), "smoothing is 1"),
        (lambda: CountTarget(1, 2), "right is 1"),
        (lambda: FirstSpike(0), "scale_us is 0"),
    ]:
        with pytest.raises(UserError, match=text):
            make()


def test_a_silent_class_counts_as_one_scale_behind_the_last_spike():
    graded = FirstSpike(scale_us=100.0)(np.array([[50.0, 150.0, np.inf]]), np.array([0]))
    e = np.exp([-0.5, -1.5, -2.5])  # at 50, 150 and 150 + 100 us, in units of 100 us
    np.testing.assert_allclose(graded.loss, [-np.log(e[0] / e.sum())])


def test_outputs_that_are_all_silent_score_alike_and_nothing():
    graded = FirstSpike(scale_us=100.0)(np.full((1, 3), np.inf), np.array([1]))
    np.testing.assert_array_equal(graded.scores, [[0, 0, 0]])


def test_spike_counts_are_asked_for_both_targets():
    graded = CountTarget(right=7, wrong=2)(np.array([[5.0, 4.0]]), np.array([0]))
    np.testing.assert_array_equal(graded.gradient, [[-2, 2]])
    np.testing.assert_array_equal(graded.loss, [0.5 * (4 + 4)])
