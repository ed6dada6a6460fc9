"""The command line: parsing, nothing else; ``commands_*.py`` work, ``show.py`` prints."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

import eventsnn
from eventsnn.cli_events import film, simulate
from eventsnn.cli_results import bench, compare, evaluate, measure, reproduce
from eventsnn.cli_train import train
from eventsnn.errors import Interrupted, UserError

_INTERRUPTED = 130  # the exit code of Ctrl-C: 128 + SIGINT

app = typer.Typer(
    name="eventsnn",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Spiking neural networks that compute only when an event arrives.",
)
for command in (train, evaluate, simulate, measure, compare, film, bench, reproduce):
    app.command()(command)


def main() -> None:
    """Run the command line; every user error is one line and exit code 2."""
    try:
        code = app(standalone_mode=False, prog_name="eventsnn")
    except TyperException as error:
        _fail(f"{error.format_message()} (see eventsnn --help)", 2)
    except UserError as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}", 2)
    except Interrupted as stop:
        _fail(str(stop), _INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except typer.Exit as error:
        code = error.exit_code
    if code == _INTERRUPTED:  # typer returns it, too, where Ctrl-C was pressed
        _fail("interrupted; nothing was saved, give the same command to begin again", code)
    # Files that were cut short by a full pipe or disk show here, not at interpreter exit.
    sys.stdout.flush()
    raise SystemExit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)


def _version(show: bool) -> None:
    if show:
        print(eventsnn.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Spiking neural networks that compute only when an event arrives."""
