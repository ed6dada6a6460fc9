"""The data of a paper's rows, from the words of the command line, each opened once.

A word is opened by its reader and given to the first need that it fits; one that fits none
is refused, with what would fit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import DataSet, first_of
from eventsnn.data.film_cache import film_cached
from eventsnn.data.readers import readers
from eventsnn.data.source import absolute_of, open_data
from eventsnn.data.word import word_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.files.arrays import Arrays
from eventsnn.reproduce.need import Need, described
from eventsnn.reproduce.originals import digest_of_data
from eventsnn.reproduce.paper import Paper, Row, Tier
from eventsnn.reproduce.released import (
    PREFIX,
    Released,
    digest_of_released,
    read_released,
    refused,
)
from eventsnn.reproduce.samples import images_of


class PaperData:
    """Data sets by need, and released weights.

    Parameters
    ----------
    paper : Paper
    words : sequence of str
        As ``--data`` takes them: any reader's, and ``checkpoint:FILE``.
    tier : str
        "quick" keeps a part of the samples.
    progress : callable, optional
        Hears (done, total) while recordings are read or filmed.

    Attributes
    ----------
    words : dict of str to str
        By the names of needs and of released weights; only what was opened by a word.
    """

    def __init__(
        self,
        paper: Paper,
        words: Sequence[str],
        tier: Tier = "default",
        progress: Progress | None = None,
    ) -> None:
        self.paper, self.tier, self.progress = paper, tier, progress
        self.words: dict[str, str] = {}
        self._lock = threading.RLock()
        self._whole: dict[str, DataSet] = {}
        self._cut: dict[str, DataSet] = {}
        self._digest: dict[str, str] = {}
        self._original: dict[str, bool] = {}
        self._released: dict[str, Arrays] = {}
        self.needs = _needs(paper.rows)
        for word in words:
            if word.startswith(PREFIX):
                self._take_released(word)
            else:
                self._take(word, self.needs)
        for need in self.needs:
            if need.word and need.name not in self.words:
                self._take(need.word, [need])

    def _take(self, word: str, needs: Sequence[Need]) -> None:
        """Give what a word opens to the needs that it fits: images or, if they fit none, events."""
        fitting: list[Need] = []
        for found in self._forms(word, needs):
            fitting = [need for need in needs if need.fits(found)]
            for need in fitting:
                if self.words.setdefault(need.name, word) == word:
                    self._whole[need.name] = found
            if fitting:
                break
        if not fitting:
            takes = ", or ".join(need.described() for need in needs)
            raise UserError(f"data {word!r}: {described(found)}; {self.paper.name} takes {takes}")
        self._check_taken(word, [need.name for need in fitting])

    def _forms(self, word: str, needs: Sequence[Need]) -> Iterator[DataSet]:
        """Give what a word opens: images, where rows ask for images, then what its reader gives."""
        images = None if all(need.events for need in needs) else _images(word)
        if images is not None:
            yield images
        data = open_data(word, progress=self.progress)
        if images is None or isinstance(data.train, EventBatch):
            yield data

    def _check_taken(self, word: str, names: list[str]) -> None:
        if word not in self.words.values():
            other = self.words[names[0]]
            raise UserError(f"data {word!r}: {other!r} was given for the same rows; give one")

    def _take_released(self, word: str) -> None:
        found = read_released(word)
        asked = [(row.name, row.released) for row in self.paper.rows if row.released]
        fitting = [need for _, need in asked if not need.misfit(found)]
        if not fitting:
            raise refused(word, found, asked)
        for need in fitting:
            if self.words.setdefault(need.name, word) == word:
                self._released[need.name] = need.taken(found)
        self._check_taken(word, [need.name for need in fitting])

    def has(self, row: Row) -> bool:
        """Return whether the data of a row, and the weights it reads, are there."""
        if row.released is not None and row.released.name not in self._released:
            return False
        return self._has(row.data)

    def _has(self, need: Need) -> bool:
        return need.name in self._whole or (need.film_of is not None and self._has(need.film_of))

    def missing(self, row: Row) -> str:
        """Say what to add for a row whose data are missing."""
        if self._has(row.data):
            return f"row {row.name}: its weights are missing; add --data {PREFIX}FILE"
        return f"row {row.name}: its data are missing; add --data {row.data.example}"

    def digest(self, need: Need) -> str:
        """Return a digest of what ``open`` gives; a film is known by what was filmed."""
        if need.name not in self._whole and need.film_of is not None:
            return f"film of {self.digest(need.film_of)}"
        with self._lock:
            if need.name not in self._digest:
                self._digest[need.name] = digest_of_data(self.open(need))
            return self._digest[need.name]

    def released(self, row: Row) -> Arrays:
        """Return the released weights that a row reads; none where it asks for none."""
        return {} if row.released is None else self._released[row.released.name]

    def released_digest(self, row: Row) -> str:
        """Return their digest."""
        return digest_of_released(self.released(row))

    def open(self, need: Need) -> DataSet:
        """Return a data set; the first call films it, where it is a film."""
        with self._lock:
            if need.name not in self._cut:
                self._cut[need.name] = self._kept(need)
            return self._cut[need.name]

    def _kept(self, need: Need) -> DataSet:
        """Return the samples that this run keeps."""
        share = need.quick if self.tier == "quick" else 1
        if need.name in self._whole or need.film_of is None:
            return _part(self._whole[need.name], share)
        whole, word = self._whole[need.film_of.name], self.words[need.film_of.name]
        kept = _part(whole, share)
        spec = f"film:{word}" if ":" in word else word
        return DataSet(
            spec,
            film_cached(images_of(kept.train), 0, self.progress),
            # A picture's film is always the same: it is numbered as if all were filmed.
            film_cached(images_of(kept.test), len(whole.train), self.progress),
            f"emulated: {word} before the virtual event camera",
            emulated=True,
            absolute=absolute_of(spec),
        )

    def standing(self, row: Row) -> str | None:
        """Return what a row's published figures are here: judged, shown, or left out.

        Returns
        -------
        str or None
            Empty: its data are those of the figures. Text: they are others, the figures are
            shown, and this is the reason. None: nothing is compared.
        """
        if self.tier == "quick":
            return None
        original = row.data.original
        if original is None:
            return ""
        if self._is_original(row.data):
            return ""
        data = self.open(row.data)
        n = len(data.train) + len(data.test)
        kind = "emulated " * data.emulated + ("recordings" if row.data.events else "images")
        reason = f"{n:,} {kind} of {data.spec}, not all of {original.name}"
        return reason if original.shown else None

    def _is_original(self, need: Need) -> bool:
        with self._lock:
            if need.name not in self._original:
                same = need.original is None or need.original.same(self.open(need))
                self._original[need.name] = same
            return self._original[need.name]

    @property
    def _others(self) -> list[str]:
        """Say which data are not those of the figures, which are left out for it."""
        return [
            f"{self.words.get(need.name, need.name)} is not {need.original.name}"
            for need in self.needs
            if need.original is not None and not need.original.shown
            if self._has(need) and not self._is_original(need)
        ]

    @property
    def figures_apply(self) -> bool:
        """Whether published figures are compared: none is left out because the data are others."""
        return self.tier != "quick" and not self._others

    @property
    def note(self) -> str:
        """What the data are, where published figures do not apply to them."""
        if self.figures_apply:
            return ""
        what = "a tenth of the images" if self.tier == "quick" else ", ".join(self._others)
        return f"{what}: the published figures do not apply and are not compared"


def _needs(rows: Sequence[Row]) -> list[Need]:
    """Return every need once, and those whose images are filmed, in the order of the rows.

    Raises
    ------
    UserError
        If two needs, of data or of released weights, have one name.
    """
    known: dict[str, Need | Released] = {}
    for row in rows:
        for need in (row.data, row.data.film_of, row.released):
            if need is not None and known.setdefault(need.name, need) != need:
                raise UserError(f"row {row.name}: another need is called {need.name!r}; rename one")
    return [need for need in known.values() if isinstance(need, Need)]


def _images(word: str) -> DataSet | None:
    """Return the images that a word names; None where its reader has none."""
    reader = readers().get(word.partition(":")[0])
    if reader is None or not reader.pictures:
        return None
    parts = word_of(word, reader.names)
    train, test = reader().images(parts)
    return DataSet(word, train, test, absolute=parts.absolute)


def _part(data: DataSet, share: int) -> DataSet:
    """Return the first sample of so many, of each half."""
    train, test = (first_of(half, max(1, len(half) // share)) for half in (data.train, data.test))
    return replace(data, train=train, test=test)
