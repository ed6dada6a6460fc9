"""The command line: parsing, nothing else; ``commands`` work, ``show.py`` prints."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from contextlib import suppress
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

import eventsnn
from eventsnn.cli.evaluate import add_evaluate
from eventsnn.cli.events import film
from eventsnn.cli.exchange import add_exchange
from eventsnn.cli.front import add_front
from eventsnn.cli.live import add_live
from eventsnn.cli.measure import add_measure
from eventsnn.cli.quantize import add_quantize
from eventsnn.cli.ranks import check_ranks
from eventsnn.cli.results import bench, compare, reproduce
from eventsnn.cli.simulate import add_simulate
from eventsnn.cli.sweep import add_sweep
from eventsnn.cli.train import add_train
from eventsnn.cli.train_command import value_of
from eventsnn.commands.console import OUT, escape_what_streams_lack
from eventsnn.errors import Interrupted, UserError
from eventsnn.ranks.launch import begun
from eventsnn.stopping import INTERRUPTED, said, two_stage_stop
from eventsnn.text import cut, plain, shown

_PIPE_CLOSED = 141  # as of other programs that a closed pipe ends: 128 + SIGPIPE

_BEGIN = """\
eventsnn: spiking neural networks that compute only when an event arrives.

Begin here, it takes about a minute:
  eventsnn train          films digits with a virtual event camera and learns them

Then, with what train saved:
  eventsnn evaluate runs/digits-1
  eventsnn simulate runs/digits-1 digits --index 0 --figure traffic.png
  eventsnn measure runs/digits-1 --html page.html

All commands: eventsnn --help. Options of one: eventsnn train --help."""

app = typer.Typer(
    name="eventsnn",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Spiking neural networks that compute only when an event arrives.",
)
add_train(app)
add_evaluate(app)
add_simulate(app)
add_measure(app)
add_front(app)
add_sweep(app)
add_live(app)
for command in (compare, film, bench, reproduce):
    app.command()(command)
add_exchange(app)
add_quantize(app)


_MAKE_ROOM = "; make room there and give the command again (train goes on with --resume)"


def main() -> None:
    """Run the command line; every user error is one line and exit code 2."""
    escape_what_streams_lack()
    warnings.formatwarning = _warning
    with two_stage_stop():
        _main()


def _main() -> None:
    try:
        code = _run()
        # What a full disk or a closed pipe cuts short shows here, not at interpreter exit.
        if sys.stdout is not None:  # it is None where the shell closed it: >&-
            sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()
        raise SystemExit(_PIPE_CLOSED) from None
    except TyperException as error:
        _fail(_told(error), 2)
    except UserError as error:
        _fail(str(error), 2)
    except OSError as error:
        told = f"{error.filename or 'output'}: {error.strerror or error}"
        _fail(told + _MAKE_ROOM * (error.errno in (errno.ENOSPC, errno.EDQUOT)), 2)
    except Interrupted as stop:
        _fail(str(stop), INTERRUPTED)
    if code == INTERRUPTED:
        _fail("interrupted; nothing was saved, give the same command to begin again", code)
    raise SystemExit(code)


def _run() -> int:
    """Return the exit code of the command."""
    check_ranks(sys.argv[1:])
    for word in sys.argv:
        if "\0" in word:  # no name of a file; only tests and programs can give one
            raise UserError(f"{shown(word)}: holds a zero byte; leave it out")
    try:
        code = app(standalone_mode=False, prog_name="eventsnn")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except typer.Exit as error:
        return error.exit_code
    except SystemExit:  # how typer ends where a pipe is closed
        return _PIPE_CLOSED
    return code if isinstance(code, int) else 0  # typer returns that of Ctrl-C, too


def _told(error: TyperException) -> str:
    """Return what is wrong with the words, with the value where it is that of a flag."""
    context = getattr(error, "ctx", None)
    path = "eventsnn" if context is None else context.command_path
    said = error.format_message() or f"{path}: give one of its commands"
    for flag in getattr(getattr(error, "param", None), "opts", ()):
        value = value_of(sys.argv, flag) if flag.startswith("-") else None
        if value is not None:
            said = f"{flag} is {shown(value)}: {error.message}"
    return f"{said} (see {path} --help)"


def _fail(message: str, code: int) -> NoReturn:
    # Both streams may be one file: what was printed stands before what went wrong.
    with suppress(OSError):
        if sys.stdout is not None:  # it is None where the shell closed it: >&-
            sys.stdout.flush()
    ranks = begun()
    together = ranks.all_failed()
    with suppress(OSError):  # nobody reads it: the exit code is left
        if sys.stderr is not None:  # else print would take standard output
            print("error: " + plain(cut(message)), file=sys.stderr, flush=True)
    said()
    _stop_writing()
    if not together:
        ranks.abort(code)
    raise SystemExit(code)


def _stop_writing() -> None:
    """Throw away what cannot be written, so that Python does not try it again at its exit."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _warning(message: Warning | str, *_: object, **__: object) -> str:
    return f"warning: {plain(cut(str(message)))}\n"


def _version(show: bool) -> None:
    if show:
        print(eventsnn.__version__)
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Spiking neural networks that compute only when an event arrives."""
    if context.invoked_subcommand is None:
        for line in _BEGIN.splitlines():
            OUT.print(line)
