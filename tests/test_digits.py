"""The digits of scikit-learn in MNIST's format."""

import hashlib

import numpy as np
from sklearn.datasets import load_digits

from eventsnn.data.readers import digits
from eventsnn.data.readers.digits import digit_images


def test_every_digit_comes_with_its_label_in_the_order_of_scikit_learn():
    images, labels = digit_images()
    assert images.shape == (1797, 28, 28)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, load_digits().target)


def test_where_the_file_of_scikit_learn_is_not_found_it_is_asked_for_the_same(monkeypatch):
    found = digit_images()
    monkeypatch.setattr(digits, "_FILE", "sklearn/no/such/file.csv.gz")
    for ours, asked in zip(found, digit_images(), strict=True):
        assert ours.dtype == asked.dtype and (ours == asked).all()


def test_shrunk_again_every_digit_is_the_small_one_it_came_from():
    images, _ = digit_images()
    small = load_digits().images
    for image, digit in zip(images[::9], small[::9], strict=True):
        twice = image.astype(float).repeat(2, 0).repeat(2, 1)
        likeness = []
        for top in range(9):
            for left in range(9):
                box = twice[2 * top : 2 * top + 40, 2 * left : 2 * left + 40]
                shrunk = box.reshape(8, 5, 8, 5).mean((1, 3))
                likeness.append(np.corrcoef(shrunk.ravel(), digit.ravel())[0, 1])
        assert max(likeness) > 0.93


def test_the_ink_fills_the_grey_scale_and_stands_in_the_middle():
    images, _ = digit_images()
    assert images.min() == 0
    assert (images.max((1, 2)) > 230).all()
    ink = images.astype(float)
    for axis in (1, 2):
        profile = ink.sum(3 - axis)
        centre = (profile * np.arange(28)).sum(1) / profile.sum(1)
        assert np.abs(centre - 13.5).max() <= 0.75


def test_two_calls_give_the_same_pictures_and_share_no_memory():
    first, labels = digit_images()
    first[:] = 0
    labels[:] = 0
    again, classes = digit_images()
    assert again.any()
    assert classes.any()


def test_the_pictures_are_those_that_every_network_was_trained_on():
    images, _ = digit_images()
    assert (
        hashlib.sha256(images.tobytes()).hexdigest()
        == "86feb5f9d2c06eda25c0b8ab37cf16b2877195d397a98c25116ac08a68f4b206"
    )
