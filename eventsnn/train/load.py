"""A trained network as a classifier."""

from __future__ import annotations

from pathlib import Path

from eventsnn.network.layer_string import text_of
from eventsnn.options import flat
from eventsnn.train.classifier import Classifier
from eventsnn.train.model import open_model


def load(path: str | Path) -> Classifier:
    """Return a network that ``Classifier.save`` or ``eventsnn train`` wrote.

    Parameters
    ----------
    path : str or Path
        Its folder, or the file in it.

    Raises
    ------
    UserError
        If there is none, or anything in it is not as training saves it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-2", es.LIF(20_000), es.LIF(20_000))
    >>> blinks = [es.EventStream([5], [label], (1, 1, 2), label) for label in (0, 1)]
    >>> folder = tempfile.mkdtemp()
    >>> model = es.save(folder, network, {"input->output": np.eye(2)}, blinks)
    >>> es.load(folder).score(blinks)
    1.0
    """
    learner, run = open_model(path)
    options = learner.options
    given = flat(options.augmentation) | {
        "epochs": options.epochs,
        "seed": options.seed,
        "skip": options.skip,
        "hold_out": options.hold_out,
    }
    network = options.network if options.network is not None else text_of(options.layers)
    model = Classifier(network, learner.rule, **given)
    model.take(learner, run.checkpoint)
    return model
