"""Parsing of the commands that tell what a network is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eventsnn.cli import show, show_measured
from eventsnn.cli.options import ERR, OUT, Json, Limit, Split, Threads
from eventsnn.threads import cores


def compare(
    models: Annotated[list[Path], typer.Argument(help="Folders that train wrote, two or more.")],
    data: Annotated[
        str | None, typer.Option(help="Data set as for train; default: each model's own.")
    ] = None,
    split: Split = "test",
    limit: Limit = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw accuracy against operations to this file.")
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure several networks: one table, one figure."""
    from eventsnn.commands import measure as commands

    what = commands.What(data, split, limit)
    result = commands.compare(models, what, figure, threads or cores(), ERR)
    if as_json:
        print(json.dumps(result))
    else:
        show_measured.comparison(result, OUT)


def bench(
    data: Annotated[
        str, typer.Option(help="Recordings to run: a data set as for train.")
    ] = "digits",
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first recordings.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are told.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the threaded run.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Sessions on streams instead, and learning there.")
    ] = False,
    ranks: Annotated[
        int | None,
        typer.Option(min=2, help="Training by 1, 2, ... so many ranks of MPI instead."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure every engine as a multiple of this machine's own limit, a bare loop."""
    from eventsnn.commands import results as commands

    if ranks is not None:
        result = commands.bench_ranks(ranks, rounds, ERR)
    else:
        result = commands.bench(data, limit, rounds, None if live else threads or cores(), ERR)
    if as_json:
        print(json.dumps(result))
        return
    show.bench(result, OUT)


def reproduce(
    paper: Annotated[str | None, typer.Argument(help="Which; none: list them.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="A data set as for train, given to the rows that it fits, or "
            "[b]checkpoint:FILE[/b], released weights; may be given again. Default: "
            "scikit-learn's digits, with which nothing is compared."
        ),
    ] = None,
    full: Annotated[
        bool | None,
        typer.Option(
            "--full/--quick",
            help="[b]--full[/b]: also the rows that take hours, and all epochs; "
            "[b]--quick[/b]: a tenth of the images, and fewer epochs. The last one counts.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this row, and what it needs; may be repeated.")
    ] = None,
    threads: Threads = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the rows; default: runs/PAPER.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Reproduce a paper: run every row, and put ours beside the published figure."""
    from eventsnn.commands import results as commands

    if paper is None:
        found = commands.papers()
        print(json.dumps(found)) if as_json else show.papers(found, OUT)
        return
    result = commands.reproduce(paper, data or [], full, only or [], threads or cores(), out, ERR)
    print(json.dumps(result)) if as_json else show.reproduction(result, OUT)
