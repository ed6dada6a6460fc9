"""Writing a figure to a file that people can open."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from eventsnn.errors import UserError
from eventsnn.train.checkpoint import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


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
    """Refuse a name that no figure can have, before the work is done."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"figure {path}: give a name that ends in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UserError(f"figure {path}: there is no folder {path.parent}; make it first")
