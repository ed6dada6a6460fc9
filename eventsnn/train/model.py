"""Trained networks as checkpoints hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsnn.errors import UserError
from eventsnn.train.checkpoint import Checkpoint, load_checkpoint
from eventsnn.train.learner import Learner
from eventsnn.train.options import TrainOptions
from eventsnn.train.trainer import make_learner


def open_model(path: str | Path) -> tuple[Learner, TrainOptions]:
    """Read a trained network from a checkpoint's folder or file."""
    checkpoint = load_checkpoint(path)
    options, history = options_of(checkpoint, path), checkpoint.info.get("history", [])
    learner = make_learner(options)
    learner.begin_epoch(len(history), 1, max(options.epochs, 1))
    try:
        learner.restore(checkpoint.arrays)
    except (UserError, KeyError) as error:
        raise UserError(f"{path}: the checkpoint is damaged ({error}); train it anew") from error
    return learner, options


def inherited(path: str | Path) -> dict[str, Any]:
    """Return what a run that starts from a checkpoint takes over: rule, layers, neurons, readout.

    Raises
    ------
    UserError
        If there is no checkpoint, or its rule is no gradient rule.
    """
    options = options_of(load_checkpoint(path), path)
    if options.rule == "herding":
        raise UserError(
            f"{path}: was trained by herding; start_from takes a network that learned by adjoint "
            "or eventprop"
        )
    return traits_of(options)


def traits_of(options: TrainOptions) -> dict[str, Any]:
    """Return what a network is, whatever it learns from: rule, layers, neurons, readout."""
    own = {name: getattr(options.gradient, name) for name in _TRAITS}
    return {"rule": options.rule, "layers": options.layers} | own


_TRAITS = (
    "tau_us", "readout_tau_us", "tau_syn_us", "threshold", "reset", "refractory_us",
    "loss", "reads", "gain",
)  # fmt: skip


def options_of(checkpoint: Checkpoint, path: str | Path) -> TrainOptions:
    """Return the options that a checkpoint was trained with."""
    try:
        return TrainOptions.from_json(checkpoint.info["options"])
    except (KeyError, TypeError, UserError) as error:
        raise UserError(f"{path}: the checkpoint is damaged ({error}); train it anew") from error
