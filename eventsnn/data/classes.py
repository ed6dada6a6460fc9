"""Names of classes: labels of other data, numbered as a network learned them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, DataSet, labels_of
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.text import named


def numbered_as(data: DataSet, names: Sequence[str], who: str) -> DataSet:
    """Return data whose labels count the classes in the order of ``names``.

    Data or a network whose classes have no names keep their numbers.

    Parameters
    ----------
    who : str
        Whose classes ``names`` are, for messages.

    Raises
    ------
    UserError
        For a recording of a class that is not among the names.
    """
    if not names or not data.classes or data.classes == tuple(names):
        return data
    present = np.unique(np.concatenate([labels_of(half) for half in data]))
    unknown = [k for k in present if k >= 0 and data.classes[k] not in names]
    if unknown:
        raise UserError(
            f"{who}: learned the classes {', '.join(map(named, names))}; {data.spec} has "
            f"{named(data.classes[unknown[0]])}; leave it out"
        )
    numbers = np.array([names.index(n) if n in names else -1 for n in data.classes], np.int64)
    train, test = (_relabelled(half, numbers) for half in data)
    return replace(data, train=train, test=test, classes=tuple(names))


def _relabelled(half: Data, numbers: NDArray[np.int64]) -> Data:
    label = labels_of(half)
    new = np.where(label >= 0, numbers[label], label)
    if isinstance(half, Images):
        return Images(half.images, new, half.source)
    return replace(half, label=new)
