"""``train``: options in, plain results out; nothing is printed."""

from __future__ import annotations

import difflib
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, TrainingBars, progress_bars
from eventsnn.data.source import open_data
from eventsnn.errors import Interrupted, UserError
from eventsnn.files.outputs import check_output_folder
from eventsnn.files.unpack import read_text
from eventsnn.network.layer_string import parse_layers
from eventsnn.text import quoted
from eventsnn.train import options as train_options
from eventsnn.train.checkpoint import FILE, damaged, load_checkpoint
from eventsnn.train.model import inherited
from eventsnn.train.option_kinds import check_value
from eventsnn.train.options import TrainOptions, completed, make_options, with_teachers
from eventsnn.train.own_data import check_fits, open_own
from eventsnn.train.saved_run import SavedRun, load_run
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
    run = None
    if resume:
        if out is None:
            raise UserError("--resume needs --out FOLDER, the run to go on with")
        run = load_run(out)
        options = _merged(run, given, out)
    else:
        if given.get("start_from"):
            given = _started(given)
        options = make_options(given)
        if out is not None and _holds_a_run(out):
            raise UserError(f"{out}: holds a run already; add --resume, or give another --out")
    with progress_bars(console) as bars:
        bar = Bar(bars, "preparing data")
        if run is None or out is None or "data" in given:
            data = open_data(options.data, limit=options.limit, progress=bar)
        else:
            data = open_own(out, run, None, limit=options.limit, progress=bar)
            data = replace(data, spec=options.data)
        if run is not None and out is not None:
            check_fits(out, run, data)
        options = completed(options, data)
        if options.gradient.start_from and not resume:
            console.print(f"starts from {options.gradient.start_from}", soft_wrap=True)
        if options.gradient.teacher:
            named = " and ".join(options.gradient.teacher)
            console.print(f"learns from {named}, too", soft_wrap=True)
        folder = _new_folder(options.data) if out is None else out
        trainer = Trainer(options, data, folder, threads, tensorboard)
        if run is not None:
            _resume(trainer, run, folder)
            if options.epochs == len(trainer.history):
                console.print(
                    f"nothing left to learn: {options.epochs} of {options.epochs} epochs are done; "
                    "to go on, give more --epochs",
                    soft_wrap=True,
                )
        try:
            summary = trainer.run(TrainingBars(bars))
        except KeyboardInterrupt:
            raise _stopped(trainer, folder) from None
        first = trainer.first_step
        return summary | {"seconds_to_first_step": None if first is None else first - started}


def _holds_a_run(out: Path) -> bool:
    """Return whether there is more to lose in a folder than initial weights."""
    if not (out / FILE).exists():
        return False
    try:
        return bool(load_checkpoint(out).info.get("history"))
    except UserError:
        return True  # who can tell


def _resume(trainer: Trainer, run: SavedRun, folder: Path) -> None:
    try:
        trainer.resume(run.checkpoint)
    except KeyError as error:
        raise damaged(folder, str(error)) from error
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    done = len(trainer.history)
    if trainer.options.epochs < done:
        raise UserError(
            f"{folder}: has learned {done} epochs, of which --resume takes none back; give "
            f"--epochs {done} or more"
        )


def _stopped(trainer: Trainer, folder: Path) -> Interrupted:
    """Return what is said after Ctrl-C."""
    done, epochs = len(trainer.history), trainer.options.epochs
    if not done:
        return Interrupted(
            "stopped in the first epoch: nothing is learned yet; give the same command again"
        )
    return Interrupted(
        f"stopped; {done} of {epochs} epochs are saved in {folder}, go on with: "
        f"eventsnn train --out {quoted(folder)} --resume"
    )


def read_config(path: Path) -> dict[str, Any]:
    """Read options of a run from a TOML file: ``name = value`` lines, as on the command line."""
    text = read_text(path)
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOML that is none, or nested too deeply
        raise UserError(f"{path}: not TOML ({error})") from error
    unknown = sorted(set(values) - TRAIN_OPTIONS)
    if unknown:
        close = difflib.get_close_matches(unknown[0], TRAIN_OPTIONS, n=1, cutoff=0.7)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UserError(
            f"{path}: unknown option {unknown[0]!r}; {hint}known are {sorted(TRAIN_OPTIONS)}"
        )
    for name, value in values.items():
        try:
            check_value(name, value)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
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


def _merged(run: SavedRun, given: dict[str, Any], out: Path) -> TrainOptions:
    """Return the saved options; only the number of epochs may change, and where things are."""
    saved = run.options
    known = saved.to_json()
    known |= known["herding"] | known["gradient"]
    for name, value in given.items():
        same = list(value) if name == "layers" else value
        # What is moved is compared: data and teachers by their digests.
        moved = name == "teacher" and known[name] and same
        moved = moved or (name == "data" and run.data is not None)
        if name != "epochs" and not moved and known[name] != same:
            raise UserError(
                f"{out}: was trained with {name} {known[name]}, not {same}; leave it out to go "
                "on, or give another --out"
            )
    gradient = replace(saved.gradient, teacher=given.get("teacher", saved.gradient.teacher))
    moved = {"data": given.get("data", saved.data), "gradient": gradient}
    return replace(saved, epochs=int(given.get("epochs", saved.epochs)), **moved)


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
