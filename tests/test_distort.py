"""Images that are moved, turned and bent before they are learned."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from eventsnn.data.dataset import DataSet
from eventsnn.data.facts import facts_of
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.train.augment import Augmentation, places_of, warp_of
from eventsnn.train.distort import distort
from eventsnn.train.learning import Learner
from eventsnn.train.options import completed, make_options


def pictures(shape=(20, 28, 28), seed=0):
    rng = np.random.default_rng(seed)
    return Images(rng.integers(0, 256, shape, np.uint8), np.arange(shape[0]) % 10, "noise")


@pytest.mark.parametrize("shape", [(20, 28, 28), (20, 3, 14, 17)])
def test_grey_values_are_interpolated_where_pixels_go(shape):
    data, order = pictures(shape), np.array([3, 19, 3, 0])
    change = Augmentation(shift=2.0, rotate=15.0, scale=0.1, elastic=0.8)
    found = distort(data, order, change, np.random.default_rng(5))
    sides = (1, *shape[-2:])
    places = places_of(sides, warp_of(sides, change, 4, np.random.default_rng(5)))
    assert found.images.shape == (4, *shape[1:]) and found.images.dtype == np.uint8
    np.testing.assert_array_equal(found.labels, data.labels[order])
    for k, i in enumerate(order):
        planes = data.images[i].reshape(-1, *shape[-2:])
        at = places[k, ..., 1].astype(float), places[k, ..., 0].astype(float)
        for c, plane in enumerate(planes):
            grey = map_coordinates(plane.astype(float), at, order=1, mode="constant", cval=0.0)
            # Beyond the last pixel's middle scipy has nothing, ours still a part of it.
            inside = (at[0] >= 0) & (at[1] >= 0)
            inside &= (at[0] <= shape[-2] - 1) & (at[1] <= shape[-1] - 1)
            ours = found.images[k].reshape(planes.shape)[c]
            assert np.abs(ours - grey)[inside].max() <= 0.51
    assert (found.images[0] != found.images[2]).any()


def test_no_change_is_none_and_what_leaves_the_image_is_lost():
    data = pictures()
    still = distort(data, np.arange(20), Augmentation(), np.random.default_rng(0))
    np.testing.assert_array_equal(still.images, data.images)
    gone = distort(data, np.arange(20), Augmentation(shift=28.0), np.random.default_rng(0))
    assert gone.images.mean() < 0.5 * data.images.mean()


def test_a_learner_learns_other_images_each_time_and_the_same_ones_again():
    data = DataSet("mnist:none", pictures(), pictures())
    given = {"rule": "stbp", "layers": (784, 6, 10), "epochs": 1, "data": data.spec, "batch": 10}
    found = []
    for elastic in (0.0, 1.0, 1.0):
        learner = Learner(
            completed(make_options({**given, "elastic": elastic}, facts_of(data)), data)
        )
        learner.start(data.train)
        learner.begin_epoch(0, 2, 1)
        learner.learn(data.train, np.arange(10), np.random.default_rng(1))
        found.append(learner.snapshot()["weights.0"])
    np.testing.assert_array_equal(found[1], found[2])
    assert (found[0] != found[1]).any()
    with pytest.raises(UserError, match="which changes events"):
        completed(make_options({**given, "drop": 0.1}, facts_of(data)), data)
