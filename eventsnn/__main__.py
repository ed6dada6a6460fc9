"""``eventsnn`` and ``python -m eventsnn``: from here on Ctrl-C is one line, imports included."""

from __future__ import annotations

import atexit
import signal
import sys

from eventsnn.stopping import INTERRUPTED, two_stage_stop


def main() -> None:
    """Run the command line in a process of its own."""
    with two_stage_stop():
        try:
            from eventsnn.cli.app import main as run

            run()
        except KeyboardInterrupt:  # before the command line could say so itself
            if sys.stderr is not None:
                sys.stderr.write("error: interrupted; nothing was done\n")
            raise SystemExit(INTERRUPTED) from None
        finally:
            # Threads are waited for before this; after it there is nothing left to stop.
            atexit.register(_ignore_ctrl_c)


def _ignore_ctrl_c() -> None:
    """Let Ctrl-C no longer change the exit code: Python would end with -2, or print a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
