"""The surfaces of a scene: background planes, and objects that stand before them."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image

from tfrecords_tools.synthetic.outlines import (
    Bounds,
    draw_outline,
    solid_polygons,
    thin_polygons,
)
from tfrecords_tools.synthetic.painter import Painter
from tfrecords_tools.synthetic.random_draws import log_uniform, tilted
from tfrecords_tools.synthetic.reliefs import Relief, draw_relief
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
        patch: RGB picture, 8 bit, with its shading.
        patch_map: (2, 3) float64, from (x, y, 1) to the patch's pixels.
        relief: what is added to the plane's disparity, or None. `to_mono` and
            `disparity_in` say where the plane alone is.
        outline: picture of mode L, inside where its bilinear value is >= 128; None
            means the whole rectangle.
        outline_map: (2, 3) float64, from (x, y, 1) to the outline's pixels, or None.
    """

    plane: Plane
    bounds: Bounds
    patch: Image.Image
    patch_map: np.ndarray
    relief: Relief | None = None
    outline: Image.Image | None = None
    outline_map: np.ndarray | None = None

    @property
    def background(self) -> bool:
        """Whether this is one of the big rectangles and not an object."""
        return self.outline is None

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
        relief = self.relief.amplitude if self.relief else 0.0
        return min(x) - relief, y0, max(x) + relief, y1

    def disparity_at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Disparity (px) at points of the mono view."""
        a, b, c = self.plane
        disparity = b * x + (c * y + a)
        return disparity if self.relief is None else disparity + self.relief.at(x, y)

    def mono_x(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Mono-view x of points of the reference view: u with u + d(u, y) = x."""
        a, b, c = self.plane
        flat = (x - (c * y + a)) / (1 + b)
        if self.relief is None:
            return flat
        u = flat
        for _ in range(_NEWTON_STEPS):
            error = u + self.relief.at(u, y) / (1 + b) - flat
            u = u - error / (1 + self.relief.slopes(u, y)[0] / (1 + b))
        return u


def _plane(
    bounds: Bounds,
    middle: float,
    slopes: tuple[float, float],
    top: float,
    relief: Relief | None,
) -> Plane:
    """A plane with disparity `middle` in the middle, within [0, top] over `bounds`.

    With a relief, `middle` moves as far as the relief needs on both sides.
    """
    x0, y0, x1, y1 = bounds
    steepest, reach = _MAX_SLOPE, 0.0
    if relief is not None:
        steepest -= relief.steepness
        reach = min(relief.amplitude + 1e-3, top / 2)
        middle = float(np.clip(middle, reach, top - reach))
    b = float(np.clip(slopes[0], -steepest, steepest))
    c = float(slopes[1])
    # 1e-3 px is room for float32: the range holds by construction, nothing is clipped.
    room = max(min(middle, top - middle) - reach - 1e-3, 0.0)
    swing = abs(b) * (x1 - x0) / 2 + abs(c) * (y1 - y0) / 2
    factor = min(1.0, room / swing) if swing > 0 else 0.0
    b, c = b * factor, c * factor
    return middle - b * (x0 + x1) / 2 - c * (y0 + y1) / 2, b, c


