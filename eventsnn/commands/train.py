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
from eventsnn.data.classes import numbered_as
from eventsnn.data.dataset import DataSet
from eventsnn.data.facts import USUAL, USUAL_IMAGES, facts_of
from eventsnn.data.source import open_data
from eventsnn.errors import Interrupted, UserError
from eventsnn.files.outputs import check_output_folder
from eventsnn.files.unpack import read_text
from eventsnn.options import flat
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.rules import words
from eventsnn.text import quoted, shown
from eventsnn.train.checkpoint import FILE, damaged, load_checkpoint
from eventsnn.train.described import outputs
from eventsnn.train.health import slips
from eventsnn.train.learning import rule_of
from eventsnn.train.listening import first_line
from eventsnn.train.model import with_start
from eventsnn.train.options import (
    TrainOptions,
    completed,
    followed,
    former_names,
    known,
    make_options,
    taken,
    usual_rule,
)
from eventsnn.train.own_data import check_fits, open_own
from eventsnn.train.saved_run import SavedRun, load_run
from eventsnn.train.trainer import Trainer

_RUNS = Path("runs")
"""Where runs go that are given no folder."""


def train(
    given: dict[str, Any],
    out: Path | None,
    resume: bool,
    threads: int,
    tensorboard: bool,
    console: Console,
    ranks: Ranks = ONE,
) -> dict[str, Any]:
    """Train, or go on with a run; return its summary and how soon it was under way."""
    started = time.perf_counter()
    if given.get("epochs", 1) < 1:
        raise UserError(f"epochs is {given['epochs']}; give at least 1")
    check_output_folder("--out", _RUNS if out is None else out)
    run = _run_to_go_on_with(out) if resume else None
    options = _new_options(given, out) if run is None else _merged(run, given, out)
    rule_of(options).over(ranks)  # refused before data are read
    with progress_bars(console) as bars:
        with ranks.in_turn():  # others read what the first one keeps
            own = None if "data" in given else out
            data = data_of(options, run, own, Bar(bars, "preparing data"))
        if run is None:
            options = _following(given, data, console)
        elif out is not None:
            check_fits(out, run, data)
        options = completed(options, data)
        if run is None:
            _tell_data(options, data, console)
        _tell_other_networks(options, resume, console)
        _tell_ranks(options, ranks, threads, console)
        folder = _new_folder(options.data, ranks) if out is None else out
        trainer = Trainer(options, data, folder, threads, tensorboard, ranks=ranks)
        if run is not None:
            _resume(trainer, run, folder, console)
        try:
            summary = trainer.run(TrainingBars(bars, "part" if options.one_pass else "epoch"))
        except KeyboardInterrupt:
            raise _stopped(trainer, folder) from None
        first = trainer.first_step
        return summary | {"seconds_to_first_step": None if first is None else first - started}


def _run_to_go_on_with(out: Path | None) -> SavedRun:
    if out is None:
        raise UserError("--resume needs --out FOLDER, the run to go on with")
    return load_run(out)


def _following(given: dict[str, Any], data: DataSet, console: Console) -> TrainOptions:
    """Return the options of a new run, whose recipe follows the data; say in what."""
    facts = facts_of(data)
    found = make_options(with_start(given), facts)
    usual = make_options(with_start(given), USUAL_IMAGES if facts.images else USUAL)
    changed = followed(usual, found)
    if changed:
        told = ", ".join(f"{name} {shown(value)}" for name, value in changed.items())
        console.print(f"recipe for {facts}: {told}", soft_wrap=True)
    return found


def _new_options(given: dict[str, Any], out: Path | None) -> TrainOptions:
    """Return the options of a new run; UserError where ``out`` holds one."""
    options = make_options(with_start(given))
    if out is not None and _holds_a_run(out):
        raise UserError(f"{out}: holds a run already; add --resume, or give another --out")
    return options


def data_of(options: TrainOptions, run: SavedRun | None, own: Path | None, bar: Bar) -> DataSet:
    """Open the data that the options name, or those that the run in the folder ``own`` had."""
    if run is None or own is None:
        data = open_data(options.data, limit=options.limit, progress=bar, **options.view.keywords)
        for path in other_networks(options):
            data = numbered_as(data, load_run(path).classes, path)
        return data
    data = open_own(own, run, None, limit=options.limit, progress=bar)
    return replace(data, spec=options.data)


def other_networks(options: TrainOptions) -> list[str]:
    """Return the trained networks that a run begins with or learns from."""
    begin, teachers = getattr(options.own, "start_from", ""), getattr(options.own, "teacher", ())
    return [*([begin] if begin else []), *teachers]


def _tell_data(options: TrainOptions, data: DataSet, console: Console) -> None:
    """Say what is about to be done, and what is odd about the data."""
    console.print(first_line(options, data), soft_wrap=True)
    for slip in slips(data, outputs(options)):
        console.print(f"warning: {slip}", soft_wrap=True)


