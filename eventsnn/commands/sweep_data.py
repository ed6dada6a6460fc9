"""The data of a sweep's trials: opened once, and the same for every worker."""

from __future__ import annotations

from typing import Any

from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.commands.train import data_of, other_networks
from eventsnn.data.dataset import DataSet
from eventsnn.data.facts import facts_of
from eventsnn.data.identity import Identity
from eventsnn.data.view import SensorView
from eventsnn.errors import UserError
from eventsnn.options import declared
from eventsnn.sweep.journal import Journal
from eventsnn.sweep.space import Point
from eventsnn.sweep.study import SweepStudy
from eventsnn.train.held_out import split_of
from eventsnn.train.learning import Learner
from eventsnn.train.options import TrainOptions, completed


class WorkerError(UserError):
    """No fault of a trial: the worker ends, and others may go on with it."""


class SweepData:
    """Opens the data of trials.

    Parameters
    ----------
    study : SweepStudy
    console : Console
    """

    def __init__(self, study: SweepStudy, console: Console) -> None:
        self.study, self.console = study, console
        self._opened: tuple[Any, DataSet] | None = None
        self._same: set[Any] = set()

    def check(self, total: int) -> None:
        """Refuse trials that do not fit the data.

        Raises
        ------
        UserError
            With the trial, its values and the remedy.
        """
        points = self.study.points
        point = next(self.study.space.edges()) if points is None else points(0)
        base = self.study.options(0, point)
        data = self._open(base)
        for number, one in self.study.checked(total):
            self._check(number, one, base, data)

    def _check(self, number: int | None, point: Point, base: TrainOptions, data: DataSet) -> None:
        """Refuse a trial that does not fit the data, if it sees them as ``base`` does."""
        try:
            options = self.study.options(number or 0, point, facts_of(data))
            if _key(options) == _key(base):
                learner = Learner(completed(options, data))
                split_of(learner.options, learner.rule.validate, data)
        except UserError as error:
            raise UserError(f"{self.study.where(number, point)}: {error}") from error

    def of(self, options: TrainOptions, journal: Journal) -> DataSet:
        """Return the data of a trial, opened again only where they are others.

        Raises
        ------
        WorkerError
            If they cannot be opened, or are not those of the other workers.
        UserError
            If they cannot be seen as this trial sees them.
        """
        try:
            data = self._open(options)
        except UserError as error:
            names = {one.name for one in self.study.space.dimensions}
            if names & set(declared(SensorView)):
                raise
            raise WorkerError(str(error)) from error
        key = str(_key(options))
        if key not in self._same:
            now = data.identity
            was = journal.remembered(f"data {key}", now.to_json())
            changed = Identity.from_json(was, str(journal.folder)).changes(now)
            if changed:
                raise WorkerError(f"{journal.folder}: {changed}; give those of the other trials")
            self._same.add(key)
        return data

    def _open(self, options: TrainOptions) -> DataSet:
        key = _key(options)
        if self._opened is None or self._opened[0] != key:
            self._opened = None  # one at a time
            with progress_bars(self.console) as bars:
                data = data_of(options, None, None, Bar(bars, "preparing data"))
            self._opened = key, data
        return self._opened[1]


def _key(options: TrainOptions) -> tuple[Any, ...]:
    """Return what data are opened by."""
    return options.data, options.limit, options.view, tuple(other_networks(options))
