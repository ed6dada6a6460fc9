"""What ``eventsnn front`` may be asked for, beside models and their data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsnn.errors import UserError
from eventsnn.options import Form, option, take
from eventsnn.text import shown

_FILE = Form((str, Path), "the name of a file", Path)


def _shares(given: Any) -> tuple[float, ...]:
    """Return points of accuracy as shares."""
    words = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    try:
        points = [float(word) for word in words]
    except (TypeError, ValueError) as error:
        raise UserError(f"lose is {shown(given)}; give {LOSE.remedy}") from error
    wrong = [point for point in points if not 0 <= point <= 100]
    if wrong:
        raise UserError(f"lose is {wrong[0]:g}; give {LOSE.remedy}")
    return tuple(points)


LOSE = Form((str, float, int, list, tuple), "points from 0 to 100", _shares, repeated=True)


@dataclass(frozen=True)
class FrontOptions:
    """What is trained first, how early stops are chosen, and where results go."""

    train: Path | None = option(
        None,
        "TOML file of runs, a table each and [b]all[/b] for options of every run; those that are "
        "not done are trained first, each in its folder of --out.",
        form=_FILE,
    )
    out: Path | None = option(
        None, "Folder of the runs of --train; default: runs/front.", form=_FILE
    )
    lose: tuple[float, ...] = option(
        (0.0, 0.1, 0.3, 1.0),
        "Points of accuracy that early stops may lose on recordings held out of training "
        "(--hold-out or --validate of train); may be given again; default 0, 0.1, 0.3 and 1.",
        form=LOSE,
    )
    energy: Path | None = option(None, "TOML file of energy models of your own.", form=_FILE)
    html: Path | None = option(
        None, "Write one page with everything; it needs no network.", form=_FILE
    )
    figure: Path | None = option(None, "Draw wrong answers against cost to this file.", form=_FILE)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self)
        if self.out is not None and self.train is None:
            raise UserError("--out: is the folder of the runs of --train; give that, too")
