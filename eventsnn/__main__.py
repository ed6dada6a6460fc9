"""``python -m eventsnn``."""

from eventsnn.cli.app import main

main()
