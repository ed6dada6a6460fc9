"""Checkpoints: one safetensors file that holds a whole run, and a JSON to look at.

``model.safetensors`` carries the arrays *and*, in its metadata, the options and the
history of the run, so that one rename makes a checkpoint whole; and a digest of both, so
that no changed byte is taken for what was learned. ``model.json`` beside it is the same
history for people and scripts; nothing reads it back.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from eventsnn.data.digest import digest_of
from eventsnn.errors import DataError, UserError
from eventsnn.files.arrays import read_safetensors
from eventsnn.files.outputs import write_whole

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
    meta = {"format": _FORMAT, "run": text, "digest": _digest(checkpoint.arrays, text)}
    data = save(checkpoint.arrays, meta)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / file, data)
        pretty = json.dumps(_told(checkpoint.info), indent=2) + "\n"
        write_whole(folder / JSON_FILE, pretty.encode())
    except OSError as error:
        raise UserError(
            f"{folder}: the checkpoint cannot be written: {error.strerror}; an older one there "
            "is unharmed"
        ) from error


def _told(info: dict[str, Any]) -> dict[str, Any]:
    """Return what people may pass on: without the place of the data on this machine."""
    if "data" not in info:
        return info
    return info | {"data": info["data"] | {"absolute": ""}}


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
    if file.is_file() and file.suffix != ".safetensors":
        raise UserError(
            f"{path}: is no checkpoint of eventsnn; give the folder that Classifier.save or "
            "eventsnn train wrote"
        )
    if not file.is_file():
        raise UserError(f"{path}: there is no checkpoint; train one with eventsnn train --out")
    try:
        # Their sizes are within the file's: nothing larger is ever allocated.
        arrays, meta = read_safetensors(file)
    except DataError as error:
        raise damaged(file, str(error)) from error
    if meta.get("format") != _FORMAT:
        raise UserError(f"{file}: not a checkpoint of eventsnn; give another file")
    try:
        info = json.loads(meta["run"])
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(file, str(error)) from error
    if not isinstance(info, dict):
        raise damaged(file, "no options")
    _check_digest(file, arrays, meta)
    for name, array in arrays.items():
        _check_finite(file, name, array)
    return Checkpoint(arrays, info)


def damaged(path: str | os.PathLike[str], why: str) -> UserError:
    """Return the error of a checkpoint that cannot be used."""
    return UserError(f"{path}: the checkpoint is damaged ({why[:300]}); train it anew")


def _digest(arrays: dict[str, NDArray[Any]], text: str) -> str:
    """Return the digest of the arrays by name, and of the options and history."""
    told = np.frombuffer(text.encode(), np.uint8)
    return digest_of({**dict(sorted(arrays.items())), "run": told})


def _check_digest(file: Path, arrays: dict[str, NDArray[Any]], meta: dict[str, str]) -> None:
    """Refuse what was changed after it was written; earlier versions wrote no digest."""
    if "digest" in meta and meta["digest"] != _digest(arrays, meta["run"]):
        raise damaged(file, "its arrays or options are not those that were saved")


def _check_finite(file: Path, name: str, array: NDArray[Any]) -> None:
    """Refuse NaN and, but for what an optimizer remembers, infinity."""
    if array.dtype.kind not in "fc":
        return
    wrong = np.isnan(array) if name.startswith("optimizer.") else ~np.isfinite(array)
    if wrong.any():
        at = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise damaged(file, f"{name}{list(at)} is {array[at]}")
