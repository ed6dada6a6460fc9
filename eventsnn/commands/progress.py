"""Progress on standard error: bars with rate and time left, or a line an epoch in a log file."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TimeRemainingColumn,
)
from rich.text import Text

from eventsnn.commands.console import Console, PlainColumn
from eventsnn.rules.learned import Rates
from eventsnn.stopping import SoftStop
from eventsnn.text import named
from eventsnn.train.listener import Listener

if TYPE_CHECKING:
    from eventsnn.reproduce.paper import Row


_SHORT_S = 0.5
"""A simulation that is over sooner needs no bar."""


class RateColumn(ProgressColumn):
    """Finished things a second."""

    def render(self, task: Task) -> Text:
        """Return the rate of one bar."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


@contextmanager
def progress_bars(console: Console) -> Iterator[Progress]:
    """Show bars while the block runs."""
    columns = (
        PlainColumn(),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        PlainColumn("note"),
    )
    bars = Progress(*columns, console=console, disable=not console.is_terminal)
    try:
        yield bars
    finally:
        if bars.tasks:
            bars.stop()


def _add(bars: Progress, text: str, total: int | None) -> TaskID:
    """Add a bar; the first one starts the display, so that an early error stands alone."""
    bars.start()
    return bars.add_task(text, total=total, note="")


class Bar:
    """One bar that appears with the first report, for readers and the camera."""

    def __init__(self, bars: Progress, text: str) -> None:
        self._bars, self._text = bars, text
        self._task: Any = None
        self._total = 0

    def __call__(self, done: int, total: int) -> None:
        """Take one report; another total begins another bar."""
        if self._task is None or self._total != total:
            self._total = total
            self._task = _add(self._bars, self._text, total)
        self._bars.update(self._task, completed=done)


class Watch:
    """Shows how far a simulation is, and lets Ctrl-C stop it between two pieces.

    Attributes
    ----------
    until : float
        Where it ends, microseconds.
    stopped : bool
        Whether Ctrl-C stopped it.
    """

    def __init__(self, bars: Progress) -> None:
        self.until, self.stopped = math.inf, False
        self._bar, self._stop = Bar(bars, "simulated ms"), SoftStop()
        self._began = 0.0

    def __enter__(self) -> Watch:
        """Begin; Ctrl-C is as before until the first report."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave Ctrl-C as it was."""
        self._stop.end()

    def __call__(self, now: float) -> bool:
        """Take a report (microseconds); return whether the run goes on."""
        if not self._began:
            self._began = time.perf_counter()
            self._stop.begin()
        if time.perf_counter() - self._began > _SHORT_S and math.isfinite(self.until):
            self._bar(int(now // 1000), math.ceil(self.until / 1000))
        self.stopped = self._stop.asked
        return not self.stopped


class TrainingBars(Listener):
    """One bar an epoch (or part of a pass), with its accuracy."""

    def __init__(self, bars: Progress, word: str = "epoch") -> None:
        self._bars, self._word = bars, word
        self._task: Any = None
        self._loading: Any = None
        self._epochs = 0
        self._told: set[str] = set()

    def compiling(self) -> None:
        """Show that the kernels are being made; they are kept for the next run."""
        self._loading = _add(self._bars, "loading kernels (compiled once)", None)

    def started(self, rates: list[Rates]) -> None:
        """Show how often each layer fires, by usual weights and by those chosen."""
        if rates:
            text = ", ".join(f"{r.population} {r.before:.3g} -> {r.after:.3g}" for r in rates)
            self._bars.console.print(
                f"spikes a neuron, scaled at the start: {text}", soft_wrap=True
            )

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Start the epoch's bar."""
        self._epochs = epochs
        if self._loading is not None:
            self._bars.remove_task(self._loading)
            self._loading = None
        self._task = _add(self._bars, f"{self._word} {epoch}/{epochs}", samples)

    def progress(self, done: int, accuracy: float) -> None:
        """Move the epoch's bar."""
        self._bars.update(self._task, completed=done, note=f"learned {accuracy:.2%}")

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Show how well the epoch did."""
        note = f"learning {row['accuracy_while_learning']:.2%}  test {row['test_accuracy']:.2%}"
        self._bars.update(self._task, note=note)
        if not self._bars.console.is_terminal:
            where = f"{self._word} {row['epoch']}/{self._epochs}"
            text = f"{where} {row['seconds']:.1f} s {note}"
            self._bars.console.print(text, soft_wrap=True)
        for subject, warning in row.get("warnings", {}).items():
            if subject not in self._told:
                self._told.add(subject)
                text = f"warning: {self._word} {row['epoch']}: {warning}"
                self._bars.console.print(text, soft_wrap=True)


class RowBars:
    """A bar for each row of a paper under way, and a line for each that is finished."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._lock = threading.Lock()
        self._task: dict[str, TaskID] = {}
        self.finished = 0

    def row_begins(self, row: Row) -> None:
        """Start the row's bar."""
        with self._lock:
            self._task[row.id] = _add(self._bars, row.id, None)

    def row_moves(self, row: Row, done: int, total: int, note: str) -> None:
        """Move it."""
        self._bars.update(self._task[row.id], completed=done, total=total, note=note)

    def row_ends(self, row: Row, result: dict[str, Any], kept: bool) -> None:
        """Put a line in the bar's place."""
        with self._lock:
            self.finished += 1
            if row.id in self._task:
                self._bars.remove_task(self._task.pop(row.id))
        error = result.get("test_error", result.get("error"))
        told = "" if error is None else f", error {error:.2f} %"
        seconds = "found finished" if kept else f"{result['wall_seconds']:.0f} s"
        self._bars.console.print(f"{row.id}: {seconds}{told}", soft_wrap=True)


class TrialBars(Listener):
    """One bar a trial of a sweep, and a line when it ends."""

    def __init__(self, bars: Progress, number: int, known: int) -> None:
        self._bars, self._name = bars, f"trial {number}"
        self._from = f", taken up after epoch {known}" if known else ""
        self._task: Any = None
        self._note, self._first = "", 0

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Begin the bar, or go on with it."""
        if self._task is None:
            self._task = _add(self._bars, self._name, epochs * samples)
        self._first = (epoch - 1) * samples

    def progress(self, done: int, accuracy: float) -> None:
        """Move the bar."""
        self._bars.update(self._task, completed=self._first + done, note=self._note)

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Show how well what is held out is answered."""
        self._note = f"epoch {row['epoch']}, held out {row['held_out_accuracy']:.2%}"
        self._bars.update(self._task, note=self._note)

    def ended(self, state: str, found: dict[str, Any], values: dict[str, Any]) -> None:
        """Put a line in the bar's place."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        how = f"{state}: {found['why']}" if state == "failed" else ""
        if "accuracy" in found and not how:
            how = f"held out {found['accuracy']:.2%}, {found['operations']:,.0f} operations"
            how += f", {found['seconds']:.1f} s"
            how = f"{state} after epoch {found['epochs']}, {how}" if state == "pruned" else how
        what = ", ".join(f"{name} {named(value)}" for name, value in values.items())
        self._bars.console.print(f"{self._name}{self._from}: {how} ({what})", soft_wrap=True)
