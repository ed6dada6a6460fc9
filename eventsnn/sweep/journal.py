"""The study as Optuna keeps it: a journal in a file, to which any number of workers append.

The only file of the package that needs Optuna when it is imported. A worker takes a trial while it
holds the study's lock, and holds the trial's own lock until it is done: a trial that is said to
run, and whose lock is free, belonged to a worker that died, and the next one takes it up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from eventsnn.errors import DataError, UserError
from eventsnn.sweep.folder import JOURNAL
from eventsnn.sweep.held import try_hold, wait_to_hold
from eventsnn.sweep.pruners import pruners
from eventsnn.sweep.space import Point
from eventsnn.sweep.study import SweepStudy

_STATES = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
_DIRECTIONS = {
    "accuracy": [StudyDirection.MAXIMIZE],
    "front": [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE],
}
_DAMAGED = (ValueError, LookupError, TypeError, AssertionError)
"""What Optuna raises at lines that are none of a journal."""
MOST_DEATHS = 5
"""Workers that die in the same epoch of a trial before it is given up."""


class Claim(NamedTuple):
    """A trial that this worker has.

    Attributes
    ----------
    number : int
    point : dict
    known : int
        Epochs whose accuracy the journal knows: more than 0 for one that is taken up.
    trial : optuna.trial.Trial
    held : ExitStack
        Its lock.
    """

    number: int
    point: Point
    known: int
    trial: optuna.trial.Trial
    held: ExitStack


class Journal:
    """A study in a folder.

    Parameters
    ----------
    folder : Path
    study : SweepStudy

    Raises
    ------
    UserError
        If the folder cannot be written, or its journal cannot be read.
    """

    def __init__(self, folder: Path, study: SweepStudy) -> None:
        logging.getLogger("optuna").setLevel(logging.ERROR)
        self.folder, self.asked = folder, study
        # An absolute path: Optuna looks at it from other folders, too.
        path = folder.resolve() / JOURNAL
        asked = study.asked
        pruner = pruners()[asked.pruner]().optuna(asked.unpruned_trials, asked.unpruned_epochs)
        with wait_to_hold(folder):
            try:
                storage = JournalStorage(JournalFileBackend(str(path), _JournalLock(path)))
                self.study = optuna.create_study(
                    storage=storage,
                    pruner=pruner,
                    study_name=asked.name,
                    directions=_DIRECTIONS[asked.goal],
                    load_if_exists=True,
                )
            except _DAMAGED as error:
                raise DataError(
                    f"{path}: is damaged, or of another Optuna ({error}); remove it, and trials "
                    "are judged anew from their folders, or give another --out"
                ) from error

    def claim(self, total: int) -> Claim | None:
        """Take a trial whose worker died, else the next one; None where there is neither."""
        with wait_to_hold(self.folder):
            trials = self.study.get_trials(deepcopy=False)
            for one in trials:
                if one.state == TrialState.RUNNING:
                    claim = self._taken_up(one)
                    if claim is not None:
                        return claim
            if len(trials) >= total:
                return None
            self.study.sampler = _sampler(self.asked, len(trials))
            return self._claimed(self.study.ask(), 0, None)

    def _taken_up(self, one: FrozenTrial) -> Claim | None:
        held = self._try_hold(one.number)
        if held is None:
            return None
        # Its worker may have ended it since it was looked at.
        one = self.study.get_trials(deepcopy=False)[one.number]
        if one.state != TrialState.RUNNING:
            held.close()
            return None
        known = max([int(_found(one).get("epochs", 0)), *one.intermediate_values])
        self.study.sampler = _sampler(self.asked, one.number)
        trial = optuna.trial.Trial(self.study, one._trial_id)
        before = one.user_attrs.get("taken_up", [])
        # Who was stopped by Ctrl-C did not die of the trial.
        taken_up = [*before, -1 if one.user_attrs.get("left") == len(before) else known]
        trial.set_user_attr("taken_up", taken_up)
        if taken_up.count(known) >= MOST_DEATHS:
            with held:
                why = f"{MOST_DEATHS} workers died in it after epoch {known}"
                self.end(Claim(one.number, {}, known, trial, held), "failed", {"why": why})
            return None
        return self._claimed(trial, known, held)

    def leave(self, claim: Claim) -> None:
        """Note that a trial was stopped in order, to be taken up by whoever comes."""
        before = claim.trial.user_attrs.get("taken_up", [])
        claim.trial.set_user_attr("left", len(before))

    def _claimed(self, trial: optuna.trial.Trial, known: int, held: ExitStack | None) -> Claim:
        held = held or self._try_hold(trial.number)
        if held is None:
            raise UserError(f"{self._lock(trial.number)}: is held, by whom is not known; end it")
        point = self.asked.space.point(lambda one: one.suggested(trial))
        return Claim(trial.number, point, known, trial, held)

    def _lock(self, number: int) -> Path:
        return self.folder / ".workers" / f"trial-{number}"

    def _try_hold(self, number: int) -> ExitStack | None:
        return try_hold(self._lock(number))

    def tell(self, claim: Claim, epoch: int, found: dict[str, Any]) -> bool:
        """Note how a trial does after an epoch; return whether it is given up."""
        single = len(self.study.directions) == 1
        if epoch > claim.known:
            if single:
                claim.trial.report(found["accuracy"], epoch)
            claim.trial.set_user_attr("found", found)
        return single and claim.trial.should_prune()

    def end(self, claim: Claim, state: str, found: dict[str, Any]) -> None:
        """Note that a trial is done, pruned or failed."""
        claim.trial.set_user_attr("found", found)
        kind = next(key for key, word in _STATES.items() if word == state)
        values: Sequence[float] | None = None
        if kind == TrialState.COMPLETE:
            values = [found["accuracy"], found["operations"]][: len(self.study.directions)]
        self.study.tell(claim.number, values, state=kind)

    def rows(self) -> list[dict[str, Any]]:
        """Return what is known of each trial, as plain JSON."""
        return [self._row(one) for one in self.study.get_trials(deepcopy=False)]

    def _row(self, one: FrozenTrial) -> dict[str, Any]:
        found = _found(one)
        keys = ("accuracy", "held_out", "operations", "epochs", "seconds", "why")
        return {
            "trial": one.number,
            "state": _STATES[one.state],
            "values": dict(one.params),
            "seed": self.asked.given(one.number, dict(one.params))["seed"],
            **{key: found.get(key) for key in keys},
            "taken_up": len(one.user_attrs.get("taken_up", [])),
            "folder": f"trial-{one.number}",
        }

    def remembered(self, key: str, value: Any) -> Any:
        """Return what the first worker noted under a key: this one, if none did before."""
        with wait_to_hold(self.folder):
            attrs = self.study.user_attrs
            if key not in attrs:
                self.study.set_user_attr(key, value)
                return value
            return attrs[key]


class _JournalLock(JournalFileOpenLock):
    """The lock of the journal, which ends with its process: Optuna's own outlive it."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path, self.held = path, ExitStack()

    def acquire(self) -> bool:
        """Wait for it, and take off what a writer that died, or a full disk, cut short."""
        self.held = wait_to_hold(self.path.parent / ".workers" / "journal")
        try:
            self._mend()
        except BaseException:
            self.held.close()
            raise
        return True

    def release(self) -> None:
        """Let it go."""
        self.held.close()

    def _mend(self) -> None:
        with self.path.open("rb+") as file:
            size = file.seek(0, 2)
            if not size:
                return
            file.seek(size - 1)
            if file.read(1) == b"\n":
                return
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def _found(one: FrozenTrial) -> dict[str, Any]:
    """Return what was found of a trial so far."""
    found: dict[str, Any] = one.user_attrs.get("found", {})
    return found


def _sampler(study: SweepStudy, number: int) -> BaseSampler:
    """Return the sampler of one trial, whose seed is the trial's own.

    So a trial follows from its number and from the trials before it, also where a sweep was ended
    in between and went on.
    """
    if study.points is not None:
        return _Pointed(study.points(number))
    found: BaseSampler = study.sampler.optuna(study.seed_of(number, "sampler"))
    return found


class _Pointed(BaseSampler):
    """Gives a trial the point that follows from its number."""

    def __init__(self, point: Point) -> None:
        self.point = point

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Nothing is drawn together."""
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        """Nothing is drawn together."""
        return {}

    def sample_independent(self, study: Any, trial: Any, param_name: str, space: Any) -> Any:
        """Return the value of an option."""
        return self.point[param_name]
