"""The folder of a sweep: one study, whose file is kept, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import eventsnn
from eventsnn.errors import DataError, UserError
from eventsnn.files.outputs import write_whole
from eventsnn.files.unpack import read_text
from eventsnn.sweep.held import wait_to_hold
from eventsnn.sweep.study import SweepStudy, study_of
from eventsnn.text import shown
from eventsnn.train.checkpoint import FILE as RUN_FILE

FILE = "study.json"
JOURNAL = "journal.log"


def join(folder: Path, study: SweepStudy) -> None:
    """Begin a study in a folder, or join the one that is there.

    Raises
    ------
    UserError
        If the folder cannot be written, or holds another study: it says what differs.
    """
    with wait_to_hold(folder):
        path = folder / FILE
        if path.exists():
            _check_same(folder, _read(path), study)
            return
        if (folder / RUN_FILE).exists():
            raise UserError(f"--out {folder}: holds a training run; give another folder")
        left = sorted([*folder.glob(JOURNAL), *folder.glob("trial-*")])
        if left:
            raise UserError(
                f"--out {folder}: holds {left[0].name} of a sweep whose {FILE} is gone; bring it "
                "back, or give another folder"
            )
        told = {
            "name": study.asked.name,
            "tables": study.tables,
            "version": eventsnn.__version__,
        }
        write_whole(path, (json.dumps(told, indent=2) + "\n").encode())


def study_in(folder: Path) -> SweepStudy:
    """Return the study of a folder.

    Raises
    ------
    UserError
        If there is none.
    """
    path = folder / FILE
    if not path.is_file():
        raise UserError(f"{folder}: holds no sweep; give its study file, or another --out")
    told = _read(path)
    return study_of(told["tables"], str(path), told["name"])


def _read(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is damaged ({error}); give another --out") from error
    kinds = {"name": str, "tables": dict, "version": str}
    if not isinstance(told, dict) or any(
        not isinstance(told.get(key), kind) for key, kind in kinds.items()
    ):
        raise DataError(f"{path}: is no study of a sweep; give another --out")
    return told


def _check_same(folder: Path, told: dict[str, Any], study: SweepStudy) -> None:
    if told["version"] != eventsnn.__version__:
        raise UserError(
            f"{folder}: was begun by eventsnn {told['version']}, and this is "
            f"{eventsnn.__version__}, whose bits may differ; go on with that one, or give another "
            "--out"
        )
    before = dict(_flat({"name": told["name"]} | told["tables"]))
    now = dict(_flat({"name": study.asked.name} | json.loads(json.dumps(study.tables))))
    # What is tried follows the order of the options, too.
    for values, tables in ((before, told["tables"]), (now, study.tables)):
        values["the order in [space]"] = ", ".join(tables.get("space", {}))
    # More trials are no other study.
    names = [name for name in {**before, **now} if name != "trials"]
    changed = [
        f"{name} was {_told(before, name)}, and is {_told(now, name)}"
        for name in names
        if _told(before, name) != _told(now, name)
    ]
    if changed:
        more = f"; and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise UserError(
            f"{folder}: holds another study: {'; '.join(changed[:3])}{more}; give another --out, "
            "or the study as it was"
        )


def _told(values: dict[str, Any], name: str) -> str:
    return shown(values[name]) if name in values else "not given"


def _flat(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