class _Builder:
    """Draws the surfaces of one scene, in order, from one source of randomness."""

    def __init__(
        self,
        rng: np.random.Generator,
        config: SceneConfig,
        textures: Sequence[np.ndarray] | None,
    ) -> None:
        self.rng, self.config = rng, config
        self.painter = Painter(rng, config, textures)
        self.top = top = float(config.max_disparity - 1)
        least, usual, largest = config.wall
        deep = rng.random() < 0.7
        self.far = top * (
            rng.uniform(least, usual) if deep else rng.uniform(usual, largest)
        )
        self.near = max(self.far, top * rng.uniform(0.5, 1.0))

    def _surface(
        self,
        bounds: Bounds,
        middle: float,
        slopes: tuple[float, float],
        outline: Image.Image | None = None,
        outline_map: np.ndarray | None = None,
    ) -> Surface:
        """A surface of disparity `middle` in the middle, curved or not, with a picture.

        Without an outline it is a background.
        """
        curved, relief = self.config.curved_fraction, None
        if curved > 0 and self.rng.random() < curved:
            relief = draw_relief(self.rng, bounds, self.top)
        plane = _plane(bounds, middle, slopes, self.top, relief)
        patch = self.painter.paint(bounds, background=outline is None)
        return Surface(plane, bounds, *patch, relief, outline, outline_map)

    def backgrounds(self) -> list[Surface]:
        """The wall behind everything; sometimes a floor and a side wall before it."""
        rng, far, near = self.rng, self.far, self.near
        h, w = self.config.height, self.config.width
        # The reference view looks past the mono view's left border by up to `top` px.
        frame = (-self.top - 2.0, -2.0, w + 1.0, h + 1.0)
        slopes = (rng.normal(0, 0.04), rng.normal(0, 0.04))
        surfaces = [self._surface(frame, far, slopes)]
        if rng.random() < 0.5:  # a floor or a table, nearer towards the bottom
            bounds = (frame[0], h * rng.uniform(0.3, 0.8), frame[2], frame[3])
            # Of two equal numbers the mean may be larger, by rounding.
            between = min(0.6 * far + 0.4 * near, near)
            middle = 0.5 * (0.8 * far + rng.uniform(between, near))
            slope = 2 * (middle - 0.8 * far) / (bounds[3] - bounds[1])
            slopes = (rng.normal(0, 0.03), slope)
            surfaces.append(self._surface(bounds, middle, slopes))
        if rng.random() < 0.3:  # a side wall that comes nearer towards its border
            left, edge = rng.random() < 0.5, w * rng.uniform(0.2, 0.5)
            x0, x1 = (frame[0], edge) if left else (w - edge, frame[2])
            middle = 0.5 * (0.8 * far + rng.uniform(far, near))
            slope = 2 * (middle - 0.8 * far) / (x1 - x0) * (-1 if left else 1)
            bounds = (x0, frame[1], x1, frame[3])
            surfaces.append(self._surface(bounds, middle, (slope, 0.0)))
        return surfaces

    def _count(self) -> int:
        """Few big things in one room, many small ones in the next."""
        least, most = self.config.min_objects, self.config.max_objects
        few, many = max(least, 1), max(most, 1)
        log_count = log_uniform(self.rng, few, many)
        even_count = self.rng.uniform(few, many)
        count = round(log_count if self.rng.random() < 0.4 else even_count)
        return int(np.clip(count, least, most))

    def objects(self, backgrounds: Sequence[Surface]) -> list[Surface]:
        """Solid and thin things, each nearer than the backgrounds at its centre."""
        rng, top = self.rng, self.top
        h, w = self.config.height, self.config.width
        count = self._count()
        crowd = min(1.0, count / 20)
        largest = (0.8 if crowd < 0.7 else 0.65) * min(h, w)
        smallest = max(5.0, 0.2 * min(h, w) * (1 - crowd))
        thin_share = rng.uniform(0.05, 0.5)
        surfaces = []
        for _ in range(count):
            size = log_uniform(rng, min(smallest, largest), largest)
            if rng.random() < thin_share:  # 1.5: they cover little of what they span
                polygons = thin_polygons(rng, size * 1.5)
            else:
                polygons = solid_polygons(rng, size)
            rotation = tilted(rng, 0.6, 0.05)
            centre = np.array((rng.uniform(-0.7 * top, w), rng.uniform(0, h)))
            polygons = [(p @ rotation + centre, solid) for p, solid in polygons]
            outline, outline_map, bounds = draw_outline(polygons)
            at = np.array((*centre, 1.0))
            behind = max(
                float(np.roll(s.plane, -1) @ at)
                for s in backgrounds
                if s.bounds[1] <= centre[1] and s.bounds[0] <= centre[0]
            )
            room = max(self.near - behind, 0.1 * (top - behind))
            middle = float(np.clip(behind + room * rng.random(), 0, top))
            scale = 0.15 if rng.random() < 0.4 else 0.03
            slopes = (rng.normal(0, scale), rng.normal(0, scale))
            surfaces.append(self._surface(bounds, middle, slopes, outline, outline_map))
        return surfaces


def build_surfaces(
    seed: int | Sequence[int],
    config: SceneConfig,
    textures: Sequence[np.ndarray] | None,
) -> list[Surface]:
    """The surfaces that `render_scene` draws, background planes first.

    Args:
        seed: int >= 0, or several of them.
        config: the scene's settings.
        textures: at least one picture, or None for procedural textures alone.

    Raises:
        InputError: one of the pictures is unreadable.
    """
    builder = _Builder(np.random.default_rng(seed), config, textures)
    backgrounds = builder.backgrounds()
    return backgrounds + builder.objects(backgrounds)
