"""What must be the same on every rank before they share out a run."""

from __future__ import annotations

import json
from collections.abc import Callable

import numba
import numpy as np

import eventsnn
from eventsnn.data.dataset import DataSet
from eventsnn.data.digest import digest_of
from eventsnn.ranks.ranks import Ranks
from eventsnn.rules.learned import Arrays
from eventsnn.train.options import TrainOptions


def agree(ranks: Ranks, data: DataSet, options: TrainOptions | None = None) -> None:
    """Refuse ranks of other versions, data or options.

    Raises
    ------
    UserError
        On every rank alike, naming the first that differs.
    """
    if ranks.size == 1:
        return
    versions = f"eventsnn {eventsnn.__version__} numpy {np.__version__} numba {numba.__version__}"
    ranks.agree(versions, "its eventsnn, numpy or numba", "install the same versions everywhere")
    told = data.identity.to_json() | {"absolute": "", "spec": ""}
    ranks.agree(json.dumps(told, sort_keys=True), "what it reads", "give every rank the same data")
    if options is not None:
        text = json.dumps(options.to_json(), sort_keys=True)
        ranks.agree(text, "the options", "give every rank the same command")


def agree_on_weights(ranks: Ranks, snapshot: Callable[[], Arrays], teachers: Arrays) -> None:
    """Refuse ranks that begin with other weights, or with other teachers."""
    if ranks.size > 1:
        what = "the checkpoint that it begins with, or a teacher,"
        digest = digest_of(dict(sorted((snapshot() | teachers).items())))
        ranks.agree(digest, what, "let every rank see the same folders")
