"""The authors' distortion of training images: elastic, scaled, turned; one field for an epoch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_SIGMA, _REACH, _ELASTIC = 4.0, 10, 3.4
_SCALE, _TURN = 0.12, 12.0


def drawn_field(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """Draw displacements, float64 (2, height, width): vertical and horizontal.

    Both have the same elastic part, noise on (-1, 1) smoothed by a Gaussian of 21 x 21; the scales
    and the angle come from the first values of that noise.
    """
    noise = rng.uniform(-1, 1, (height, width))
    steps = np.arange(-_REACH, _REACH + 1)
    bell = np.exp(-(steps**2) / (2 * _SIGMA**2))
    smooth = noise
    for axis in (0, 1):
        smooth = np.apply_along_axis(_smoothed, axis, smooth, bell)
    elastic = smooth / (2 * math.pi * _SIGMA) * _ELASTIC
    first, second = noise.reshape(-1)[:2] if noise.size > 1 else (noise.item(),) * 2
    row, column = np.indices((height, width)).astype(np.float64)
    row, column = row - height // 2, column - width // 2
    turn = math.radians(_TURN * first)
    cos, sin = math.cos(turn), math.sin(turn)
    down = elastic + _SCALE * max(0.0, second) * row + row - row * cos + column * sin
    across = elastic + _SCALE * max(0.0, first) * column + column - column * cos - row * sin
    return np.stack([down, across])


def _smoothed(line: NDArray[np.float64], bell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve a line with a bell; nothing is outside."""
    reach = len(bell) // 2
    return np.convolve(line, bell)[reach : reach + len(line)]


def distorted(image: NDArray[np.uint8], field: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the image sampled at row - field[0], column - field[1]; black outside; rounded."""
    height, width = image.shape
    row, column = np.indices(image.shape)
    y, x = row - field[0], column - field[1]
    top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    out = np.zeros(image.shape)
    for dy in (0, 1):
        for dx in (0, 1):
            r, c = top + dy, left + dx
            share = (1 - np.abs(y - r)) * (1 - np.abs(x - c))
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            out += np.where(inside, share * image[r.clip(0, height - 1), c.clip(0, width - 1)], 0)
    found: NDArray[np.uint8] = np.round(out.clip(0, 255)).astype(np.uint8)
    return found
