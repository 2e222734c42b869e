"""One surface of a scene: where it is, how deep, and what lies on it."""

import dataclasses

import numpy as np
from PIL import Image

from tfrecords_tools.synthetic.bends import Bend, draw_bend
from tfrecords_tools.synthetic.outlines import Bounds
from tfrecords_tools.synthetic.scene import SceneConfig

Plane = tuple[float, float, float]  # (a, b, c) of the disparity a + b x + c y, px
_MAX_SLOPE = 0.35  # px of disparity a px; below 0.4 keeps X = x + d monotone
# From a plane's solution, at most a relief's amplitude away, this reaches 1e-4 px.
_NEWTON_STEPS = 4


@dataclasses.dataclass(frozen=True)
class Surface:
    """One textured surface of a scene; everything in mono-view coordinates (px).

    Attributes:
        plane: (a, b, c) of the disparity a + b x + c y, px.
        bounds: (x0, y0, x1, y1), the rectangle outside which there is no surface.
        outline: picture of mode L, inside where its bilinear value is >= 128; None
            means the whole rectangle.
        outline_map: (2, 3) float64, from (x, y, 1) to the outline's pixels.
        patch: RGB picture, 8 bit, with its shading.
        patch_map: (2, 3) float64, from (x, y, 1) to the patch's pixels.
        background: whether this is one of the big planes and not an object.
        bend: a relief that is added to the plane's disparity, or None. Then `to_mono`
            and `disparity_in` say where the plane alone is.
    """

    plane: Plane
    bounds: Bounds
    outline: Image.Image | None
    outline_map: np.ndarray
    patch: Image.Image
    patch_map: np.ndarray
    background: bool
    bend: Bend | None = None

    def to_mono(self, reference: bool) -> np.ndarray:
        """(3, 3) float64, from a view's (x, y, 1) to the mono view's."""
        a, b, c = self.plane if reference else (0.0, 0.0, 0.0)
        first = np.array((1.0, -c, -a)) / (1.0 + b)
        return np.stack((first, (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))

    def disparity_in(self, reference: bool) -> np.ndarray:
        """(3,) float64: disparity (px) as a product with a view's (x, y, 1)."""
        a, b, c = self.plane
        return np.array((b, c, a)) @ self.to_mono(reference)

    def bounds_in(self, reference: bool) -> Bounds:
        """(x0, y0, x1, y1) of the surface in a view, px."""
        if not reference:
            return self.bounds
        x0, y0, x1, y1 = self.bounds
        a, b, c = self.plane
        x = [x + a + b * x + c * y for x in (x0, x1) for y in (y0, y1)]
        relief = self.bend.amplitude if self.bend else 0.0
        return min(x) - relief, y0, max(x) + relief, y1

    def disparity_at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Disparity (px) at points of the mono view."""
        a, b, c = self.plane
        disparity = b * x + (c * y + a)
        return disparity if self.bend is None else disparity + self.bend.at(x, y)

    def mono_x(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Mono-view x of points of the reference view: u with u + d(u, y) = x."""
        a, b, c = self.plane
        flat = (x - (c * y + a)) / (1 + b)
        if self.bend is None:
            return flat
        u = flat
        for _ in range(_NEWTON_STEPS):
            error = u + self.bend.at(u, y) / (1 + b) - flat
            u = u - error / (1 + self.bend.slope(u, y) / (1 + b))
        return u


def plane_within(
    bounds: Bounds,
    middle: float,
    slopes: tuple[float, float],
    top: float,
    bend: Bend | None = None,
) -> Plane:
    """A plane with disparity `middle` in the middle, within [0, top] over `bounds`.

    With a relief, `middle` moves as far as the relief needs on both sides.
    """
    x0, y0, x1, y1 = bounds
    steepest, relief = _MAX_SLOPE, 0.0
    if bend is not None:
        steepest -= bend.steepness
        relief = min(bend.amplitude + 1e-3, top / 2)
        middle = float(np.clip(middle, relief, top - relief))
    b = float(np.clip(slopes[0], -steepest, steepest))
    c = float(slopes[1])
    swing = abs(b) * (x1 - x0) / 2 + abs(c) * (y1 - y0) / 2
    # 1e-3 px is room for float32: the range holds by construction, nothing is clipped.
    room = max(min(middle, top - middle) - relief - 1e-3, 0.0)
    factor = min(1.0, room / swing) if swing > 0 else 0.0
    b, c = b * factor, c * factor
    return middle - b * (x0 + x1) / 2 - c * (y0 + y1) / 2, b, c


def draw_relief(
    rng: np.random.Generator, config: SceneConfig, bounds: Bounds
) -> Bend | None:
    """A relief for the share of surfaces that are curved."""
    if config.curved_fraction == 0 or rng.random() >= config.curved_fraction:
        return None
    return draw_bend(rng, bounds, float(config.max_disparity - 1))


def scene_frame(config: SceneConfig) -> Bounds:
    """(x0, y0, x1, y1) that a surface behind everything has to cover, px."""
    # The reference view looks past the mono view's left border by up to `top` px.
    top = float(config.max_disparity - 1)
    return -top - 2.0, -2.0, config.width + 1.0, config.height + 1.0
