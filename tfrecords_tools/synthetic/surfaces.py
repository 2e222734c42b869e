"""The surfaces of a scene: background planes, and objects that stand before them."""

from collections.abc import Sequence

import numpy as np

from tfrecords_tools.synthetic.backdrop import backdrop_surfaces
from tfrecords_tools.synthetic.draws import log_uniform, tilted
from tfrecords_tools.synthetic.outlines import (
    Bounds,
    draw_outline,
    solid_polygons,
    thin_polygons,
)
from tfrecords_tools.synthetic.painter import Painter
from tfrecords_tools.synthetic.scene import SceneConfig
from tfrecords_tools.synthetic.surface import (
    Surface,
    draw_relief,
    plane_within,
    scene_frame,
)
from tfrecords_tools.synthetic.textures import TextureSource


def _backgrounds(
    rng: np.random.Generator,
    config: SceneConfig,
    painter: Painter,
    far: float,
    near: float,
) -> list[Surface]:
    """The wall behind everything; sometimes a floor and a side wall before it."""
    top = float(config.max_disparity - 1)
    h, w = config.height, config.width
    frame = scene_frame(config)
    surfaces = []

    def add(bounds: Bounds, middle: float, slopes: tuple[float, float]) -> None:
        bend = draw_relief(rng, config, bounds)
        plane = plane_within(bounds, middle, slopes, top, bend)
        patch = painter.paint(bounds, background=True)
        outline = (None, np.zeros((2, 3)))
        surfaces.append(Surface(plane, bounds, *outline, *patch, True, bend))

    add(frame, far, (rng.normal(0, 0.04), rng.normal(0, 0.04)))
    if rng.random() < 0.5:  # a floor or a table, nearer towards the bottom
        bounds = (frame[0], h * rng.uniform(0.3, 0.8), frame[2], frame[3])
        # Of two equal numbers the mean may be larger, by rounding.
        between = min(0.6 * far + 0.4 * near, near)
        middle = 0.5 * (0.8 * far + rng.uniform(between, near))
        slope = 2 * (middle - 0.8 * far) / (bounds[3] - bounds[1])
        add(bounds, middle, (rng.normal(0, 0.03), slope))
    if rng.random() < 0.3:  # a side wall that comes nearer towards its border
        left, edge = rng.random() < 0.5, w * rng.uniform(0.2, 0.5)
        x0, x1 = (frame[0], edge) if left else (w - edge, frame[2])
        middle = 0.5 * (0.8 * far + rng.uniform(far, near))
        slope = 2 * (middle - 0.8 * far) / (x1 - x0) * (-1 if left else 1)
        add((x0, frame[1], x1, frame[3]), middle, (slope, 0.0))
    return surfaces


def _object_count(rng: np.random.Generator, config: SceneConfig) -> int:
    """Few big things in one room, many small ones in the next."""
    few, many = max(config.min_objects, 1), max(config.max_objects, 1)
    log_count, even_count = log_uniform(rng, few, many), rng.uniform(few, many)
    count = round(log_count if rng.random() < 0.4 else even_count)
    return int(np.clip(count, config.min_objects, config.max_objects))


def _objects(
    rng: np.random.Generator,
    config: SceneConfig,
    painter: Painter,
    near: float,
    backgrounds: Sequence[Surface],
) -> list[Surface]:
    """Solid and thin things, each nearer than the backgrounds at its centre."""
    top = float(config.max_disparity - 1)
    h, w = config.height, config.width
    count = _object_count(rng, config)
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
        outline, to_outline, bounds = draw_outline(polygons)
        at = np.array((*centre, 1.0))
        behind = max(
            float(np.roll(s.plane, -1) @ at)
            for s in backgrounds
            if s.bounds[1] <= centre[1] and s.bounds[0] <= centre[0]
        )
        middle = behind + max(near - behind, 0.1 * (top - behind)) * rng.random()
        scale = 0.15 if rng.random() < 0.4 else 0.03
        slopes = (rng.normal(0, scale), rng.normal(0, scale))
        bend = draw_relief(rng, config, bounds)
        plane = plane_within(bounds, float(np.clip(middle, 0, top)), slopes, top, bend)
        patch = painter.paint(bounds, background=False)
        surfaces.append(
            Surface(plane, bounds, outline, to_outline, *patch, False, bend)
        )
    return surfaces


def build_surfaces(
    seed: int | Sequence[int],
    config: SceneConfig,
    textures: TextureSource | None,
    backdrops: TextureSource | None = None,
) -> list[Surface]:
    """The surfaces that `render_scene` draws, background planes first.

    Args:
        seed: int >= 0, or several of them.
        config: the scene's settings.
        textures: pictures, or None for procedural textures alone.
        backdrops: photographs, one of which stands in place of the walls; None: none.

    Raises:
        ValueError: a source is empty, or one of its pictures is unreadable.
    """
    for source in (textures, backdrops):
        if source is not None and len(source) == 0:
            raise ValueError(f"The texture source has no pictures. Received: {source}")
    rng = np.random.default_rng(seed)
    painter = Painter(rng, config, textures)
    top = float(config.max_disparity - 1)
    least, usual, largest = config.wall
    deep = rng.random() < 0.7
    far = top * (rng.uniform(least, usual) if deep else rng.uniform(usual, largest))
    near = max(far, top * rng.uniform(0.5, 1.0))
    if backdrops is None:
        behind = _backgrounds(rng, config, painter, far, near)
    else:
        behind = backdrop_surfaces(rng, config, backdrops, far, near)
    backgrounds = [surface for surface in behind if surface.background]
    return behind + _objects(rng, config, painter, near, backgrounds)
