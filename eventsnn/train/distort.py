"""Images moved, turned, scaled and bent as recordings are, each anew whenever it is learned.

Simard, Steinkraus & Platt (2003). Grey values between pixels are interpolated; beyond the border
there is none.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.kernels.compile import allocating
from eventsnn.train.augment import Augmentation, places_of, warp_of

_OF_IMAGES = ("shift", "rotate", "scale", "elastic")


def check_distortion(augmentation: Augmentation, source: str) -> None:
    """Refuse changes that only events have; ``source`` is what the data are called."""
    for one in fields(Augmentation):
        value = getattr(augmentation, one.name)
        if value and one.name not in _OF_IMAGES:
            raise UserError(
                f"{one.name} is {value}, which changes events; data {source!r} has none, leave it "
                "out"
            )


def distort(
    data: Images, order: NDArray[np.int64], augmentation: Augmentation, rng: np.random.Generator
) -> Images:
    """Return the images ``order`` of ``data``, changed at random.

    Parameters
    ----------
    data : Images
    order : int64 array (n,)
    augmentation : Augmentation
    rng : numpy.random.Generator
        An image's changes depend on the generator and its place in ``order`` only.

    Returns
    -------
    Images
        n images, in that order.
    """
    given = data.images[order]
    height, width = given.shape[-2:]
    shape = (1, height, width)
    planes = np.ascontiguousarray(given).reshape(len(order), -1, height, width)
    places = places_of(shape, warp_of(shape, augmentation, len(order), rng))
    out = np.empty_like(planes)
    _resample(planes, places, out)
    return Images(out.reshape(given.shape), data.labels[order], data.source)


@allocating
def _resample(planes, places, out):  # type: ignore[no-untyped-def]
    """Write the grey value at each place, of the four pixels around it."""
    n, colours, height, width = planes.shape
    for k in range(n):
        for y in range(height):
            for x in range(width):
                at_x, at_y = places[k, y, x]
                left, top = int(np.floor(at_x)), int(np.floor(at_y))
                by_x, by_y = at_x - left, at_y - top
                for c in range(colours):
                    total = 0.0
                    for row, share in ((top, 1 - by_y), (top + 1, by_y)):
                        for column, part in ((left, 1 - by_x), (left + 1, by_x)):
                            if 0 <= row < height and 0 <= column < width:
                                total += share * part * planes[k, c, row, column]
                    out[k, c, y, x] = np.uint8(total + 0.5)
