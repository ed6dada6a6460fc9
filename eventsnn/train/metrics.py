"""The log of a run: a line of JSON an epoch, and TensorBoard scalars if asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eventsnn.errors import UserError
from eventsnn.files.outputs import write_whole

FILE = "metrics.jsonl"

Row = dict[str, Any]


class Metrics:
    """Writes rows of the history into a run's folder.

    Parameters
    ----------
    folder : Path or None
        None: nowhere.
    tensorboard : bool
        Needs the package tensorboardX.
    """

    def __init__(self, folder: Path | None, tensorboard: bool = False) -> None:
        self.folder, self.writer = folder, None
        if tensorboard and folder is not None:
            self.writer = _writer(folder)

    def begin(self, history: list[Row]) -> None:
        """Write the rows that a resumed run has already, in place of whatever is there."""
        if self.folder is None:
            return
        text = "".join(json.dumps(row) + "\n" for row in history)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / FILE, text.encode())
        except OSError as error:
            raise _cannot(self.folder, error) from error

    def add(self, row: Row) -> None:
        """Append one epoch."""
        if self.folder is None:
            return
        try:
            with (self.folder / FILE).open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise _cannot(self.folder, error) from error
        if self.writer is not None:
            for name, value in row.items():
                if isinstance(value, int | float) and name != "epoch":
                    self.writer.add_scalar(name, value, row["epoch"])
            for p, spikes in enumerate(row["spikes_per_recording"]):
                self.writer.add_scalar(f"spikes_per_recording/{p}", spikes, row["epoch"])
            self.writer.flush()

    def close(self) -> None:
        """Write out what TensorBoard's own thread has not written yet."""
        if self.writer is not None:
            self.writer.close()


def _writer(folder: Path) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise UserError(
            "--tensorboard needs the package tensorboardX; install it with pip install "
            "'eventsnn[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder / "tensorboard"))


def _cannot(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"{folder}: the metrics cannot be written: {error.strerror}; the checkpoint there is "
        "unharmed"
    )
