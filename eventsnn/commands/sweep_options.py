"""What ``eventsnn sweep`` may be asked for, beside its study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eventsnn.errors import UserError
from eventsnn.options import Form, option, take

_FILE = Form((str, Path), "the name of a file", Path)
_FOLDER = Form((str, Path), "a folder", Path)


@dataclass(frozen=True)
class SweepOptions:
    """Where a sweep is, and what is wanted of it."""

    out: Path | None = option(
        None,
        "Folder of the sweep; default: runs/sweep-NAME, by the name of the study's file. The same "
        "command again joins in or goes on.",
        form=_FOLDER,
    )
    resume: bool = option(
        False, "Go on with the sweep in --out; its study stands there.", flag="--resume"
    )
    trials: int | None = option(None, "Trials in all, in place of the study's.", least=1)
    test: bool = option(
        False, "At the end show the accuracy of what is best on the test half.", flag="--test"
    )
    html: Path | None = option(
        None, "Write one page with everything; it needs no network.", form=_FILE
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self)
        if self.resume and self.out is None:
            raise UserError("--resume needs --out FOLDER, the sweep to go on with")
