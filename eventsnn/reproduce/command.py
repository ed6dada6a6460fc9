"""One paper, from data and rows to the JSON, the figures and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import eventsnn
from eventsnn.errors import UserError
from eventsnn.files.outputs import write_whole
from eventsnn.reproduce.comparison import again, compare, outcomes
from eventsnn.reproduce.data import PaperData
from eventsnn.reproduce.paper import TIERS, Paper, Result, Row, Table, Tier
from eventsnn.reproduce.runner import FILE, RowListener, Runner
from eventsnn.reproduce.tables import plain_tables
from eventsnn.train.trainer import machine


def tier_of(full: bool | None) -> Tier:
    """Return the tier that ``--full`` (True) or ``--quick`` (False) chooses, or neither."""
    if full is None:
        return "default"
    return "full" if full else "quick"


def chosen_rows(
    paper: Paper, only: Sequence[str], data: PaperData
) -> tuple[list[Row], list[str], list[str]]:
    """Return the rows to run, in order, and the names of others.

    Rows that a chosen row needs are run too; a row that is chosen by name is run in any tier.

    Returns
    -------
    rows : list of Row
    missing, beyond : list of str
        Rows left out for want of data, and those of a larger tier.
    """
    known = {row.name: row for row in paper.rows}
    for name in only:
        if name not in known:
            raise UserError(f"row {name!r}: {paper.name} has {', '.join(known)}")
    most = TIERS.index(data.tier)
    beyond = [row.name for row in paper.rows if TIERS.index(row.tier) > most]
    missing: list[str] = []
    for row in paper.rows:
        lost = not data.has(row) or any(need in missing for need in row.needs)
        missing += [row.name] if lost and row.name not in beyond else []
    wanted = set(only) or set(known) - set(missing) - set(beyond)
    for row in reversed(paper.rows):
        wanted |= set(row.needs) if row.name in wanted else set()
    for row in paper.rows:
        if row.name in wanted and not data.has(row):
            raise UserError(data.missing(row))
    rows = [row for row in paper.rows if row.name in wanted]
    return rows, [] if only else missing, [] if only else beyond


def reproduce(
    paper: Paper,
    data: PaperData,
    only: Sequence[str],
    out: Path,
    threads: int,
    listener: RowListener,
) -> Result:
    """Run a paper's rows, compare them with what is published, draw; return plain JSON.

    Rows that miss are run with more seeds. Everything is written into ``out``:
    ``result.json``, the figures, and a folder a row.
    """
    rows, missing, beyond = chosen_rows(paper, only, data)
    runner, full = Runner(data, out, threads, listener), data.tier == "full"
    found = runner.run(rows)
    found |= runner.run(again(paper, compare(paper, found, data.standing, full)))
    compared = compare(paper, found, data.standing, full)
    result: Result = {
        "paper": paper.name,
        "title": paper.title,
        "source": paper.source,
        "data": dict(sorted(data.words.items())),
        "note": data.note,
        "tier": data.tier,
        "quick": data.tier == "quick",
        "published_figures_apply": data.figures_apply,
        "rows": found,
        "comparison": [one.to_json for one in compared],
        "outcomes": outcomes(compared),
        "skipped": missing,
        "beyond_tier": beyond,
        "seconds": sum(row["wall_seconds"] for row in found.values()),
        "out": str(out),
        "version": eventsnn.__version__,
        "machine": machine(),
    }
    result["figures"] = paper.figures(result, out)
    write_whole(out / FILE, (json.dumps(result) + "\n").encode())
    return result


def tables_of(paper: Paper, result: Result) -> list[Table]:
    """Return a paper's own tables, or the plain ones."""
    return plain_tables(result) if paper.tables is None else paper.tables(result)
