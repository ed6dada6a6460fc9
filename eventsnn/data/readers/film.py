"""``film:``: the pictures of another reader before the virtual event camera."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import DataSet
from eventsnn.data.film_cache import filmed
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word, word_of
from eventsnn.errors import UserError


class Film(Reader):
    """``film:digits``, ``film:mnist:PATH``."""

    kind: ClassVar[str] = "film"
    forms: ClassVar[tuple[str, ...]] = ("film:mnist:PATH", "film:digits")
    names: ClassVar[int] = 2

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        from eventsnn.data.readers import readers

        known = {kind: reader for kind, reader in readers().items() if reader.pictures}
        inner = word.spec.partition(":")[2]
        kind = inner.partition(":")[0]
        if kind not in known:
            forms = [form for reader in known.values() for form in reader.forms]
            raise UserError(
                f"data {word.spec!r}: can film {' or '.join(forms)}; give film:{forms[-1]}"
            )
        named = word_of(inner, known[kind].names)._replace(spec=word.spec)
        return filmed(word.spec, *known[kind]().images(named), limit, progress)
