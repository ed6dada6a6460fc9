"""Runs the rows of a paper, side by side where there are threads, and keeps every one."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol

import eventsnn
from eventsnn.errors import UserError
from eventsnn.files.outputs import write_whole
from eventsnn.reproduce.data import PaperData
from eventsnn.reproduce.paper import Result, Row, RowContext, row_id

FILE = "result.json"


class RowListener(Protocol):
    """Hears how the rows go; the command line draws it. Called from any thread."""

    def row_begins(self, row: Row) -> None:
        """A row starts, or goes on."""

    def row_moves(self, row: Row, done: int, total: int, note: str) -> None:
        """``done`` of ``total`` samples."""

    def row_ends(self, row: Row, result: Result, kept: bool) -> None:
        """A row is finished; ``kept``: it was, before this run."""


class Runner:
    """Runs rows into a folder.

    A row's folder is named by a digest of everything that decides its result: options,
    seed, version and revision, data, released weights, and the rows that it needs. So a
    finished row is found again, and a stale one never is.

    Parameters
    ----------
    data : PaperData
    out : Path
    threads : int
        Rows at a time; no number changes a result.
    listener : RowListener
    """

    def __init__(self, data: PaperData, out: Path, threads: int, listener: RowListener) -> None:
        self.data, self.out, self.threads, self.listener = data, out, threads, listener
        self.stop = threading.Event()

    def run(self, rows: Sequence[Row]) -> dict[str, Result]:
        """Run what is not finished; return every row's result by its id.

        ``rows`` stand behind those that they need. Whatever is raised, the finished rows,
        and the epochs of the others, are saved.
        """
        keys: dict[str, str] = {}
        for row in rows:
            keys[row.id] = self._key(row, keys)
        futures: dict[str, Future[Result]] = {}
        with ThreadPoolExecutor(self.threads) as pool:
            # Rows that need others last: a thread that waits for a row does nothing else.
            for row in sorted(rows, key=lambda row: bool(row.needs)):
                futures[row.id] = pool.submit(self._row, row, keys, futures)
            try:
                for future in as_completed(futures.values()):
                    future.result()
            finally:
                self.stop.set()
                for future in futures.values():
                    future.cancel()
        self.stop.clear()
        return {row.id: futures[row.id].result() for row in rows}

    def _key(self, row: Row, keys: Mapping[str, str]) -> str:
        parts = {
            "row": row.name,
            "options": row.options_of(self.data.tier),
            "seed": row.seed,
            "version": eventsnn.__version__,
            "data": self.data.digest(row.data),
            "needs": [keys[row_id(need, row.seed)] for need in row.needs],
        }
        if row.revision:
            parts["revision"] = row.revision
        if row.released is not None:
            parts["released"] = self.data.released_digest(row)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]

    def _folder(self, row_name: str, keys: Mapping[str, str]) -> Path:
        return self.out / "rows" / f"{row_name}-{keys[row_name]}"

    def _row(
        self, row: Row, keys: Mapping[str, str], futures: Mapping[str, Future[Result]]
    ) -> Result:
        # Rows that are needed were submitted before: one of the threads is at them.
        needs = {need: row_id(need, row.seed) for need in row.needs}
        found = {need: futures[name].result() for need, name in needs.items()}
        folder = self._folder(row.id, keys)
        kept = read_result(folder)
        if kept is not None:
            self.listener.row_ends(row, kept, True)
            return kept | {"title": row.title}
        folder.mkdir(parents=True, exist_ok=True)
        self.listener.row_begins(row)
        context = RowContext(
            data=self.data.open(row.data),
            seed=row.seed,
            folder=folder,
            found=found,
            folders={need: self._folder(name, keys) for need, name in needs.items()},
            report=lambda done, total, note: self._report(row, done, total, note),
            released=self.data.released(row),
        )
        started = time.perf_counter()
        result = dict(row.run(context, row.options_of(self.data.tier)))
        result = {"title": row.title, **result, "wall_seconds": time.perf_counter() - started}
        write_whole(folder / FILE, (json.dumps(result) + "\n").encode())
        self.listener.row_ends(row, result, False)
        return result

    def _report(self, row: Row, done: int, total: int, note: str) -> None:
        if self.stop.is_set():
            raise KeyboardInterrupt
        self.listener.row_moves(row, done, total, note)


def read_result(folder: Path) -> Result | None:
    """Return a finished row's result, or None."""
    try:
        result: Any = json.loads((folder / FILE).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder / FILE}: cannot be read ({error}); delete it") from error
    if not isinstance(result, dict):
        raise UserError(f"{folder / FILE}: holds no result; delete it")
    return result
