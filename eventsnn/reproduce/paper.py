"""What a paper is: rows, each run once and kept, published figures, and who judges them.

A row says what it asks of data (``need.py``) and of weights that others released
(``released.py``), and in which runs it takes part. A figure is judged by a ``Judge``
(``judges.py`` has the usual ones). Tables and drawings are made of the results.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

from eventsnn.data.dataset import DataSet
from eventsnn.errors import UserError
from eventsnn.files.arrays import Arrays
from eventsnn.reproduce.need import Need
from eventsnn.reproduce.released import Released
from eventsnn.train.checkpoint import load_checkpoint

Result = dict[str, Any]
"""Plain JSON."""

Tier = Literal["quick", "default", "full"]
"""How much is run: ``--quick``, no option, ``--full``."""

TIERS: tuple[Tier, ...] = ("quick", "default", "full")
"""From little to much."""


class Table(NamedTuple):
    """Cells as people read them; the console and the page show the same."""

    title: str
    head: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True)
class RowContext:
    """What a row finds when it is run.

    Attributes
    ----------
    data : DataSet
        What the row's need asks for.
    seed : int
    folder : Path
        Its own; what it saves there before it is finished is there when it goes on.
    found : mapping of str to Result
        Results of the rows that it needs, by the names under which it asked for them.
    folders : mapping of str to Path
        Their folders.
    report : callable
        Takes (done, total, note); raises KeyboardInterrupt when the run is to stop.
    released : dict of str to array
        The arrays that ``Row.released`` asks for.
    """

    data: DataSet
    seed: int
    folder: Path
    found: Mapping[str, Result]
    folders: Mapping[str, Path]
    report: Callable[[int, int, str], None]
    released: Arrays = field(default_factory=dict)

    def weights(self, name: str) -> list[NDArray[Any]]:
        """Return the weights (n_in, n_out) that a needed row learned."""
        arrays = load_checkpoint(self.folders[name]).arrays
        return [arrays[f"weight{n}"] for n in range(sum(k.startswith("weight") for k in arrays))]


Run = Callable[[RowContext, Mapping[str, Any]], Result]


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
        Takes a RowContext and the options; returns plain JSON.
    data : Need
        What it asks of its data.
    options : mapping
        All that decides the result, besides data and seed; plain JSON.
    quick, full : mapping
        The options that ``--quick`` and ``--full`` change.
    tier : str
        The smallest run in which it takes part: "quick" in every one, "default" not with
        ``--quick``, "full" with ``--full`` only.
    needs : tuple of str
        Rows of the same seed whose results or weights it takes.
    released : Released, optional
        Weights of others that it reads; without them it is left out.
    seed : int
    revision : int
        Raised where the code now finds something else: the row is run again, and no other.
    """

    name: str
    title: str
    run: Run
    data: Need
    options: Mapping[str, Any] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    full: Mapping[str, Any] = field(default_factory=dict)
    tier: Tier = "quick"
    needs: tuple[str, ...] = ()
    released: Released | None = None
    seed: int = 0
    revision: int = 0

    @property
    def id(self) -> str:
        """The name, and the seed where it is not the first."""
        return row_id(self.name, self.seed)

    def again(self, seed: int) -> Row:
        """Return the same row with another seed."""
        return replace(self, seed=seed)

    def options_of(self, tier: Tier) -> dict[str, Any]:
        """Return the options of a run of that tier."""
        changed = {"quick": self.quick, "default": {}, "full": self.full}
        return {**self.options, **changed[tier]}


def row_id(name: str, seed: int) -> str:
    """Return the name, and the seed where it is not the first."""
    return name if seed == 0 else f"{name}-seed{seed}"


class Verdict(NamedTuple):
    """What is said of ours beside a published figure.

    Attributes
    ----------
    outcome : str
        "met" or "missed"; "shown" where nothing judges it.
    word : str
        As tables show it; empty: the outcome.
    details : mapping
        More of it, plain JSON: ``tolerance``; ``reason``, which a shown figure must have.
    """

    outcome: Literal["met", "missed", "shown"]
    word: str = ""
    details: Mapping[str, Any] = {}

    def to_json(self) -> Result:
        """Return the word as ``verdict``, and the details beside it."""
        return {"verdict": self.word or self.outcome, **self.details}


class Judge(ABC):
    """Says whether ours is what was published."""

    @abstractmethod
    def judge(self, figure: Figure, rows: Mapping[str, Result]) -> Verdict | None:
        """Return the verdict; None where the figure only stands beside another that is judged.

        Parameters
        ----------
        figure : Figure
        rows : mapping of str to Result
            Every result, by row id: a judge may look at other rows and other seeds.
        """


@dataclass(frozen=True)
class Figure:
    """A published number.

    Attributes
    ----------
    row : str
        The row that gives ours.
    key : str
        Where ours stands in its result.
    value : float
        As published.
    judge : Judge
    full : bool
        It is judged with ``--full`` only, and shown otherwise: the row is shorter then.
    """

    row: str
    key: str
    value: float
    judge: Judge
    full: bool = False


def no_drawings(result: Result, folder: Path) -> list[str]:
    """Draw nothing."""
    return []


@dataclass(frozen=True)
class Paper:
    """A paper that can be reproduced.

    Attributes
    ----------
    name, title, source : str
        The word on the command line; title; where it is published.
    rows : tuple of Row
        A row stands behind those that it needs.
    published : tuple of Figure
        In the order in which they are compared.
    seeds : tuple of int
        A row that misses is run again with all but the first.
    tables : callable, optional
        Takes the whole result of the command; returns its tables. None: a table of the
        published figures and one of the other rows (``tables.py``).
    figures : callable
        Takes the whole result and a folder; draws into it and returns the files' names.
    """

    name: str
    title: str
    source: str
    rows: tuple[Row, ...]
    published: tuple[Figure, ...] = ()
    seeds: tuple[int, ...] = (0,)
    tables: Callable[[Result], list[Table]] | None = None
    figures: Callable[[Result, Path], list[str]] = no_drawings

    def __post_init__(self) -> None:
        """Check the rows against each other, and the figures against the rows."""
        before: dict[str, Row] = {}
        for row in self.rows:
            where = f"paper {self.name}: row {row.name}"
            if row.name in before:
                raise UserError(f"{where}: two rows have this name; give each its own")
            if row.tier not in TIERS:
                raise UserError(f"{where}: tier {row.tier!r}; give one of {', '.join(TIERS)}")
            for name in row.needs:
                need = before.get(name)
                if need is None:
                    raise UserError(f"{where}: needs {name!r}, which does not stand before it")
                if TIERS.index(need.tier) > TIERS.index(row.tier):
                    raise UserError(
                        f"{where}: has tier {row.tier} and needs {name}, of tier {need.tier}; "
                        "give it that tier"
                    )
            before[row.name] = row
        for figure in self.published:
            if figure.row not in before:
                raise UserError(
                    f"paper {self.name}: figure {figure.key} of row {figure.row!r}: there are "
                    f"{', '.join(before)}"
                )

    def row(self, name: str) -> Row:
        """Return the row of that name; KeyError where there is none."""
        return {row.name: row for row in self.rows}[name]
