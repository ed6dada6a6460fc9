"""What a program is told of its run: lines where it wants them, and warnings in any case."""

from __future__ import annotations

import re
import sys
import warnings
from typing import Any

from eventsnn.data.dataset import DataSet
from eventsnn.data.facts import facts_of
from eventsnn.rules import find_rule
from eventsnn.text import epochs_of
from eventsnn.train.described import outputs
from eventsnn.train.health import slips
from eventsnn.train.listener import Listener
from eventsnn.train.options import TrainOptions

_LEVEL = 6
"""Frames from ``epoch_ends`` to who called ``fit``."""


def first_line(options: TrainOptions, data: DataSet) -> str:
    """Return what a run is about to do: data, rule and epochs."""
    kind, told = find_rule(options.rule).kind, facts_of(data)
    if options.one_pass:
        return f"{told}: rule {kind}, one pass in {options.epochs} parts"
    return f"{told}: rule {kind}, {epochs_of(options.epochs)}"


def tell_first(options: TrainOptions, data: DataSet, verbose: bool) -> None:
    """Warn of what is odd about the data, and print what is about to be done if it should."""
    for slip in slips(data, outputs(options)):
        warnings.warn(slip, stacklevel=3)
    if verbose:
        sys.stderr.write(first_line(options, data) + "\n")


class Told(Listener):
    """Prints a line an epoch if it should, and warns once of each thing that stays wrong.

    Parameters
    ----------
    verbose : bool
    tested : bool
        Whether there are recordings of its own to test with.
    """

    def __init__(self, verbose: bool, tested: bool) -> None:
        self.verbose, self.tested = verbose, tested
        self._told: set[str] = set()
        self._before: set[str] = set()
        self._epochs = 0

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Note how many there will be."""
        self._epochs = epochs

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Print what was learned, and warn."""
        if self.verbose:
            test = f", test {row['test_accuracy']:.2%}" if self.tested else ""
            sys.stderr.write(
                f"epoch {row['epoch']}: {row['seconds']:.1f} s, learning "
                f"{row['accuracy_while_learning']:.2%}{test}\n"
            )
        wrong: dict[str, str] = row.get("warnings", {})
        # The first epoch of many may well answer with one class.
        lasting = set(wrong) if row["epoch"] == self._epochs else set(wrong) & self._before
        for subject in sorted(lasting - self._told):
            told = f"epoch {row['epoch']}: {self._in_python(wrong[subject])}"
            warnings.warn(told, stacklevel=_LEVEL)
        self._told |= lasting
        self._before = set(wrong)

    def _in_python(self, text: str) -> str:
        """Return a line that names flags of the command line with options of a program."""
        if not self.tested:
            text = text.replace("the test recordings", "the recordings")
        return re.sub(r"--([a-z][a-z-]*)", lambda flag: flag[1].replace("-", "_"), text)
