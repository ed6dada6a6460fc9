"""The errors that a user can mend: each names the place, the value and the remedy."""

from eventsnn.text import cut


class UserError(ValueError):
    """Bad input or options. The command line prints it as one line and exits with code 2.

    A message is never longer than a screen: a value that would fill it is cut in the middle.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(cut(str(message)))


class DataError(UserError):
    """A file, a recording or an array that cannot be read as what it should be."""


class DivergedError(UserError):
    """Learning made the weights grow out of bounds."""


class Interrupted(Exception):
    """Ctrl-C was pressed: what is saved and how to go on. Exit code 130."""


def shown(value: object, most: int = 80) -> str:
    """Return a value for the middle of a message: in one line, and cut where it is long."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):
        # A number of thousands of digits, a list of thousands of levels.
        text = f"a {type(value).__name__} too large to show"
    text = " ".join(text[: 4 * most].split()) if "\n" in text[: 4 * most] else text
    return text if len(text) <= most else text[: most - 3] + "..."
