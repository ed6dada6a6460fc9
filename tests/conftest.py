"""Shared fixtures: the command line, and where real recordings and golden files are, if at all."""

import functools
import os
import sys
from pathlib import Path

import doors
import pytest
import typer.main
from hypothesis import settings

from eventsnn.cli import app as cli

# The first example compiles kernels: a deadline would time the compiler.
settings.register_profile("eventsnn", deadline=None)
settings.load_profile("eventsnn")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser):
    parser.addoption("--fuzz", type=int, metavar="N", help="knock N times at each door")


def pytest_configure(config):
    if doors.UNDER_BOUNDS:
        doors.CASES //= 4  # what doors refuse is the same; kernels behind them are met all the same
    doors.CASES = config.getoption("--fuzz") or doors.CASES
    doors.TIMED = config.getoption("--fuzz") is not None


def pytest_terminal_summary(terminalreporter):
    for door, counts in sorted(doors.KNOCKS.items()):
        terminalreporter.write_line(
            f"fuzz: {door}: {counts['cases']} cases, {counts['accepted']} accepted, "
            f"{counts['refused']} refused"
        )


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with MNIST, real N-MNIST recordings and golden files."""
    if not SHARED.is_dir():
        message = f"needs the data folder {SHARED.name}/ beside the checkout, which is absent"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Keep the cached recordings of the tests out of the user's folder."""
    patch = pytest.MonkeyPatch()
    patch.setenv("EVENTSNN_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


_commands = functools.cache(typer.main.get_command)


@pytest.fixture
def call(capsys, monkeypatch):
    """The command line here: words in, (exit code, standard output, standard error) out."""

    # The same commands at each call: to build them takes longer than most calls.
    monkeypatch.setattr("typer.main.get_command", _commands)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["eventsnn", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


def elsewhere(info: dict) -> dict:
    """Return what a checkpoint tells, as if it had learned from a sensor of 34 x 34 x 2."""
    sensor = [34, 34, 2]
    return info | {"input_shape": sensor, "data": info["data"] | {"sensor": sensor}}
