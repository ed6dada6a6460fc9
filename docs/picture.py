"""Draw the README's picture: a held-out digit on its way through the network of ``eventsnn train``.

python docs/picture.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).with_name("traffic.png")


def main() -> None:
    """Train as the README says, and draw the first held-out digit."""
    with tempfile.TemporaryDirectory() as run:
        for words in (
            ["train", "--out", run],
            ["simulate", run, "digits", "--index", "0", "--figure", str(PICTURE)],
        ):
            subprocess.run([sys.executable, "-m", "eventsnn", *words], check=True)


if __name__ == "__main__":
    main()
