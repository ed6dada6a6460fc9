"""Compiled kernels on disk, never older than the code that they were made of.

numba's own cache looks at the file of a kernel alone, so that one that uses another file's kernel
or constant would run as it was before a change there. Here code is kept under a digest of the
kernel's file *and of all files of its package that it imports*, directly or by way of others. Two
versions lie side by side, and copies of one version share their code.

The folder is ``$NUMBA_CACHE_DIR``, else ``kernels`` in the user's cache folder. Where nothing can
be written, kernels are compiled in memory, and one line says so.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import re
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import numba
from numba import types
from numba.core import config as numba_config
from numba.core import serialize
from numba.core.caching import CompileResultCacheImpl, FunctionCache

from eventsnn.files.folders import user_cache
from eventsnn.kernels.compiling import told_of_compiling

config: Any = numba_config
_DUMPS: Any = serialize.dumps
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]+))", re.M
)
_UNUSED_S = 30 * 24 * 3600.0
"""Code of a version that nobody used for so long is deleted."""


class KernelCache(FunctionCache):
    """The compiled forms of one function.

    Parameters
    ----------
    function : callable
        The kernel in Python.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name, self._py_func = repr(function), function
        self._impl = _Impl(function)
        self._cache_path = self._impl.locator.get_cache_path()
        self._cache_file: Any = _Files(self._cache_path, self._impl.filename_base)
        self._enabled = True

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        """Return numba's key, and what the fields of named tuples are called.

        numba tells a named tuple by its class and the types of its fields. Where the class moved,
        or two of its fields changed places, code for the old one would be found.
        """
        key: tuple[Any, ...] = super()._index_key(sig, codegen)  # type: ignore[no-untyped-call]
        return *key, _named(getattr(sig, "args", sig))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for a signature, or None where there is none that can be read."""
        found = None
        with suppress(OSError):
            found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        if found is None:
            told_of_compiling()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code for a signature; say so, once, where that cannot be."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _unwritable(Path(self._cache_path).parent, error.strerror or str(error))


def _named(kinds: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the place and the fields of each named tuple among numba's types."""
    found = []
    for kind in kinds:
        if isinstance(kind, types.NamedTuple | types.NamedUniTuple):
            made = kind.instance_class
            found.append((made.__module__, made.__qualname__, tuple(made._fields)))
        if isinstance(kind, types.BaseTuple):
            found += _named(kind)
    return found


class _Impl(CompileResultCacheImpl):
    def __init__(self, function: Callable[..., Any]) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Place(function)
        name = f"{Path(inspect.getfile(function)).stem}.{function.__qualname__}"
        self._filename_base = self.get_filename_base(name, getattr(sys, "abiflags", ""))  # type: ignore[no-untyped-call]


