"""The errors that a user can mend: each names the place, the value and the remedy."""

from eventsnn.text import cut, plain


class UserError(ValueError):
    r"""Bad input or options. The command line prints it as one line and exits with code 2.

    A message is never longer than a screen: a value that would fill it is cut in the middle. Names
    are shown, not interpreted: a line feed in one is written as ``\n``.

    Examples
    --------
    >>> from eventsnn import LIF, UserError
    >>> try:
    ...     LIF(tau_us=-1)
    ... except UserError as error:
    ...     print(error)
    neuron lif: tau_us is -1.0; give a finite number above 0
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(cut(plain(message)))


class DataError(UserError):
    """A file, a recording or an array that cannot be read as what it should be.

    Examples
    --------
    >>> from eventsnn import DataError, EventStream
    >>> try:
    ...     EventStream([5, 3], [0, 0], (1, 1, 2))
    ... except DataError as error:
    ...     print(str(error)[:12])
    event stream
    """


class DivergedError(UserError):
    """Learning made the weights grow out of bounds."""


class Interrupted(Exception):
    """Ctrl-C was pressed: what is saved and how to go on. Exit code 130."""
