"""Checkpoints: one safetensors file that holds a whole run, and a JSON to look at.

``model.safetensors`` carries the arrays *and*, in its metadata, the options and the
history of the run, so that one rename makes a checkpoint whole. ``model.json`` beside
it is the same history for people and scripts; nothing reads it back.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from eventsnn.errors import UserError

FILE = "model.safetensors"
BEST_FILE = "best.safetensors"
JSON_FILE = "model.json"
_FORMAT = "eventsnn-1"


@dataclass(frozen=True)
class Checkpoint:
    """What a run was when it was saved.

    Attributes
    ----------
    arrays : dict of str to array
        Everything that training changes.
    info : dict
        Options, sizes, version, epochs done and their history; plain JSON.
    """

    arrays: dict[str, NDArray[Any]]
    info: dict[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, file: str = FILE) -> None:
    """Write a checkpoint, replacing an older one in a single step.

    Raises
    ------
    UserError
        If the folder cannot be written; what was there before is still there.
    """
    text = json.dumps(checkpoint.info, sort_keys=True)
    data = save(checkpoint.arrays, {"format": _FORMAT, "run": text})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / file, data)
        pretty = json.dumps(checkpoint.info, indent=2) + "\n"
        write_whole(folder / JSON_FILE, pretty.encode())
    except OSError as error:
        raise UserError(
            f"{folder}: the checkpoint cannot be written: {error.strerror}; an older one there "
            "is unharmed"
        ) from error


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint from its folder or file.

    Raises
    ------
    UserError
        If there is none, or the file is damaged or not from here.
    """
    file = Path(path)
    file = file / FILE if file.is_dir() else file
    if file.suffix == ".toml":
        raise UserError(
            f"{path}: describes a network; give a trained one, the folder that eventsnn train "
            "--out wrote (eventsnn simulate runs networks that are described)"
        )
    if not file.is_file():
        raise UserError(f"{path}: there is no checkpoint; train one with eventsnn train --out")
    try:
        with safe_open(file, "np") as source:
            meta = source.metadata() or {}
            if meta.get("format") != _FORMAT:
                raise UserError(f"{file}: not a checkpoint of eventsnn; give another file")
            info = json.loads(meta["run"])
            arrays = {name: np.array(source.get_tensor(name)) for name in source.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError, OSError, TypeError) as error:
        raise UserError(f"{file}: the checkpoint is damaged ({error}); train it anew") from error
    if not isinstance(info, dict):
        raise UserError(f"{file}: the checkpoint is damaged (no options); train it anew")
    return Checkpoint(arrays, info)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name and rename it; OSError leaves nothing behind."""
    # Not mkstemp, whose files nobody else may read: who may is up to the user's umask.
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        error.filename = str(path)  # not the temporary name, and where a disk is full not None
        raise
    finally:
        part.unlink(missing_ok=True)
