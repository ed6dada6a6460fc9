"""``sweep``: a worker of a study, which takes trials until none is left; nothing is printed."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsnn.commands.console import Console
from eventsnn.commands.progress import TrialBars, progress_bars
from eventsnn.commands.sweep_data import SweepData, WorkerError
from eventsnn.commands.sweep_options import SweepOptions
from eventsnn.data.facts import facts_of
from eventsnn.errors import Interrupted, UserError
from eventsnn.files.outputs import check_output_folder, write_whole
from eventsnn.report.page_parts import check_page_path
from eventsnn.report.sweep_page import save_sweep
from eventsnn.sweep.example import example
from eventsnn.sweep.folder import FILE as STUDY_FILE
from eventsnn.sweep.folder import join, study_in
from eventsnn.sweep.journal import Claim, Journal
from eventsnn.sweep.pruners import pruners
from eventsnn.sweep.result import chosen_of, result_of
from eventsnn.sweep.study import SweepStudy, read_study
from eventsnn.sweep.trial import run_trial, trainer_of
from eventsnn.text import quoted
from eventsnn.train.model import open_model
from eventsnn.train.options import completed

RESULT = "sweep.json"
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
"""Between two looks at the trials of other workers."""

Result = dict[str, Any]


def sweep(path: Path | None, asked: SweepOptions, threads: int, console: Console) -> Result:
    """Take part in a sweep until all its trials are done; return what is found."""
    if asked.html is not None:
        check_page_path(asked.html)
    study, folder = _study(path, asked)
    check_output_folder("--out", folder)
    total = _total(study, asked)
    study.check(total)
    data = SweepData(study, console)
    if not (folder / STUDY_FILE).exists():
        data.check(total)
    join(folder, study)
    worker = Worker(study, Journal(folder, study), data, total, threads, console)
    _tell(worker)
    try:
        worker.run()
    except KeyboardInterrupt:
        more = "" if study_in(folder).trials == total else f" --trials {total}"
        raise Interrupted(
            f"stopped; {total - worker.result()['left']} of {total} trials are done, and one under "
            "way is saved up to its last epoch; go on with: eventsnn sweep --resume --out "
            f"{quoted(folder)}{more}"
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


def _tell(worker: Worker) -> None:
    """Say what is about to be done, and what depends on the number of workers."""
    study, console = worker.study, worker.console
    asked = study.asked
    console.print(
        f"{asked.name}: {worker.total} trials, sampler {asked.sampler}, pruner {asked.pruner}, "
        f"goal {asked.goal}, in {worker.journal.folder}",
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


@dataclass(frozen=True)
class Worker:
    """One of the processes that work on a study.

    Attributes
    ----------
    study : SweepStudy
    journal : Journal
    data : SweepData
    total : int
        Trials in all.
    threads : int
    console : Console
    """

    study: SweepStudy
    journal: Journal
    data: SweepData
    total: int
    threads: int
    console: Console

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
                state, found = self._trained(claim, told)
            except (KeyboardInterrupt, UserError, OSError):  # no fault of the trial
                with suppress(OSError, UserError):
                    self.journal.leave(claim)
                raise
            told.ended(state, found, claim.point)

    def _trained(self, claim: Claim, told: TrialBars) -> tuple[str, Result]:
        """Train a trial; one that cannot be trained has failed."""
        try:
            options = self.study.options(claim.number, claim.point)
            data = self.data.of(options, self.journal)
            options = self.study.options(claim.number, claim.point, facts_of(data))
            folder = self._folder(claim.number)
            trainer = trainer_of(completed(options, data), data, folder, self.threads)
        except UserError as error:
            if isinstance(error, WorkerError) or isinstance(error.__cause__, OSError):
                raise
            found = {"why": str(error)}
            self.journal.end(claim, "failed", found)
            return "failed", found
        return run_trial(claim, self.journal, trainer, told)

    def _folder(self, number: int) -> Path:
        return self.journal.folder / f"trial-{number}"

    def result(self) -> Result:
        """Return what is found so far."""
        return result_of(self.study, self.journal.rows(), self.total)

    def tested(self, number: int) -> Result:
        """Return how a trial does on the test half."""
        learner, run = open_model(self._folder(number))
        data = self.data.of(run.options, self.journal)
        found = learner.evaluate(data.test, self.threads)
        operations = float(sum(found["operations_per_recording"]))
        kept = {name: found[name] for name in ("accuracy", "recordings", "no_answer")}
        return {"trial": number, **kept, "operations": operations}
