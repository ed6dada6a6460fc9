"""Samples of a data set as spike trains, one at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, inputs_of
from eventsnn.data.images import Images
from eventsnn.errors import DataError, UserError
from eventsnn.rules.hm2bp.distort import distorted
from eventsnn.rules.hm2bp.encode import chances, encode_image, encode_recording
from eventsnn.rules.hm2bp.options import HM2BPOptions
from eventsnn.rules.hm2bp.trains import Trains

_MASK = (1 << 64) - 1


class Encoder:
    """Encodes samples of one data set.

    Parameters
    ----------
    options : HM2BPOptions
    data : EventBatch or Images
    n_in : int
        Inputs of the network.

    Raises
    ------
    UserError
        Where the data have other inputs.
    """

    def __init__(self, options: HM2BPOptions, data: Data, n_in: int) -> None:
        if inputs_of(data) != n_in:
            raise UserError(
                f"{data.source}: {inputs_of(data)} inputs, but the network takes {n_in}; give "
                f"layers that begin with {inputs_of(data)}"
            )
        self.options, self.data = options, data
        self.words = np.zeros(-(-options.grid.grid_steps // 64), np.uint64)
        self.chances, self.last = chances(), np.zeros(n_in, np.int32)

    def encode(
        self,
        index: int,
        trains: Trains,
        again: int = 0,
        field: NDArray[np.float64] | None = None,
    ) -> None:
        """Write the trains of a sample.

        Parameters
        ----------
        index : int
        trains : Trains
        again : int
            Of images, another number draws other trains; 0: those of the test.
        field : float64 array (2, height, width), optional
            Displacements by which an image is distorted.
        """
        data, encode = self.data, self.options.encode
        if isinstance(data, Images):
            image = data.images[index]
            if field is not None:
                planes = image.reshape(-1, *image.shape[-2:])
                image = np.stack([distorted(plane, field) for plane in planes])
            key = (self.options.seed + 0x9E3779B97F4A7C15 * again) & _MASK
            encode_image(image.reshape(-1), np.uint64(key), self.chances, self.words, trains)
            return
        first, last = data.start[index], data.start[index + 1]
        grid = self.options.grid.step_us, data.shape, encode.stabilize
        wrong = encode_recording(data.t[first:last], data.unit[first:last], grid, trains, self.last)
        if wrong >= 0:
            raise DataError(
                f"{data.source}: recording {index}: event {wrong} is out of order or of no input; "
                "the batch was changed since"
            )
