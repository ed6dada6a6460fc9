"""``train``: options in, plain results out; nothing is printed."""

from __future__ import annotations

import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from eventsnn.console import Console
from eventsnn.data.source import open_data
from eventsnn.errors import Interrupted, UserError
from eventsnn.outputs import check_output_folder
from eventsnn.progress import Bar, TrainingBars, progress_bars
from eventsnn.text import quoted
from eventsnn.train import options as train_options
from eventsnn.train.checkpoint import FILE, load_checkpoint
from eventsnn.train.layers import parse_layers
from eventsnn.train.model import inherited, options_of
from eventsnn.train.options import TrainOptions, completed, make_options, with_teachers
from eventsnn.train.trainer import Trainer

TRAIN_OPTIONS = train_options.FIELDS | train_options.HERDING_FIELDS | train_options.GRADIENT_FIELDS


def train(
    given: dict[str, Any],
    out: Path | None,
    resume: bool,
    threads: int,
    tensorboard: bool,
    console: Console,
) -> dict[str, Any]:
    """Train, or go on with a run; return its summary and how soon it was under way."""
    started = time.perf_counter()
    if given.get("epochs", 1) < 1:
        raise UserError(f"epochs is {given['epochs']}; give at least 1")
    if "layers" in given:
        layers = given["layers"]
        given["layers"] = parse_layers(
            layers if isinstance(layers, str) else "-".join(map(str, layers))
        )
    given = with_teachers(given)
    if out is not None:
        check_output_folder("--out", out)
    checkpoint = None
    if resume:
        if out is None:
            raise UserError("--resume needs --out FOLDER, the run to go on with")
        checkpoint = load_checkpoint(out)
        options = _merged(options_of(checkpoint, out), given, out)
    else:
        if given.get("start_from"):
            given = _started(given)
        options = make_options(given)
        if out is not None and (out / FILE).exists():
            raise UserError(f"{out}: holds a run already; add --resume, or give another --out")
    with progress_bars(console) as bars:
        data = open_data(options.data, limit=options.limit, progress=Bar(bars, "preparing data"))
        options = completed(options, data)
        if options.gradient.start_from and not resume:
            console.print(f"starts from {options.gradient.start_from}", soft_wrap=True)
        if options.gradient.teacher:
            named = " and ".join(options.gradient.teacher)
            console.print(f"learns from {named}, too", soft_wrap=True)
        folder = _new_folder(options.data) if out is None else out
        trainer = Trainer(options, data, folder, threads, tensorboard)
        if checkpoint is not None:
            try:
                trainer.resume(checkpoint)
            except (UserError, KeyError) as error:
                raise UserError(
                    f"{out}: the checkpoint is damaged ({error}); train anew"
                ) from error
        try:
            summary = trainer.run(TrainingBars(bars))
        except KeyboardInterrupt:
            done = len(trainer.history)
            if not done:
                raise Interrupted(
                    "stopped in the first epoch: nothing is saved; give the same command again"
                ) from None
            raise Interrupted(
                f"stopped; {done} of {options.epochs} epochs are saved in {folder}, go on with: "
                f"eventsnn train --out {quoted(folder)} --resume"
            ) from None
        first = trainer.first_step
        return summary | {"seconds_to_first_step": None if first is None else first - started}


def read_config(path: Path) -> dict[str, Any]:
    """Read options of a run from a TOML file: ``name = value`` lines, as on the command line."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not TOML ({error})") from error
    unknown = sorted(set(values) - TRAIN_OPTIONS)
    if unknown:
        raise UserError(f"{path}: unknown option {unknown[0]!r}; known are {sorted(TRAIN_OPTIONS)}")
    for name, value in values.items():
        kinds, remedy = train_options.kinds_of(name)
        if type(value) not in kinds:
            raise UserError(f"{path}: {name} is {value!r}; give {remedy}")
    return values


def _started(given: dict[str, Any]) -> dict[str, Any]:
    """Return what is given with what the network to start from hands on."""
    path = given["start_from"]
    own = inherited(path)
    if given.get("rule", own["rule"]) != own["rule"]:
        raise UserError(
            f"{path}: learned by {own['rule']}, which {given['rule']} cannot go on from: their "
            "neurons differ; leave rule out"
        )
    return own | given


def _merged(saved: TrainOptions, given: dict[str, Any], out: Path) -> TrainOptions:
    """Return the saved options; only the number of epochs may change, and where teachers are."""
    known = saved.to_json()
    known |= known["herding"] | known["gradient"]
    for name, value in given.items():
        same = list(value) if name == "layers" else value
        moved = name == "teacher" and known[name] and same
        if name != "epochs" and not moved and known[name] != same:
            raise UserError(
                f"{out}: was trained with {name} {known[name]}, not {same}; leave it out to go "
                "on, or give another --out"
            )
    gradient = replace(saved.gradient, teacher=given.get("teacher", saved.gradient.teacher))
    return replace(saved, epochs=int(given.get("epochs", saved.epochs)), gradient=gradient)


def _new_folder(data: str) -> Path:
    """Make the next free folder under runs/."""
    kind = data.replace(":", "-").split("/")[0].strip("-.") or "run"
    for number in range(1, 10_000):
        folder = Path("runs") / f"{kind}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UserError("runs/ is full; give --out FOLDER")
