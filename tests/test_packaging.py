"""What is installed, and by whom: the extras, the version, the checks before a commit."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import eventsnn

ROOT = Path(__file__).resolve().parents[1]


def test_a_plain_installation_brings_no_tonic_and_the_extra_and_the_tests_do():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = [re.match(r"[\w-]+", one)[0] for one in project["dependencies"]]
    assert "numba" in names and "tonic" not in names
    assert any(one.startswith("tonic>=") for one in extras["tonic"])
    assert "eventsnn[tonic,tensorboard,nir,cameras,hdf5,mpi,sweep]" in extras["test"]
    assert any(re.match(r"tonic>=.*extra == .tonic", one) for one in requires("eventsnn"))


def test_the_version_stands_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+", eventsnn.__version__)
    files = [ROOT / "pyproject.toml", ROOT / "CITATION.cff", ROOT / "mkdocs.yml"]
    assert not any(eventsnn.__version__ in file.read_text() for file in files)
    assert f"## {eventsnn.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert version("eventsnn")


def test_what_is_checked_before_a_commit_is_what_ci_checks():
    hooks = re.findall(
        r"entry: .venv/bin/python (-m .+)", (ROOT / ".pre-commit-config.yaml").read_text()
    )
    assert len(hooks) == 3
    checked = (ROOT / ".ci" / "run").read_text()
    assert all(f'"$python" {hook}\n' in checked for hook in hooks)


def test_parts_of_ci_that_are_named_are_there():
    text = (ROOT / ".ci" / "run").read_text()
    named = re.search(r"one part to run: ([\w, ]+)\.", text)[1].replace(" or ", ", ")
    parts = [part.strip() for part in named.split(",") if part.strip()]
    assert len(parts) == 6
    assert all(re.search(rf"^{part}\(\) {{$", text, re.M) for part in parts)


def test_what_few_need_is_not_imported_by_every_command():
    code = (
        "import sys, eventsnn.data.readers, eventsnn.network, eventsnn.cli.app as app\n"
        "eventsnn.data.readers.readers()\n"
        "late = ('tonic', 'PIL', 'matplotlib', 'sklearn', 'scipy.signal', 'scipy.sparse')\n"
        "print([name for name in late if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
