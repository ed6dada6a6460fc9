"""What a network learned from: found again, known if it changed, and whether others fit it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eventsnn.data.cache import Progress
from eventsnn.data.classes import numbered_as
from eventsnn.data.dataset import DataSet, first_of, sensor_of
from eventsnn.data.source import open_data
from eventsnn.errors import UserError
from eventsnn.train.described import outputs
from eventsnn.train.saved_run import SavedRun
from eventsnn.train.trainable import times


def open_own(
    model: Path,
    run: SavedRun,
    given: str | None,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    give: str = "--data",
) -> DataSet:
    """Open data for a saved network: those ``given``, or those that it learned from.

    Parameters
    ----------
    give : str
        Where a command takes other data, for its messages.

    Raises
    ------
    UserError
        If its own cannot be opened or have changed, or the network cannot take the data.
    """
    spec = own_word(model, run, give) if given is None else given
    try:
        data = open_data(spec, limit=limit, progress=progress, **run.options.view.keywords)
    except UserError as error:
        if given is not None:
            raise
        raise UserError(
            f"{model}: what it learned from cannot be opened ({error}); give {give}"
        ) from error
    if given is None:
        changed = changes(run, data)
        if changed:
            raise UserError(f"{model}: {changed}; give {give} to name those that are meant")
    data = numbered_as(data, run.classes, str(model))
    check_fits(model, run, data)
    return data


def own_word(model: Path, run: SavedRun, give: str = "--data") -> str:
    """Return the word that opens what a network learned from, from any folder."""
    if not run.options.data:
        raise UserError(f"{model}: does not say what it learned from; give {give}")
    if run.data is None:  # of a version that kept no more than the word
        return run.options.data
    if not run.data.absolute:
        raise UserError(
            f"{model}: learned from {run.data.spec!r}, data that a program made and no word opens; "
            f"give {give}"
        )
    return run.data.absolute


def changes(run: SavedRun, data: DataSet) -> str:
    """Say in a line how data differ from those that a network learned from; "" if not at all.

    Of more recordings than it had, the first ones are compared; of fewer, nothing can be said.
    """
    if run.data is None:
        return ""
    train, test = run.data.recordings
    if len(data.train) < train or len(data.test) < test:
        return ""
    first = replace(data, train=first_of(data.train, train), test=first_of(data.test, test))
    return run.data.changes(first.identity)


def check_fits(model: Path, run: SavedRun, data: DataSet) -> None:
    """Refuse data of another sensor, or of more classes than a network tells apart."""
    shape, classes = sensor_of(data.train), outputs(run.options)
    if not run.sees(shape):
        raise UserError(
            f"{model}: learned from inputs of {times(run.sensor)}, {data.spec} has "
            f"{times(shape)}; give other --data"
        )
    if data.n_classes > classes:
        raise UserError(
            f"{model}: tells {classes} classes apart, {data.spec} has {data.n_classes}; give "
            "other --data"
        )
