"""Run two rows of a paper from Python: a ReLU network, and what the spiking one makes of it."""

import tempfile
from pathlib import Path

from eventsnn.reproduce import find_paper
from eventsnn.reproduce.command import reproduce
from eventsnn.reproduce.data import PaperData


class Lines:
    """Listens to the rows."""

    def row_begins(self, row):
        """Say which row is under way."""
        print(f"{row.id}: {row.title} ...")

    def row_moves(self, row, done, total, note):
        """Say nothing about samples."""

    def row_ends(self, row, result, kept):
        """Say nothing about the end."""


def main() -> None:
    paper = find_paper("deep-spiking-networks")
    data = PaperData(paper, ["digits"], "quick")
    with tempfile.TemporaryDirectory() as folder:
        result = reproduce(paper, data, ["predictions"], Path(folder), 1, Lines())
    print(result["note"])
    for row in result["rows"]["predictions"]["by_steps"][::5]:
        print(f"T = {row['n_steps']:4}: difference to the ReLU network {row['difference']:.4f}")


if __name__ == "__main__":
    main()
