"""A format of one's own: recordings as lines of text, read by one class in one file.

A file of the made-up format ``.evt`` is a line a recording: its class, a colon, then ``x,y,p@t``
for each event. ``register`` joins the reader; then ``eventsnn`` takes ``evt:FILE`` wherever it
takes data.
"""

import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

import eventsnn
from eventsnn.data.cache import Progress
from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.readers.reader import Reader
from eventsnn.data.split import held_out
from eventsnn.data.word import Word
from eventsnn.errors import DataError


@eventsnn.register
class Evt(Reader):
    """``evt:FILE``: a fifth of each class is held out."""

    kind: ClassVar[str] = "evt"
    forms: ClassVar[tuple[str, ...]] = ("evt:FILE",)
    suffixes: ClassVar[tuple[str, ...]] = (".evt",)

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        batch = self.file(Path(word.path), (2, 8, 8))
        test = held_out(batch.label)
        halves = [batch.select(np.flatnonzero(half)) for half in (~test, test)]
        return DataSet(word.spec, *halves)

    def file(self, path: Path, shape: tuple[int, ...]) -> Data:
        """See ``Reader``."""
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
        streams = [self.stream(line, f"{path}: line {n}", shape) for n, line in enumerate(lines, 1)]
        return eventsnn.EventBatch.from_streams(streams, str(path))

    def stream(self, line: str, where: str, shape: tuple[int, ...]) -> eventsnn.EventStream:
        """Return one recording; whatever is wrong is said with its line."""
        label, _, events = line.partition(":")
        try:
            rows = [[int(n) for n in e.replace("@", ",").split(",")] for e in events.split()]
            x, y, p, t = np.array(rows, np.int64).reshape(-1, 4).T
            number = int(label)
        except ValueError as error:
            raise DataError(f"{where}: give class: x,y,p@t x,y,p@t ... ({error})") from error
        array = np.rec.fromarrays([x, y, p, t], names="x,y,p,t")
        return eventsnn.EventStream.from_structured(array, shape, label=number, source=where)


def main() -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bars.evt"
        lines = []
        for number in range(40):  # a bar that stands (0) or lies (1), drawn from end to end
            along, at = np.arange(8), rng.integers(8)
            x, y = (np.full(8, at), along) if number % 2 == 0 else (along, np.full(8, at))
            events = (f"{a},{b},1@{1000 * k}" for k, (a, b) in enumerate(zip(x, y, strict=True)))
            lines.append(f"{number % 2}: {' '.join(events)}")
        file.write_text("\n".join(lines))
        data = eventsnn.open_data(f"evt:{file}")
        print(f"{len(data.train)} recordings to learn, {len(data.test)} to test, ", end="")
        print(f"{len(data.train.t) / len(data.train):.0f} events each, {data.n_classes} classes")


if __name__ == "__main__":
    main()
