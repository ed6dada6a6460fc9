"""``sweep``: a worker of a study, which takes trials until none is left; nothing is printed."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, TrialBars, progress_bars
from eventsnn.commands.sweep_options import SweepOptions
from eventsnn.commands.train import data_of, other_networks
from eventsnn.data.dataset import DataSet
from eventsnn.data.facts import facts_of
from eventsnn.data.identity import Identity
from eventsnn.errors import Interrupted, UserError
from eventsnn.files.outputs import write_whole
from eventsnn.report.page_parts import check_page_path
from eventsnn.report.sweep_page import save_sweep
from eventsnn.sweep.example import example
from eventsnn.sweep.folder import join, study_in
from eventsnn.sweep.journal import Claim, Journal
from eventsnn.sweep.pruners import pruners
from eventsnn.sweep.result import chosen_of, result_of
from eventsnn.sweep.space import Point
from eventsnn.sweep.study import SweepStudy, read_study
from eventsnn.sweep.trial import run_trial, trainer_of
from eventsnn.text import quoted
from eventsnn.train.learning import Learner
from eventsnn.train.model import open_model
from eventsnn.train.options import TrainOptions, completed

RESULT = "sweep.json"
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
"""Between two looks at the trials of other workers."""

Result = dict[str, Any]


def sweep(path: Path | None, asked: SweepOptions, threads: int, console: Console) -> Result:
    """Take part in a sweep until all its trials are done; return what is found."""
    if asked.html is not None:
        check_page_path(asked.html)
    study, folder = _study(path, asked)
    total = _total(study, asked)
    study.check(total)
    join(folder, study)
    worker = Worker(study, folder, total, threads, console)
    _tell(study, worker, console)
    try:
        worker.begin()
        worker.run()
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped; {total - worker.result()['left']} of {total} trials are done, and the one "
            "under way is saved; go on with: eventsnn sweep --resume --out "
            f"{quoted(folder)}{'' if asked.trials is None else f' --trials {total}'}"
        ) from None
    result = worker.result()
    if asked.test:
        result["test"] = [worker.tested(number) for number in chosen_of(result)]
    write_whole(folder / RESULT, (json.dumps(result, indent=1) + "\n").encode())
    if asked.html is not None:
        with console.working("drawing"):
            save_sweep(asked.html, result)
    return result | {"out": str(folder), "html": None if asked.html is None else str(asked.html)}


def _study(path: Path | None, asked: SweepOptions) -> tuple[SweepStudy, Path]:
    """Return the study and its folder."""
    if path is None and asked.out is not None and asked.resume:
        return study_in(asked.out), asked.out
    study = example() if path is None else read_study(path)
    if asked.out is not None:
        if asked.resume:
            study_in(asked.out)
        return study, asked.out
    stem = study.asked.name if path is None else path.stem
    name = re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "study"
    return study, Path("runs") / f"sweep-{name}"


def _total(study: SweepStudy, asked: SweepOptions) -> int:
    if asked.trials is None:
        return study.trials
    most = study.most
    if most is not None and asked.trials > most:
        raise UserError(
            f"--trials is {asked.trials:,}, and the grid has {most:,} points; give at most so many"
        )
    return asked.trials


def _tell(study: SweepStudy, worker: Worker, console: Console) -> None:
    """Say what is about to be done, and what depends on the number of workers."""
    asked = study.asked
    console.print(
        f"{asked.name}: {worker.total} trials, sampler {asked.sampler}, pruner {asked.pruner}, "
        f"goal {asked.goal}, in {worker.folder}",
        soft_wrap=True,
    )
    if study.points is None:
        console.print(
            f"sampler {asked.sampler}: looks at the trials that are done, so that several workers "
            "try others than one does (grid and random do not)",
            soft_wrap=True,
        )
    if pruners()[asked.pruner].prunes:
        console.print(
            f"pruner {asked.pruner}: holds a trial against those that are done, so that several "
            "workers may give up others than one does",
            soft_wrap=True,
        )


@dataclass
class Worker:
    """One of the processes that work on a study.

    Attributes
    ----------
    study : SweepStudy
    folder : Path
    total : int
        Trials in all.
    threads : int
    console : Console
    """

    study: SweepStudy
    folder: Path
    total: int
    threads: int
    console: Console
    journal: Journal = field(init=False)
    _opened: tuple[Any, DataSet] | None = None

    def __post_init__(self) -> None:
        """Open the journal."""
        self.journal = Journal(self.folder, self.study)

    def begin(self) -> None:
        """Open the data, and refuse trials that do not fit them.

        Raises
        ------
        UserError
            With the trial, its values and the remedy; or if other workers have other data.
        """
        points = self.study.points
        point = next(self.study.space.edges()) if points is None else points(0)
        base = self.study.options(0, point)
        data = self._data(base)
        now = data.identity
        was = self.journal.remembered("data", now.to_json())
        changed = Identity.from_json(was, str(self.folder)).changes(now)
        if changed:
            raise UserError(f"{self.folder}: {changed}; give those of the other trials")
        for number, point in self.study.checked(self.total):
            self._check(number, point, base, data)

    def _check(self, number: int | None, point: Point, base: TrainOptions, data: DataSet) -> None:
        """Refuse a trial that does not fit the data, if it sees them as ``base`` does."""
        try:
            options = self.study.options(number or 0, point, facts_of(data))
            if _key(options) == _key(base):
                Learner(completed(options, data))
        except UserError as error:
            raise UserError(f"{self.study.where(number, point)}: {error}") from error

    def run(self) -> None:
        """Take trials until all are done; wait for those of other workers, which may die."""
        pause = _PAUSE_S
        while True:
            claim = self.journal.claim(self.total)
            if claim is not None:
                self._run(claim)
                pause = _PAUSE_S
                continue
            running = sum(row["state"] == "running" for row in self.journal.rows())
            if not running:
                return
            with self.console.working(f"{running} trials of other workers are under way"):
                time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _run(self, claim: Claim) -> None:
        with claim.held, progress_bars(self.console) as bars:
            told = TrialBars(bars, claim.number, claim.known)
            try:
                try:
                    trainer = self._trainer(claim)
                except UserError as error:
                    if isinstance(error.__cause__, OSError):
                        raise
                    state, found = "failed", {"why": str(error)}
                    self.journal.end(claim, state, found)
                else:
                    state, found = run_trial(claim, self.journal, trainer, told)
            except KeyboardInterrupt:
                with suppress(OSError, UserError):
                    self.journal.leave(claim)
                raise
            told.ended(state, found, claim.point)

    def _trainer(self, claim: Claim) -> Any:
        point = claim.point
        options = self.study.options(claim.number, point)
        data = self._data(options)
        options = completed(self.study.options(claim.number, point, facts_of(data)), data)
        return trainer_of(options, data, self._folder(claim.number), self.threads)

    def _folder(self, number: int) -> Path:
        return self.folder / f"trial-{number}"

    def _data(self, options: TrainOptions) -> DataSet:
        """Return the data of a run, opened again only where they are others."""
        key = _key(options)
        if self._opened is None or self._opened[0] != key:
            self._opened = None  # one at a time
            with progress_bars(self.console) as bars:
                data = data_of(options, None, None, Bar(bars, "preparing data"))
            self._opened = key, data
        return self._opened[1]

    def result(self) -> Result:
        """Return what is found so far."""
        return result_of(self.study, self.journal.rows(), self.total)

    def tested(self, number: int) -> Result:
        """Return how a trial does on the test half."""
        learner, run = open_model(self._folder(number))
        data = self._data(run.options)
        found = learner.evaluate(data.test, self.threads)
        operations = float(sum(found["operations_per_recording"]))
        kept = {name: found[name] for name in ("accuracy", "recordings", "no_answer")}
        return {"trial": number, **kept, "operations": operations}


def _key(options: TrainOptions) -> tuple[Any, ...]:
    """Return what data are opened by."""
    return options.data, options.limit, options.view, tuple(other_networks(options))
