"""The cache: an open format, complete or absent, never believed when damaged."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.data import cache_file
from eventsnn.data.cache import cache_folder, cached_batch
from eventsnn.errors import DataError
from eventsnn.events import EventBatch, EventStream

SHAPE = (2, 3, 4)
IDENTITY = {"kind": "made", "path": "somewhere", "split": "train"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def batch(seed: int, n: int = 3, shape: tuple[int, int, int] = SHAPE) -> EventBatch:
    rng = np.random.default_rng(seed)
    return EventBatch.from_streams(
        [
            EventStream(
                np.sort(rng.integers(0, 1000, 5 + i)),
                rng.integers(0, shape[0] * shape[1] * shape[2], 5 + i),
                shape,
                i,
                1000 + i,
            )
            for i in range(n)
        ]
    )


class Source:
    """Counts how often it is read."""

    def __init__(self, *batches: EventBatch) -> None:
        self.batches = batches
        self.reads = 0

    def __call__(self):
        self.reads += 1
        yield from self.batches

    def load(self, state: int = 0, *, cache: bool = True) -> EventBatch:
        return cached_batch(IDENTITY, {"state": state}, self, source="made", cache=cache)


def contents(of: EventBatch):
    arrays = of.t, of.unit, of.start, of.label, of.duration
    return [array.tolist() for array in arrays], of.shape


def only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.booleans())
def test_batches_come_back_end_to_end_with_and_without_a_cache(sizes, wide):
    shape = (2, 300, 300) if wide else SHAPE
    parts = [batch(seed, n, shape) for seed, n in enumerate(sizes)]
    streams = [stream for part in parts for stream in part]
    source = Source(*parts)
    identity = {"kind": "h", "sizes": str(sizes), "wide": int(wide)}
    for cache in (False, True, True):
        joined = cached_batch(identity, {}, source, source="made", cache=cache)
        assert contents(joined) == contents(EventBatch.from_streams(streams))
        assert joined.unit.dtype == (np.int32 if wide else np.uint16)
        assert joined.source == "made"


def test_an_unchanged_source_is_read_once(folder):
    source = Source(batch(0), batch(1))
    first, second = source.load(), source.load()
    assert source.reads == 1 and contents(first) == contents(second)
    assert source.load(cache=False).t.tolist() == first.t.tolist() and source.reads == 2


def test_writing_into_a_batch_leaves_the_file_as_it_was(folder):
    source = Source(batch(0))
    first = source.load()
    before = contents(first)
    first.t[:] = 0
    assert contents(source.load()) == before and source.reads == 1


def test_a_changed_source_makes_a_new_file_and_the_old_one_goes(folder):
    source = Source(batch(0))
    source.load(1)
    old = only(folder)
    other = cached_batch(IDENTITY | {"split": "test"}, {}, Source(batch(5)), source="other")
    source.load(2)
    names = {file.name for file in folder.iterdir()}
    assert source.reads == 2 and old.name not in names and len(names) == 2
    source.load(1)
    assert source.reads == 3
    again = cached_batch(IDENTITY | {"split": "test"}, {}, Source(), source="other")
    assert contents(again) == contents(other)


@pytest.mark.parametrize("damaged", [b"", b"junk" * 999])
def test_a_damaged_file_is_reported_and_rebuilt(folder, damaged):
    source = Source(batch(0))
    good = contents(source.load())
    only(folder).write_bytes(damaged)
    with pytest.warns(UserWarning, match=r"unusable cache, read anew .*\.safetensors"):
        assert contents(source.load()) == good
    assert source.reads == 2
    assert contents(source.load()) == good and source.reads == 2


def test_a_failing_source_leaves_nothing_behind(folder):
    class Broken(Source):
        def __call__(self):
            yield batch(0)
            raise DataError("file 2: broken")

    with pytest.raises(DataError, match="file 2: broken"):
        Broken().load()
    assert not list(folder.iterdir())


def test_an_interruption_leaves_nothing_behind(folder):
    class Interrupted(Source):
        def __call__(self):
            yield batch(0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted().load()
    assert not list(folder.iterdir())


@pytest.mark.parametrize("cache", [False, True])
def test_sources_of_nothing_or_of_two_sensors_are_refused(folder, cache):
    with pytest.raises(DataError, match="no recordings; give at least one"):
        Source().load(cache=cache)
    with pytest.raises(DataError, match="a batch holds recordings of one"):
        Source(batch(0), batch(1, 3, (1, 3, 4))).load(cache=cache)
    assert not folder.exists() or not list(folder.iterdir())


def test_without_a_place_to_write_the_source_is_read_straight(folder, monkeypatch):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    source = Source(batch(0))
    with pytest.warns(UserWarning, match="no cache can be kept in .*; set EVENTSNN_CACHE"):
        made = source.load()
    assert contents(made) == contents(batch(0)) and source.reads == 1


@pytest.mark.parametrize("call", ["append", "finish"])
def test_a_full_disk_leaves_no_file_and_the_source_is_read_straight(folder, monkeypatch, call):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache_file.Writer, call, full)
    source = Source(batch(0), batch(1))
    with pytest.warns(UserWarning, match="No space left"):
        made = source.load()
    assert contents(made) == contents(Source(batch(0), batch(1)).load(cache=False))
    assert not list(folder.iterdir())


def test_an_error_of_the_source_is_not_taken_for_one_of_the_cache(folder):
    class Broken(Source):
        def __call__(self):
            yield batch(0)
            raise OSError(errno.EIO, "the source's own disk")

    with pytest.raises(OSError, match="the source's own disk"):
        Broken().load()


def test_a_killed_process_leaves_no_file_under_the_final_name(folder):
    program = """if True:
        import os
        import numpy as np
        from eventsnn.data.cache import cached_batch
        from eventsnn.events import EventBatch, EventStream
        def produce():
            yield EventBatch.from_streams([EventStream(np.arange(9), np.arange(9), (1, 3, 3))])
            os._exit(7)
        cached_batch({"kind": "made"}, {}, produce, source="made")"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 7
    assert folder.is_dir() and not list(folder.glob("*.safetensors"))


def test_two_writers_of_one_file_both_succeed(folder):
    """Both produce at the same moment; whichever name is replaced last holds it all."""
    barrier = threading.Barrier(2, timeout=20)
    results = []

    class Slow(Source):
        def __call__(self):
            yield batch(0)
            barrier.wait()
            yield batch(1)
            barrier.wait()

    def work() -> None:
        results.append(contents(Slow().load()))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = contents(Source(batch(0), batch(1)).load(cache=False))
    assert results == [expected, expected]
    assert only(folder).suffix == ".safetensors"


def test_abandoned_temporary_files_are_cleared_and_young_ones_kept(folder):
    source = Source(batch(0))
    source.load(1)
    stem = only(folder).stem
    young, old = folder / f"{stem}-young.tmp", folder / f"{stem}-old.tmp"
    young.write_bytes(b"")
    old.write_bytes(b"")
    os.utime(old, (time.time() - 7200,) * 2)
    source.load(2)
    assert young.exists() and not old.exists()


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("EVENTSNN_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "eventsnn"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "eventsnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the specification says: ignore it
    assert cache_folder() == tmp_path / ".cache" / "eventsnn"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "eventsnn"
