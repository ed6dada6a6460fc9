"""Ours beside what was published: figures, verdicts, and the rows to run with more seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from eventsnn.reproduce.paper import Figure, Paper, Result, Row, Verdict, row_id

Standing = Callable[[Row], str | None]
"""Takes a row; returns empty text where its figures are judged, the reason where they are
shown, None where they are left out."""

_LONGER = "this run is shorter than the published one; --full runs all of it"


class Compared(NamedTuple):
    """One figure, what is said of ours, and the same as plain JSON."""

    figure: Figure
    verdict: Verdict | None
    to_json: Result


def compare(
    paper: Paper, rows: Mapping[str, Result], standing: Standing, full: bool = False
) -> list[Compared]:
    """Return ours beside every published figure of the rows that were run.

    Parameters
    ----------
    paper : Paper
    rows : mapping of str to Result
        By row id.
    standing : callable
    full : bool
        Whether this was a run with ``--full``.

    Returns
    -------
    list of Compared
        In JSON ``row``, ``figure``, ``ours``, ``published``, ``difference`` and, where the figure
        is judged or shown, ``verdict`` with its details. Rows that were run with more seeds have
        ``seeds``, ``mean`` and ``spread`` (the standard deviation of the seeds).
    """
    found = []
    for figure in paper.published:
        reason = standing(paper.row(figure.row)) if figure.row in rows else None
        if reason is not None:
            reason = reason or (_LONGER if figure.full and not full else "")
            found.append(_compared(paper, rows, figure, reason))
    return found


def _compared(paper: Paper, rows: Mapping[str, Result], figure: Figure, reason: str) -> Compared:
    ours = rows[figure.row][figure.key]
    found: Result = {
        "row": figure.row,
        "figure": figure.key,
        "ours": ours,
        "published": figure.value,
        "difference": None if ours is None else round(ours - figure.value, 4),
    }
    shown = Verdict("shown", details={"reason": reason})
    verdict = shown if reason else figure.judge.judge(figure, rows)
    found |= verdict.to_json() if verdict else {}
    ids = [row_id(figure.row, seed) for seed in paper.seeds]
    seeds = [rows[name][figure.key] for name in ids if name in rows]
    if len(seeds) > 1:
        found["seeds"] = seeds
    if len(seeds) > 1 and None not in seeds:
        found |= {"mean": float(np.mean(seeds)), "spread": float(np.std(seeds, ddof=1))}
    return Compared(figure, verdict, found)


def again(paper: Paper, compared: Sequence[Compared]) -> list[Row]:
    """Return the rows that missed and those that they need, with the other seeds."""
    names = {c.figure.row for c in compared if c.verdict and c.verdict.outcome == "missed"}
    for row in reversed(paper.rows):
        names |= set(row.needs) if row.name in names else set()
    return [row.again(seed) for seed in paper.seeds[1:] for row in paper.rows if row.name in names]


def outcomes(compared: Sequence[Compared]) -> dict[str, int]:
    """Return how many figures were met, missed and shown."""
    found = Counter(c.verdict.outcome for c in compared if c.verdict)
    return {name: found[name] for name in ("met", "missed", "shown")}
