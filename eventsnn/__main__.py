"""``python -m eventsnn``."""

from eventsnn.cli import main

main()
