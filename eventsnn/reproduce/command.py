"""One paper, from data and rows to the JSON, the figures and what is told about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import eventsnn
from eventsnn.errors import UserError
from eventsnn.files.outputs import write_whole
from eventsnn.reproduce.data import KINDS, Shelf
from eventsnn.reproduce.paper import Paper, Result, Row
from eventsnn.reproduce.runner import FILE, RowListener, Runner
from eventsnn.train.trainer import machine


def chosen_rows(paper: Paper, only: Sequence[str], shelf: Shelf) -> tuple[list[Row], list[str]]:
    """Return the rows to run, in order, and the names of those left out for want of data.

    Rows that a chosen row needs are run too.
    """
    known = {row.name: row for row in paper.rows}
    for name in only:
        if name not in known:
            raise UserError(f"row {name!r}: {paper.name} has {', '.join(known)}")
    missing = [row.name for row in paper.rows if not shelf.has(row.data)]
    wanted = set(only) or set(known) - set(missing)
    for row in reversed(paper.rows):
        wanted |= set(row.needs) if row.name in wanted else set()
    for row in paper.rows:
        if row.name in wanted and row.name in missing:
            raise UserError(f"row {row.name}: its data are missing; add {KINDS[row.data]}")
    return [row for row in paper.rows if row.name in wanted], [] if only else missing


def reproduce(
    paper: Paper,
    shelf: Shelf,
    only: Sequence[str],
    out: Path,
    threads: int,
    listener: RowListener,
) -> Result:
    """Run a paper's rows, compare them with what is published, draw; return plain JSON.

    Rows that end outside their tolerance are run with more seeds. Everything is written
    into ``out``: ``result.json``, the figures, and a folder a row.
    """
    rows, skipped = chosen_rows(paper, only, shelf)
    runner = Runner(shelf, out, threads, listener)
    found = runner.run(rows)
    more = paper.again(paper.compare(found, shelf.is_mnist))
    found |= runner.run(more)
    result: Result = {
        "paper": paper.name,
        "title": paper.title,
        "source": paper.source,
        "data": dict(sorted(shelf.words.items())),
        "note": shelf.note,
        "quick": shelf.quick,
        "published_figures_apply": shelf.is_mnist,
        "rows": found,
        "comparison": paper.compare(found, shelf.is_mnist),
        "skipped": skipped,
        "seconds": sum(row["wall_seconds"] for row in found.values()),
        "out": str(out),
        "version": eventsnn.__version__,
        "machine": machine(),
    }
    result["figures"] = paper.figures(result, out)
    write_whole(out / FILE, (json.dumps(result) + "\n").encode())
    return result
