"""Film a drawing of a ring with the virtual event camera, and look at the events."""

import tempfile
from pathlib import Path

import numpy as np

from eventsnn.data.camera.saccade import film
from eventsnn.report.film_figure import plot_film


def main() -> None:
    y, x = np.mgrid[:28, :28] - 13.5
    radius = np.hypot(x, y)
    ring = np.where(abs(radius - 8) < 1.5, 255, 0).astype(np.uint8)
    recordings = film(ring[None], seed=1)
    stream = recordings[0]
    print(f"{len(stream)} events in {stream.duration} us, first at {stream.t[0]} us")
    for polarity, part in zip(("OFF", "ON"), stream.split_polarity(), strict=True):
        print(f"{polarity}: {len(part)} events")
    picture = Path(tempfile.gettempdir()) / "ring.png"
    plot_film(recordings, picture, "a ring before the virtual event camera (emulated)")
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