class _Place:
    """Where the code of a function lies; what numba asks of a locator."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._py_file = inspect.getfile(function)  # numba's warnings name it
        self._line = function.__code__.co_firstlineno
        self._folder = _folder(Path(self._py_file))

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_disambiguator(self) -> str:
        return str(self._line)

    def ensure_cache_path(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)


class _Files:
    """One file a signature, named by it; the file knows its key, and its bytes are checked.

    There is no index: two processes that write at once cannot take one another's numbers.
    """

    def __init__(self, folder: str, base: str) -> None:
        self._folder, self._base = Path(folder), base

    def load(self, key: Any) -> Any:
        """Return what was saved under a key; None where that is missing or damaged."""
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None  # cut short by a power cut or a full disk
        saved, payload = pickle.loads(data[32:])
        return payload if saved == key else None

    def save(self, key: Any, payload: Any) -> None:
        """Write a file under another name and rename it."""
        data = _DUMPS((key, payload))
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            Path(name).replace(self._path(key))
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise

    def flush(self) -> None:
        """Delete every signature of the function."""
        for path in self._folder.glob(f"{self._base}.*.nbc"):
            path.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
        return self._folder / f"{self._base}.{digest}.nbc"


@cache
def _folder(file: Path) -> Path:
    """Return the folder for the kernels of a file as it stands, with all that it imports."""
    whole = hashlib.sha256(repr(_circumstances()).encode())
    files = imported_files(file)
    for name, path in files.items():
        whole.update(name.encode() + b"\0" + hashlib.sha256(_read(path)).digest())
    try:
        kernels = Path(config.CACHE_DIR) if config.CACHE_DIR else user_cache() / "kernels"
    except RuntimeError:  # this user has no home
        kernels = Path(os.devnull)
    name = next(name for name, path in files.items() if path == file)
    folder = kernels.absolute() / f"{name.replace('/', '.')}-{whole.hexdigest()[:24]}"
    with suppress(OSError):
        _tidy(folder, name.replace("/", "."))
    return folder


def _tidy(folder: Path, name: str) -> None:
    """Note that a folder is in use; delete other versions that nobody used for a month."""
    now = time.time()
    if folder.is_dir():
        if now - folder.stat().st_mtime > _UNUSED_S / 30:
            os.utime(folder)
        return
    for other in folder.parent.glob(f"{name}-*"):
        if now - other.stat().st_mtime > _UNUSED_S:
            shutil.rmtree(other, ignore_errors=True)


def _circumstances() -> tuple[Any, ...]:
    """Return what else decides the machine code; numba's own key holds the processor."""
    return (
        numba.__version__,
        llvmlite.__version__,
        sys.implementation.cache_tag,
        config.BOUNDSCHECK,
        config.OPT,
        config.LOOP_VECTORIZE,
        config.SLP_VECTORIZE,
        config.DEBUGINFO_DEFAULT,
    )


def imported_files(file: Path) -> dict[str, Path]:
    """Return a Python file and all that it imports of its own package and of this one.

    Parameters
    ----------
    file : Path
        A file of a package, or one that stands alone.

    Returns
    -------
    dict of Path
        By names like ``eventsnn/events/stream.py``, sorted: imports of imports, too. The
        ``__init__.py`` of a package counts where the package itself is named.
    """
    root = file.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    roots = (root, Path(__file__).parents[2])
    found = {str(file.relative_to(root).as_posix()): file}
    new = [(file, root)]
    while new:
        for name, above in _imports(*new.pop(), roots):
            if name not in found:
                found[name] = above / name
                new.append((above / name, above))
    return dict(sorted(found.items()))


@cache
def _imports(file: Path, root: Path, roots: tuple[Path, ...]) -> list[tuple[str, Path]]:
    """Return the files that a file names in its imports, and the folder above their package."""
    here = file.relative_to(root).parent.parts
    modules: list[list[str]] = []
    for source, names, plain in _IMPORT.findall(_read(file)):
        modules += [
            word.split()[0].split(".") for word in plain.decode().split(",") if word.strip()
        ]
        if source:
            module = source.decode()
            up = len(module) - len(module.lstrip("."))
            parts = [part for part in module.split(".") if part]
            parts = [*here[: len(here) - up + 1], *parts] if up else parts
            bare = re.sub(r"#[^\n]*|\bas\s+\w+", "", names.decode())
            modules += [parts, *([*parts, word] for word in re.findall(r"\w+", bare))]
    return [found for module in modules for found in _files(tuple(module), roots)]


@cache
def _files(parts: tuple[str, ...], roots: tuple[Path, ...]) -> list[tuple[str, Path]]:
    """Return the file of a module, if it belongs to a package in one of the folders."""
    for root in roots:
        if parts and (root / parts[0] / "__init__.py").is_file():
            names = ("/".join(parts) + ".py", "/".join([*parts, "__init__.py"]))
            return [(name, root) for name in names if (root / name).is_file()]
    return []


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _unwritable(folder: Path, why: str) -> None:
    warnings.warn(
        f"compiled code cannot be kept in {folder} ({why}), so every start compiles anew; "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        stacklevel=2,
    )
