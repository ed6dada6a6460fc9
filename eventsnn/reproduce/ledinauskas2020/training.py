"""Rows that learn: depth against steepness and normalisation, steps at test time, CIFAR-10."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from eventsnn.data.dataset import DataSet, first_of, labels_of
from eventsnn.data.images import Images
from eventsnn.errors import DivergedError, UserError
from eventsnn.network.layer_string import Layers, parse_layers
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.samples import images_of
from eventsnn.reproduce.training import trained, trainer_of
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.ledinauskas2020 import Ledinauskas2020
from eventsnn.rules.ledinauskas2020.options import NormedOptions
from eventsnn.rules.ledinauskas2020.state import NormedState
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.options import TrainOptions

HELD = 10_000
"""Training images at the end that choices are made on."""


def parts_of(data: DataSet, options: Mapping[str, Any]) -> tuple[Images, Images, Images]:
    """Return images to learn, to choose on and to test.

    Choices are made on some of the last 10,000 training images, or of the last sixth.
    """
    train, test = images_of(data.train), images_of(data.test)
    first = len(train) - min(HELD, len(train) // 6)
    learn, held = _cut(train, 0, first), _cut(train, first, len(train))
    return (
        images_of(first_of(learn, options["images"])),
        images_of(first_of(held, options["held"])),
        images_of(first_of(test, options["test"])),
    )


def _cut(images: Images, first: int, last: int) -> Images:
    return Images(images.images[first:last], images.labels[first:last], images.source)


def stacked(inputs: int, depth: int, width: int, classes: int, residual: bool) -> Layers:
    """Return ``depth`` layers of neurons; residual ones have blocks of two, behind the first."""
    if not residual:
        return (inputs, *[width] * depth, classes)
    blocks = "-".join(f"[{width}-{width}]" for _ in range((depth - 1) // 2))
    rest = f"-{width}" * ((depth - 1) % 2)
    return parse_layers(f"{inputs}-{width}{'-' + blocks if blocks else ''}{rest}-{classes}")


def depth(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train networks of one depth: every alpha, with and without normalisation and shortcuts."""
    file = context.folder / "depth.json"
    runs: list[Result] = json.loads(file.read_text()) if file.exists() else []
    parts, seeds = parts_of(context.data, options), range(options["seeds"])
    cases = list(product(options["shortcuts"], options["norms"], options["alphas"], seeds))
    for done, (shortcut, norm, alpha, seed) in enumerate(cases):
        note = f"{shortcut}, {norm}, alpha {alpha:g}"
        if done < len(runs):
            continue
        layers = stacked(
            context.data.n_inputs,
            options["depth"],
            options["width"],
            context.data.n_classes,
            shortcut != "plain",
        )
        given = NormedOptions(
            alpha=alpha,
            norm=norm,
            shortcut="after" if shortcut == "after" else "before",
            rate=options["rate"],
        )

        def tell(step: int, steps: int, done: int = done, note: str = note) -> None:
            context.report(done * 1000 + step * 1000 // steps, len(cases) * 1000, note)

        found = _one(given, layers, parts, (context.seed + seed, options["epochs"], tell))
        runs.append({"shortcut": shortcut, "norm": norm, "alpha": alpha, "seed": seed} | found)
        context.folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(runs))
    return {"runs": runs} | _summary(runs)


def _one(
    given: NormedOptions, layers: Layers, parts: tuple[Images, ...], more: tuple[Any, ...]
) -> Result:
    """Train one network; return accuracies in percent, None where it is no longer finite."""
    seed, epochs, tell = more
    learn, held, test = parts
    rule = Ledinauskas2020(given)
    rng = np.random.default_rng([seed, 0])
    state, _ = rule.start(rule.network(layers), learn, rng)
    size = rule.batch
    steps = -(-len(learn) // size)
    first = last = float("nan")
    try:
        for epoch in range(epochs):
            state = rule.begin_epoch(state, Epoch(epoch, steps, epochs))
            order = np.random.default_rng([seed, 1, epoch]).permutation(len(learn))
            for k in range(steps):
                tell(epoch * steps + k, epochs * steps)
                some = order[k * size : (k + 1) * size]
                state, learned = rule.learn(state, Batch(learn, some), rng)
                last = learned.loss / len(some)
                first = last if np.isnan(first) else first
            rule.check(state, Epoch(epoch))
    except (DivergedError, UserError) as error:  # a loss refuses outputs that are not finite
        return {"held": None, "test": None, "diverged": str(error).split(";")[0]}
    found = {"held": accuracy(rule, state, held), "test": accuracy(rule, state, test)}
    return found | {"first_loss": first, "last_loss": last}


def accuracy(rule: Ledinauskas2020, state: NormedState, data: Images) -> float:
    """Return the share of right answers, in percent."""
    classes = rule.predict(state, data, np.arange(len(data))).classes
    return round(100 * float((classes == labels_of(data)).mean()), 3)


def _summary(runs: list[Result]) -> Result:
    """Return mean test accuracies by network, and the alpha that the held images choose."""
    found: Result = {}
    for shortcut, norm in dict.fromkeys((run["shortcut"], run["norm"]) for run in runs):
        some = [run for run in runs if (run["shortcut"], run["norm"]) == (shortcut, norm)]
        chosen: list[tuple[float, float]] = []
        for alpha in dict.fromkeys(run["alpha"] for run in some):
            here = [run for run in some if run["alpha"] == alpha]
            means = [float(np.mean([run[key] or 0.0 for run in here])) for key in ("held", "test")]
            found[f"{shortcut}, {norm}, alpha {alpha:g}"] = round(means[1], 2)
            chosen.append((means[0], alpha))
        found[f"{shortcut}, {norm}, chosen alpha"] = max(chosen)[1]
    return found


def learned(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train by the trainer; the last epoch is kept for the rows that need it."""
    own = ("images", "test", "classes")
    given = {name: value for name, value in options.items() if name not in own}
    data = replace(
        context.data,
        train=first_of(context.data.train, options["images"]),
        test=first_of(context.data.test, options["test"]),
    )
    given["layers"] = parse_layers(given["layers"])
    trainer = trainer_of(replace(context, data=data), given | {"rule": "ledinauskas2020"}, False)
    found = trained(trainer, context)
    return found | {"test_accuracy": round(100 - found["test_error"], 3), "note": data.note}


def by_steps(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Run a trained network for other numbers of steps than it learned with."""
    row = options["network"]
    told = TrainOptions.from_json(context.found[row]["options"])
    arrays = load_checkpoint(context.folders[row]).arrays
    test = images_of(first_of(context.data.test, options["test"]))
    found: Result = {}
    for k, steps in enumerate(options["steps"]):
        context.report(k, len(options["steps"]), f"T = {steps}")
        rule = Ledinauskas2020(replace(told.own, n_steps=steps))
        state = rule.restore(rule.network(told.layers), arrays)
        seen = rule.predict(state, test, np.arange(len(test)))
        right = round(100 * float((seen.classes == test.labels).mean()), 3)
        found[f"T {steps}"] = right
        found[f"T {steps}, additions an image"] = int(seen.adds.sum()) / len(test)
    if "T 10" in found and "T 30" in found:
        found["T 30 above T 10"] = round(found["T 30"] - found["T 10"], 3)
    return found
