"""The constants of the virtual event camera, each with its unit and its source."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import DataError
from eventsnn.given import plain_scalars

CUT_SIGMAS = 3.0
"""Normal random numbers of the camera are cut here, so that jitter and spread are bounded."""

WayPoint = tuple[float, float, float]
"""(milliseconds, pixels to the right, pixels down), the pixels from an arbitrary origin."""

N_MNIST_PATH: tuple[WayPoint, ...] = (
    (0, -0.20, -0.19),
    (10, -0.46, -0.02),
    (20, -0.43, 0.33),
    (30, -0.42, 1.01),
    (40, -0.42, 2.07),
    (50, -0.30, 3.31),
    (60, 0.22, 4.32),
    (70, 0.80, 4.86),
    (80, 1.17, 5.03),
    (90, 1.13, 4.74),
    (100, 1.24, 4.87),
    (110, 1.46, 4.82),
    (120, 1.66, 4.85),
    (130, 2.16, 4.55),
    (140, 2.85, 3.80),
    (150, 3.41, 2.67),
    (160, 3.68, 1.53),
    (170, 4.06, 0.54),
    (180, 4.41, 0.06),
    (190, 4.60, -0.03),
    (200, 4.72, 0.06),
    (210, 4.93, 0.04),
    (220, 4.88, -0.08),
    (230, 4.62, -0.24),
    (240, 3.91, -0.03),
    (250, 2.96, -0.05),
    (260, 1.97, -0.11),
    (270, 1.02, -0.19),
    (280, 0.42, -0.30),
    (290, 0.04, -0.31),
    (300, -0.13, -0.26),
    (310, 0.09, -0.22),
)
"""How a picture moves over N-MNIST's sensor: the triangle of Orchard et al., as driven.

