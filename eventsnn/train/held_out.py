"""Which training samples a run learns, and which it keeps apart to validate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import DataSet
from eventsnn.errors import UserError
from eventsnn.train.apart import parted
from eventsnn.train.options import TrainOptions


def split_of(
    options: TrainOptions, share: float, data: DataSet
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the training samples to learn, and those held out to validate."""
    chosen, apart = parted(len(data.train), options.skip, options.hold_out)
    held = round(share * len(chosen))
    if len(chosen) - held < 1 or (share and not held) or (options.hold_out and not len(apart)):
        kept = f", hold_out {options.hold_out:g}" if options.hold_out else ""
        raise UserError(
            f"{data.spec}: {len(data.train)} training recordings, of which skip leaves out "
            f"{options.skip}{kept} and validate {share:g}; change skip"
            f"{', hold_out' if kept else ''} or validate"
        )
    mixed = np.random.default_rng([options.seed, 2]).permutation(len(chosen))
    return np.sort(chosen[mixed[held:]]), np.sort(chosen[mixed[:held]])
