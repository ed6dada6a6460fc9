"""Compiled code on disk: as new as all that it was made of, and in no one's way."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import eventsnn
from eventsnn.kernels.cache import imported_files

PACKAGE = Path(eventsnn.__file__).parent

TOY = {
    "toy/__init__.py": "",
    "toy/deep/__init__.py": "",
    "toy/deep/number.py": "NUMBER = 3\n",
    "toy/between.py": (
        "from eventsnn.kernels.compile import kernel\n"
        "from toy.deep import (  # a comment, (\n    number as other,\n)\n\n\n"
        "@kernel\ndef more(x):\n    return x + other.NUMBER\n"
    ),
    "toy/front.py": (
        "from eventsnn.kernels.compile import threaded\nfrom .between import more\n\n\n"
        "@threaded\ndef twice(x):\n    return 2 * more(x)\n"
    ),
}
RUN = "from toy.front import twice; print(twice(1), sum(twice.stats.cache_hits.values()))"


@pytest.fixture
def toy(tmp_path):
    """A package of its own: a kernel that uses another file's, which uses a third's constant."""
    for name, text in TOY.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder, words=RUN, **environment):
    """What Python prints in a process of its own, and its standard error."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    path = os.pathsep.join([str(folder), str(PACKAGE.parent)])
    done = subprocess.run(
        [sys.executable, "-c", words],
        env={
            **clean,
            "PYTHONPATH": path,
            "NUMBA_CACHE_DIR": str(folder / "code"),
            # Byte code is told by seconds and sizes: one constant for another may look the same.
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


def test_a_constant_two_imports_away_makes_new_code(toy):
    assert run(toy)[0] == ["8", "0"]
    assert run(toy)[0] == ["8", "1"]
    (toy / "toy/deep/number.py").write_text("NUMBER = 4\n")  # as long as before
    assert run(toy)[0] == ["10", "0"]
    (toy / "toy/deep/number.py").write_text("NUMBER = 3\n")
    assert run(toy)[0] == ["8", "1"], "the first version is still there"


def test_a_named_tuple_whose_fields_change_places_makes_new_code(toy):
    fields = (
        "from typing import NamedTuple\n\n\nclass Pair(NamedTuple):\n    {}: float\n    {}: float\n"
    )
    (toy / "toy/less.py").write_text(
        "from eventsnn.kernels.compile import threaded\n\n\n"
        "@threaded\ndef less(pair):\n    return pair.a - pair.b\n"
    )
    words = (
        "from toy.{} import Pair; from toy.less import less; "
        "print(less(Pair(3.0, 1.0)), sum(less.stats.cache_hits.values()))"
    )
    # The kernel's file does not import that of the tuple.
    for name, order, out in (("x", "ab", "2.0"), ("x", "ba", "-2.0"), ("y", "ab", "2.0")):
        for path in (toy / "toy/x.py", toy / "toy/y.py"):
            path.unlink(missing_ok=True)  # a class that is gone must not be looked for
        (toy / f"toy/{name}.py").write_text(fields.format(*order))
        for hits in "01":
            assert run(toy, words.format(name))[0] == [out, hits]


def test_code_with_and_without_the_bounds_check_lies_apart(toy):
    read = (
        "import numpy as np\nfrom eventsnn.kernels.compile import threaded\n\n\n"
        "@threaded\ndef pick(v, i):\n    return v[i]\n"
    )
    (toy / "toy/read.py").write_text(read)
    words = (
        "import numpy as np; from toy.read import pick\n"
        "try:\n    pick(np.zeros(4), 7); print('read')\n"
        "except IndexError:\n    print('refused')"
    )
    assert run(toy, words)[0] == ["read"]
    assert run(toy, words, NUMBA_BOUNDSCHECK="1")[0] == ["refused"]
    assert run(toy, words)[0] == ["read"]


def test_a_damaged_file_is_compiled_anew(toy):
    run(toy)
    files = sorted((toy / "code").rglob("*.nbc"))
    assert len(files) == 2
    for path, size in zip(files, (0, 1000), strict=True):
        path.write_bytes(path.read_bytes()[:size])
    assert run(toy)[0] == ["8", "0"]
    assert run(toy)[0] == ["8", "1"]


def test_where_nothing_can_be_written_one_line_says_so(toy):
    (toy / "file").write_text("")
    out, err = run(toy, NUMBA_CACHE_DIR=str(toy / "file" / "below"))
    assert out == ["8", "0"]
    assert err.count("compiled code cannot be kept in") == 1
    assert "NUMBA_CACHE_DIR" in err


def test_without_a_word_code_lies_in_the_users_cache_and_not_beside_the_source(toy):
    out, err = run(toy, NUMBA_CACHE_DIR="", XDG_CACHE_HOME=str(toy / "home"))
    assert (out, err) == (["8", "0"], "")
    folders = {path.parent.name.split("-")[0] for path in toy.rglob("*.nbc")}
    assert folders == {"toy.front.py", "toy.between.py"}
    assert all((toy / "home/eventsnn/kernels") in path.parents for path in toy.rglob("*.nbc"))


def test_a_version_that_nobody_used_for_a_month_is_deleted(toy):
    run(toy)
    (old,) = (toy / "code").glob("toy.front*")
    os.utime(old, (1e9, 1e9))
    (toy / "toy/front.py").write_text(TOY["toy/front.py"].replace("2 *", "3 *"))
    assert run(toy)[0] == ["12", "0"]
    assert not old.exists()
    assert len(list((toy / "code").glob("toy.between*"))) == 1


@cache
def named_by(path):
    """The files of this package that a file imports, as Python's own parser sees them."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not followed here"
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    paths = [PACKAGE.parent / name.replace(".", "/") for name in names]
    paths = [file for p in paths for file in (p.with_suffix(".py"), p / "__init__.py")]
    return {file for file in paths if file.is_file() and PACKAGE in file.parents}


def test_the_files_of_this_package_are_followed():
    followed = 0
    for path in PACKAGE.rglob("*.py"):
        found, new = {path}, [path]
        while new:
            more = named_by(new.pop()) - found
            found |= more
            new += more
        assert set(imported_files(path).values()) == found, path
        followed += len(found) - 1
    assert followed > 1000
    assert "eventsnn/kernels/decay.py" in imported_files(
        PACKAGE / "engines/layered/conv/by_event.py"
    )


def test_every_kernel_is_kept_this_way():
    for path in PACKAGE.rglob("*.py"):
        if path.name not in ("compile.py", "cache.py") or path.parent.name != "kernels":
            text = path.read_text()
            assert "cache=True" not in text, path
            assert "njit" not in text, path
