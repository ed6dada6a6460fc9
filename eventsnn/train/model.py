"""Trained networks as checkpoints hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsnn.errors import UserError
from eventsnn.rules.learner import Learner
from eventsnn.train.checkpoint import damaged
from eventsnn.train.options import TrainOptions
from eventsnn.train.saved_run import SavedRun, load_run
from eventsnn.train.trainer import make_learner


def open_model(path: str | Path) -> tuple[Learner, SavedRun]:
    """Read a trained network from a checkpoint's folder or file.

    Raises
    ------
    UserError
        If there is none, or anything in it is not as training saves it.
    """
    run = load_run(path)
    learner = make_learner(run.options)
    learner.begin_epoch(len(run.history), 1, max(run.options.epochs, 1))
    try:
        learner.restore(run.checkpoint.arrays)
    except (UserError, KeyError) as error:
        raise damaged(path, str(error)) from error
    return learner, run


def inherited(path: str | Path) -> dict[str, Any]:
    """Return what a run that starts from a checkpoint takes over: rule, layers, neurons, readout.

    Raises
    ------
    UserError
        If there is no checkpoint, or its rule is no gradient rule.
    """
    options = load_run(path).options
    if options.rule == "herding":
        raise UserError(
            f"{path}: was trained by herding; start_from takes a network that learned by adjoint "
            "or eventprop"
        )
    has = {name: value for name, value in traits_of(options).items() if hasattr(options.own, name)}
    return {"rule": options.rule, "layers": options.layers} | has


def traits_of(options: TrainOptions) -> dict[str, Any]:
    """Return what a network is, whatever it learns from: rule, layers, neurons, readout."""
    # The digests of teachers hold the traits that another rule's neurons have, too.
    own = {name: getattr(options.own, name, other) for name, other in _TRAITS.items()}
    return {"rule": options.rule, "layers": options.layers} | own


_TRAITS = {
    "tau_us": 30_000.0,
    "readout_tau_us": 30_000.0,
    "tau_syn_us": 5_000.0,
    "threshold": 1.0,
    "reset": "subtract",
    "refractory_us": 0.0,
    "loss": "cross-entropy",
    "reads": "integral",
    "gain": 1.0,
}
