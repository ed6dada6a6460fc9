"""Writing a figure to a file that people can open."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from eventsnn.errors import UserError
from eventsnn.files.outputs import check_output_file, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEADS = {".png": (b"\x89PNG",), ".svg": (b"<?xml", b"<svg", b"<!DOCTYPE"), ".pdf": (b"%PDF",)}
SUFFIXES = tuple(_HEADS)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure in the format that the name's ending tells, whole or not at all.

    Raises
    ------
    UserError
        If the ending is unknown, or the file cannot be written.
    """
    target = Path(path)
    check_figure_path(target)
    data = io.BytesIO()
    # Without the date, the same figure is the same file.
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(target.suffix)
    figure.savefig(data, format=target.suffix[1:], dpi=120, metadata=undated)
    try:
        write_whole(target, data.getvalue())
    except OSError as error:
        raise UserError(f"figure {target}: cannot be written: {error.strerror}") from error


def check_figure_path(path: Path) -> None:
    """Refuse a figure that cannot be written, or would replace what is none, before the work."""
    check_output_file("figure", path, SUFFIXES)
    try:
        with path.open("rb") as file:
            head = file.read(64).lstrip()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"figure {path}: {error.strerror or error}; give another name") from error
    if head and not head.startswith(_HEADS[path.suffix]):
        raise UserError(f"figure {path}: is there, and no {path.suffix} figure; give another name")
