"""Numbers of kinds and places that the plan, the queue and the event loop share."""

import numpy as np

LOG, CALENDAR, DIRECT = range(3)
"""Kinds of channels."""

LATE = 2
"""Spikes that wait to be written on a calendar, so that their lists can be fetched in advance."""

FIRST_PAGE, MASK, SHIFT, NEXT_PAGE, WAITING, FRACTIONS = range(6)
"""Places in a calendar's row of ``books``."""
BOOK_SIZE = 6

HEAD, TAIL, COUNT = range(3)
"""Columns of ``pages``: first chunk (-1: none), place after the last entry, entries."""

FREE_CHUNK, FREE_COUNT = range(2)
"""Places in ``pool``."""
NO_PAGE = np.iinfo(np.int64).max

PUSHES, POPS, PENDING, PEAK, LEFT, SENT, OPEN = range(7)
"""Places in ``Out.tally``."""
