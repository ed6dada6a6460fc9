"""What a paper is to the command: rows, each run once and kept, and tables made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from eventsnn.data.source import DataSet
from eventsnn.train.checkpoint import load_checkpoint

Result = dict[str, Any]
"""Plain JSON."""


class Table(NamedTuple):
    """Cells as people read them; the console and the page show the same."""

    title: str
    head: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True)
class Desk:
    """What a row finds when it is run.

    Attributes
    ----------
    data : DataSet
        Of the row's kind.
    seed : int
    folder : Path
        Its own; what it saves there before it is finished is there when it goes on.
    found : mapping of str to Result
        Results of the rows that it needs, by the names under which it asked for them.
    folders : mapping of str to Path
        Their folders.
    tell : callable
        Told (done, total, note); raises KeyboardInterrupt when the run is to stop.
    """

    data: DataSet
    seed: int
    folder: Path
    found: Mapping[str, Result]
    folders: Mapping[str, Path]
    tell: Callable[[int, int, str], None]

    def weights(self, name: str) -> list[NDArray[Any]]:
        """Return the weights (n_in, n_out) that a needed row learned."""
        arrays = load_checkpoint(self.folders[name]).arrays
        return [arrays[f"weight{n}"] for n in range(sum(k.startswith("weight") for k in arrays))]


Run = Callable[[Desk, Mapping[str, Any]], Result]


@dataclass(frozen=True)
class Row:
    """One run of a paper.

    Attributes
    ----------
    name : str
        As ``--only`` takes it.
    title : str
        As people read it.
    run : callable
        Takes a Desk and the options; returns plain JSON.
    options : mapping
        All that decides the result, besides data and seed; plain JSON.
    quick : mapping
        The options that ``--quick`` changes.
    data : str
        Kind of data: a name in ``data.KINDS``.
    needs : tuple of str
        Rows of the same seed whose results or weights it takes.
    seed : int
    revision : int
        Raised where the code now finds something else: the row is run again, and no other.
    """

    name: str
    title: str
    run: Run
    options: Mapping[str, Any] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    data: str = "images"
    needs: tuple[str, ...] = ()
    seed: int = 0
    revision: int = 0

    @property
    def id(self) -> str:
        """The name, and the seed where it is not the first."""
        return row_id(self.name, self.seed)

    def again(self, seed: int) -> Row:
        """Return the same row with another seed."""
        return replace(self, seed=seed)


def row_id(name: str, seed: int) -> str:
    """Return the name, and the seed where it is not the first."""
    return name if seed == 0 else f"{name}-seed{seed}"


@dataclass(frozen=True)
class Paper:
    """A paper that can be reproduced.

    Attributes
    ----------
    name, title, source : str
        The word on the command line; title; where it is published.
    rows : tuple of Row
        A row stands behind those that it needs.
    compare : callable
        Takes the results by row id and whether the published figures apply; returns what
        is told about them, plain JSON.
    again : callable
        Takes what ``compare`` returned; returns rows to run with more seeds.
    tables : callable
        Takes the whole result of the command; returns its tables.
    figures : callable
        Takes the whole result and a folder; draws into it and returns the files' names.
    """

    name: str
    title: str
    source: str
    rows: tuple[Row, ...]
    compare: Callable[[Mapping[str, Result], bool], list[Result]]
    again: Callable[[list[Result]], list[Row]]
    tables: Callable[[Result], list[Table]]
    figures: Callable[[Result, Path], list[str]]
