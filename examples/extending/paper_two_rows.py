"""A paper of two rows in one file outside the package: nearest neighbours, on images and events.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
recognition" (1998): k nearest neighbours, Euclidean, err on 5.0 % of MNIST's test images.
Here without MNIST, so on scikit-learn's digits, where nothing is judged.
"""

import tempfile
from pathlib import Path

import numpy as np

import eventsnn
from eventsnn.events import EventBatch
from eventsnn.reproduce import papers
from eventsnn.reproduce.command import reproduce, tables_of
from eventsnn.reproduce.data import PaperData
from eventsnn.reproduce.judges import AtMost, Shown
from eventsnn.reproduce.need import Need
from eventsnn.reproduce.originals import MNIST
from eventsnn.reproduce.paper import Figure, Paper, Row
from eventsnn.reproduce.samples import percent, vectors


def points(data):
    """Return a vector a sample: its pixels, or how often each input spoke."""
    if not isinstance(data, EventBatch):
        return vectors(data), data.labels
    counts = [np.bincount(stream.unit, minlength=data.n_units) for stream in data]
    return np.array(counts, np.float32), data.label


def neighbours(context, options):
    """Take the class that most of the k nearest training samples have."""
    (known, classes), (new, labels) = points(context.data.train), points(context.data.test)
    said = np.empty(len(new), np.int64)
    for i in range(0, len(new), 100):
        context.report(i, len(new), "")
        distance = (known**2).sum(1) - 2 * new[i : i + 100] @ known.T
        nearest = classes[np.argsort(distance, 1, kind="stable")[:, : options["k"]]]
        said[i : i + 100] = [np.bincount(row).argmax() for row in nearest]
    return {"test_error": percent(float((said == labels).mean())), "samples": len(new)}


IMAGES = Need("images", events=False, example="mnist:PATH", word="digits", original=MNIST)
FILM = Need("film", events=True, example="film:mnist:PATH", emulated=True, film_of=IMAGES)

PAPER = Paper(
    name="nearest-neighbours",
    title="Gradient-based learning applied to document recognition: the nearest neighbours",
    source="Y. LeCun et al. (1998)",
    rows=(
        Row("images", "3 nearest images", neighbours, IMAGES, {"k": 3}),
        Row("film", "3 nearest counts of events", neighbours, FILM, {"k": 3}),
    ),
    published=(
        Figure("images", "test_error", 5.0, AtMost(5.0)),
        Figure("film", "test_error", 5.0, Shown("the paper has images and no recordings")),
    ),
)


class Lines:
    """Listens to the rows."""

    def row_begins(self, row):
        """Say which row is under way."""
        print(f"{row.id}: {row.title} ...")

    def row_moves(self, row, done, total, note):
        """Say nothing about samples."""

    def row_ends(self, row, result, kept):
        """Say how it ended."""
        print(f"{row.id}: error {result['test_error']:.2f} %")


def main() -> None:
    eventsnn.register(PAPER)  # from here on, eventsnn reproduce would list it, too
    print("papers:", ", ".join(papers()))
    with tempfile.TemporaryDirectory() as folder:
        result = reproduce(PAPER, PaperData(PAPER, []), [], Path(folder), 1, Lines())
    print(result["note"])
    for table in tables_of(PAPER, result):
        print(table.title, table.head, *table.rows, table.note, sep="\n  ")


if __name__ == "__main__":
    main()
