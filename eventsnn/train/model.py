"""Trained networks as checkpoints hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsnn.errors import UserError
from eventsnn.rules import rules
from eventsnn.rules.rule import Rule
from eventsnn.train.checkpoint import damaged
from eventsnn.train.learning import Learner, rule_of
from eventsnn.train.model_file import format_of
from eventsnn.train.options import OWN_RULE, TrainOptions
from eventsnn.train.saved_run import SavedRun, load_run
from eventsnn.train.start import check_floats


def open_model(path: str | Path) -> tuple[Learner, SavedRun]:
    """Read a trained network from a checkpoint's folder or file.

    Raises
    ------
    UserError
        If there is none, or anything in it is not as training saves it.
    """
    run = load_run(path)
    learner = Learner(run.options)
    try:
        learner.restore(run.checkpoint.arrays)
    except (UserError, KeyError) as error:
        raise damaged(path, str(error)) from error
    learner.begin_epoch(len(run.history), 1, max(run.options.epochs, 1))
    return learner, run


def inherited(path: str | Path) -> dict[str, Any]:
    """Return what a run that starts from a checkpoint takes over: rule, layers, neurons, readout.

    Of a network that learned elsewhere the network itself; any rule that knows its neurons goes on.

    Raises
    ------
    UserError
        If there is no checkpoint, or its rule hands nothing on.
    """
    options = load_run(path).options
    if format_of(path) is not None:
        return {"rule": OWN_RULE, "network": options.network}
    if options.network is not None:
        check_floats(options.network, path, "start_from")
        raise UserError(
            f"{path}: has a network of its own, no layers; start_from takes layers: in Python, "
            "eventsnn.Classifier(network, ...) begins with its weights"
        )
    traits = rule_of(options).traits
    if not traits:
        others = [kind for kind, rule in rules().items() if rule.traits is not Rule.traits]
        raise UserError(
            f"{path}: was trained by {options.kind}; start_from takes a network that learned by "
            f"{' or '.join(others)}"
        )
    own = {name: value for name, value in traits.items() if hasattr(options.own, name)}
    return {"rule": options.rule, "layers": options.layers} | own


def traits_of(options: TrainOptions) -> dict[str, Any]:
    """Return what a network is, whatever it learns from: rule, layers, neurons, readout."""
    own = {} if options.network is None else {"network": options.network.to_toml()}
    return {"rule": options.rule, "layers": options.layers} | own | rule_of(options).traits


def with_start(given: dict[str, Any]) -> dict[str, Any]:
    """Return what is given with what the network to start from, if any, hands on."""
    path = given.get("start_from")
    if not path:
        return given
    own = inherited(path)
    if "network" not in own and given.get("rule", own["rule"]) != own["rule"]:
        raise UserError(
            f"{path}: learned by {own['rule']}, which {given['rule']} cannot go on from: their "
            "neurons differ; leave rule out"
        )
    return own | given