def _tell_other_networks(options: TrainOptions, resume: bool, console: Console) -> None:
    """Say which trained networks a run begins with, where its rule knows any."""
    begin, teachers = getattr(options.own, "start_from", ""), getattr(options.own, "teacher", ())
    if begin and not resume:
        console.print(f"starts from {begin}", soft_wrap=True)
    if teachers:
        console.print(f"learns from {' and '.join(teachers)}, too", soft_wrap=True)


def _tell_ranks(options: TrainOptions, ranks: Ranks, threads: int, console: Console) -> None:
    """Say how many processes learn, and how many of them a batch keeps busy."""
    if ranks.size == 1:
        return
    rule = rule_of(options)
    each = f"{threads} thread{'s' if threads > 1 else ''} each"
    console.print(f"{ranks.size} ranks of {each}", soft_wrap=True)
    groups = rule.groups(rule.batch) or []
    if len(groups) < ranks.size:
        console.print(
            f"warning: a batch of {rule.batch} has {len(groups)} groups, of which a rank takes at "
            f"least one; {ranks.size - len(groups)} of {ranks.size} ranks have no recordings, give "
            "a larger --batch or fewer ranks",
            soft_wrap=True,
        )


def _holds_a_run(out: Path) -> bool:
    """Return whether there is more to lose in a folder than initial weights."""
    if not (out / FILE).exists():
        return False
    try:
        return bool(load_checkpoint(out).info.get("history"))
    except UserError:
        return True  # who can tell


def _resume(trainer: Trainer, run: SavedRun, folder: Path, console: Console) -> None:
    """Go on with a run, or say that nothing is left to do."""
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
    if trainer.options.epochs == done and trainer.options.one_pass:
        console.print("nothing left to learn: the pass is done")
    elif trainer.options.epochs == done:
        console.print(
            f"nothing left to learn: {done} of {done} epochs are done; to go on, give more "
            "--epochs",
            soft_wrap=True,
        )


def _stopped(trainer: Trainer, folder: Path) -> Interrupted:
    """Return what is said after Ctrl-C."""
    done, epochs = len(trainer.history), trainer.options.epochs
    word = "part" if trainer.options.one_pass else "epoch"
    if not done:
        return Interrupted(
            f"stopped in the first {word}: nothing is learned yet; give the same command again"
        )
    return Interrupted(
        f"stopped; {done} of {epochs} {word}s are saved in {folder}, go on with: "
        f"eventsnn train --out {quoted(folder)} --resume"
    )


def read_config(path: Path, rule: str | None = None) -> dict[str, Any]:
    """Read options of a run from a TOML file: ``name = value`` lines, as on the command line.

    ``rule`` is what goes before the file's own, if any.
    """
    text = read_text(path)
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOML that is none, or nested too deeply
        raise UserError(f"{path}: not TOML ({error})") from error
    names, rule = known(), rule or values.get("rule")
    usual = usual_rule(values.get("data"))
    unknown = sorted(set(values) - set(names) - set(former_names()))
    if unknown:
        close = difflib.get_close_matches(unknown[0], names, n=1, cutoff=0.7)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UserError(f"{path}: unknown option {unknown[0]!r}; {hint}known are {sorted(names)}")
    try:
        return taken(values, rule if rule in words() else usual)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _merged(run: SavedRun, given: dict[str, Any], out: Path | None) -> TrainOptions:
    """Return the saved options; only the number of epochs may change, and where things are."""
    saved = run.options
    given = taken(given, saved.rule)
    was = flat(saved.own) | flat(saved)
    for name in set(given) - set(was):
        raise UserError(
            f"{out}: was trained by rule {saved.kind}, which has no {name}; leave it out"
        )
    for name, value in given.items():
        same = list(value) if isinstance(value, tuple) else value
        # What is moved is compared: data and teachers by their digests.
        moved = name == "teacher" and was[name] and same
        moved = moved or (name == "data" and run.data is not None)
        changes = name == "epochs" and not saved.one_pass  # the parts of a pass stay
        if not changes and not moved and was[name] != same:
            raise UserError(
                f"{out}: was trained with {name} {was[name]}, not {same}; leave it out to go "
                "on, or give another --out"
            )
    own = replace(saved.own, teacher=given["teacher"]) if "teacher" in given else saved.own
    data, epochs = (given.get(name, getattr(saved, name)) for name in ("data", "epochs"))
    return replace(saved, data=data, epochs=epochs, own=own)


def _new_folder(data: str, ranks: Ranks) -> Path:
    """Make the next free folder under runs/, of the first rank; return it."""
    return Path(ranks.said(str(_made_folder(data)) if ranks.first else ""))


def _made_folder(data: str) -> Path:
    kind = data.replace(":", "-").split("/")[0].strip("-.") or "run"
    for number in range(1, 10_000):
        folder = _RUNS / f"{kind}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UserError("runs/ is full; give --out FOLDER")
