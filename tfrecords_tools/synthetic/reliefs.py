"""Reliefs that make a plane a curved surface: cylinders, domes, folds of cloth."""

import dataclasses

import numpy as np

from tfrecords_tools.synthetic.outlines import Bounds
from tfrecords_tools.synthetic.random_draws import rotation

# px of disparity a px: the relief's share of what keeps X = x + d monotone.
_MAX_STEEPNESS = 0.22


@dataclasses.dataclass(frozen=True)
class Relief:
    """A sum of cosine waves, added to the disparity of a plane.

    Attributes:
        waves: (n, 4) float64, a row a wave: amplitude (px of disparity), radians a px
            along x and along y of the mono view, and phase (radians).
    """

    waves: np.ndarray

    @property
    def amplitude(self) -> float:
        """px of disparity that the relief never exceeds, either way."""
        return float(np.abs(self.waves[:, 0]).sum())

    @property
    def steepness(self) -> float:
        """px of disparity a px that its slope along x never exceeds, either way."""
        return float(np.abs(self.waves[:, 0] * self.waves[:, 1]).sum())

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Relief in px of disparity at mono-view points; of the points' type."""
        return sum(a * np.cos(u * x + v * y + p) for a, u, v, p in self.waves.tolist())

    def slopes(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Its derivatives along x and along y, px a px."""
        along_x, along_y = 0.0, 0.0
        for a, u, v, p in self.waves.tolist():
            sine = np.sin(u * x + v * y + p)
            along_x, along_y = along_x - a * u * sine, along_y - a * v * sine
        return along_x, along_y


def draw_relief(rng: np.random.Generator, bounds: Bounds, top: float) -> Relief:
    """A random relief for a surface within `bounds`.

    Args:
        rng: source of the draws.
        bounds: (x0, y0, x1, y1) of the surface in the mono view, px.
        top: largest disparity of the scene, px; the relief takes at most a fifth.
    """
    x0, y0, x1, y1 = bounds
    extent, middle = np.array((x1 - x0, y1 - y0)), np.array((x0 + x1, y0 + y1)) / 2
    kind = int(rng.integers(3))
    if kind == 0:  # a cylinder that stands, lies or leans
        turn = rng.choice((0.0, np.pi / 2)) + rng.normal(0.0, 0.2)
        directions, cycles = rotation(turn)[:1], np.array((0.5,))
    elif kind == 1:
        directions, cycles = rotation(rng.uniform(0, np.pi)), np.array((0.5, 0.5))
    else:
        count = int(rng.integers(2, 5))
        turns = rng.normal(rng.uniform(0, np.pi), 0.4, count)
        directions = np.stack((np.cos(turns), np.sin(turns)), axis=1)
        cycles = rng.uniform(0.5, 4.0, count)
    length = np.maximum(np.abs(directions) @ extent, 1.0)
    waves = directions * (2 * np.pi * cycles / length)[:, None]
    steepness = np.hypot(*waves.T)
    if kind == 2:
        phases = rng.uniform(0, 2 * np.pi, len(waves))
        amplitudes = rng.normal(0.0, 1.0, len(waves)) / steepness
    else:  # the crest, or one time in five the hollow, goes through the middle
        phases = -(waves @ middle)
        amplitudes = rng.choice((1.0, 1.0, 1.0, 1.0, -1.0)) / steepness
    total = max(float(np.abs(amplitudes) @ steepness), 1e-9)
    amplitudes = amplitudes * (rng.uniform(0.3, 1.0) * _MAX_STEEPNESS / total)
    amplitudes *= min(1.0, 0.2 * top / max(float(np.abs(amplitudes).sum()), 1e-9))
    return Relief(np.column_stack((amplitudes, waves, phases)))