First measured without a camera model: in each 5 ms, the displacement s and velocity v whose
v . gradient of log brightness, displaced by s, best explains the events (ON minus OFF) of 120
real recordings; then refined so that filmed and real counts agree in every 5 ms. Small moves
while the camera should rest are its mount, swinging."""


@dataclass(frozen=True, repr=False)
class Camera:
    """An event camera and the path on which it films.

    Every default was fitted to 300 of the 600 real N-MNIST recordings in the project's data
    folder (the other 300 are the check), unless another source is named.

    Attributes
    ----------
    height, width : int
        Pixels of the sensor. Source: N-MNIST's format.
    centre_x, centre_y : float
        Where the picture's centre stands at displacement (0, 0), in pixels; (0, 0) is the
        centre of the top left pixel. Fitted to training recordings; the 50 real *test*
        recordings stand 0.8 pixels higher.
    scale : float
        Sensor pixels a picture pixel.
    blur : float
        Sigma of the lens' Gaussian blur, in pixels; picture pixels are squares before it.
    epsilon : float
        A pixel responds to log(1 - grey + epsilon): light that full ink still sends,
        relative to the paper's, and the cell's dark current.
    threshold_on, threshold_off : float
        Change of log brightness since the pixel's last event that makes it fire.
    threshold_spread : float
        Standard deviation, over pixels, of the logarithm of their own thresholds: a fixed
        pattern. In real recordings the events of a pixel, over the mean, spread by 0.12.
    dead_us, dead_spread_us : float
        Microseconds after an event for which a pixel, on average, is blind, and their
        standard deviation over pixels, drawn with the fixed pattern. (Real pixels' shortest
        intervals are 1,700 to 2,500, each pixel true to its own.) The mean less 3 standard
        deviations is at least ``step_us``.
    slip : float
        Share, 0 to 1, of the change missed while blind that a pixel does not catch up with.
    cutoff_us : float
        Time constant of the photoreceptor, a first-order low-pass; 0 for none.
    leak_hz : float
        Spontaneous events a pixel and second. Measured on the rim of the sensor, where no
        digit comes, in all 600 recordings.
    leak_on : float
        Share of them that are ON. Measured likewise.
    path : tuple of (ms, x, y)
        Way-points of the picture, times increasing; between them monotone cubic (PCHIP).
    centre_jitter : float
        Standard deviation, over recordings, of the centre along x and y, in pixels.
    time_jitter_us : float
        Standard deviation, over recordings, of the time at which the path starts.
    duration_us : int
        Microseconds filmed; rounded up to whole steps.
    step_us : float
        Time step. The crossing of a threshold is interpolated inside it.
    pattern_seed : int
        Draws the pixels' fixed pattern: another number is another sensor of that make.

    Examples
    --------
    >>> from eventsnn import Camera
    >>> Camera().height, Camera().width
    (34, 34)
    """

    height: int = 34
    width: int = 34
    centre_x: float = 14.35
    centre_y: float = 14.95
    scale: float = 1.017
    blur: float = 0.561
    epsilon: float = 0.134
    threshold_on: float = 0.27
    threshold_off: float = 0.259
    threshold_spread: float = 0.1
    dead_us: float = 1710.0
    dead_spread_us: float = 230.0
    slip: float = 0.13
    cutoff_us: float = 610.0
    leak_hz: float = 0.465
    leak_on: float = 0.9
    path: tuple[WayPoint, ...] = N_MNIST_PATH
    centre_jitter: float = 0.12
    time_jitter_us: float = 1000.0
    duration_us: int = 320_000
    step_us: float = 1000.0
    pattern_seed: int = 34

    def __repr__(self) -> str:
        """Return the constants that are not as declared."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        changed = [
            f"{f.name}={values[f.name]!r}" for f in fields(self) if values[f.name] != f.default
        ]
        return f"<Camera {', '.join(changed) or 'with its default constants'}>"

    def __post_init__(self) -> None:
        """Refuse constants that describe no camera."""
        plain_scalars(self)
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name != "path" and not math.isfinite(value):
                raise DataError(f"camera: {item.name} is {value}; give a finite number")
        shortest = self.dead_us - CUT_SIGMAS * self.dead_spread_us
        times = [point[0] for point in self.path]
        rising = all(a < b for a, b in pairwise(times))
        for good, problem in (
            (min(self.height, self.width) >= 1, "sensor has no pixels; give at least 1 by 1"),
            (min(self.scale, self.blur, self.epsilon) > 0, "scale, blur, epsilon must be above 0"),
            (min(self.threshold_on, self.threshold_off) > 0, "thresholds must be above 0"),
            (0 < self.duration_us < 1 << 31, "duration_us must be 1 to 2147483647"),
            (self.step_us > 0, "step_us must be above 0"),
            (shortest >= self.step_us, "dead_us - 3 dead_spread_us must be at least step_us"),
            (0 <= self.slip <= 1 and 0 <= self.leak_on <= 1, "slip and leak_on must be 0 to 1"),
            (min(self._not_negative()) >= 0, "spreads, jitters, rates, seed must not be negative"),
            (len(times) >= 2 and rising, "path needs two or more way-points, times increasing"),
            (bool(np.isfinite(self.path).all()), "path must be finite"),
        ):
            if not good:
                raise DataError(f"camera: {problem}; this is {self}")

    def _not_negative(self) -> tuple[float, ...]:
        spreads = (self.threshold_spread, self.dead_spread_us, self.cutoff_us, self.leak_hz)
        return (*spreads, self.centre_jitter, self.time_jitter_us, self.pattern_seed)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(polarities, height, width) of the sensor."""
        return 2, self.height, self.width

    @property
    def steps(self) -> int:
        """Number of time steps of a film."""
        return math.ceil(self.duration_us / self.step_us)

    def position(self, t_us: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how far to the right and down the picture is displaced, in pixels.

        Parameters
        ----------
        t_us : array (n,)
            Microseconds; before the first way-point and after the last the picture rests.
        """
        from scipy.interpolate import PchipInterpolator

        t_ms, x, y = np.array(self.path, np.float64).T
        t = np.clip(np.asarray(t_us, np.float64) / 1000, t_ms[0], t_ms[-1])
        return PchipInterpolator(t_ms, x)(t), PchipInterpolator(t_ms, y)(t)
