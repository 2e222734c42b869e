"""Random draws that several modules of this package share."""

import numpy as np


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between low > 0 and high, uniform in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def rotation(turn: float) -> np.ndarray:
    """(2, 2) float64 matrix of a turn in radians."""
    cos, sin = np.cos(turn), np.sin(turn)
    return np.array([[cos, sin], [-sin, cos]])


def tilted(rng: np.random.Generator, share: float, spread: float) -> np.ndarray:
    """(2, 2) rotation: any turn in `share` of the draws, else normal(0, spread) rad."""
    turn = rng.uniform(0, 2 * np.pi) if rng.random() < share else rng.normal(0, spread)
    return rotation(turn)
