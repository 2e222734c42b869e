"""Outlines of objects: polygons in px around the object's centre, drawn in order."""

import numpy as np
from PIL import Image, ImageDraw

from tfrecords_tools.synthetic.random_draws import log_uniform, rotation

Bounds = tuple[float, float, float, float]  # (x0, y0, x1, y1), px
Polygons = list[tuple[np.ndarray, bool]]  # ((n, 2) x and y, solid or hole)
_Point = np.ndarray | tuple[float, float]


def _star(radii: np.ndarray) -> np.ndarray:
    angle = np.linspace(0.0, 2 * np.pi, len(radii), endpoint=False)
    return np.stack((np.cos(angle), np.sin(angle)), axis=1) * radii[:, None]


def _blob(rng: np.random.Generator, radius: float) -> np.ndarray:
    angle = np.linspace(0.0, 2 * np.pi, 96, endpoint=False)
    order = np.arange(1, int(rng.integers(3, 9)))
    weight = rng.normal(0.0, 0.28, len(order)) / order**0.8
    waves = np.cos(order * angle[:, None] + rng.uniform(0, 2 * np.pi, len(order)))
    return _star(radius * np.clip(1.0 + waves @ weight, 0.25, 1.6))


def _bar(start: _Point, end: _Point, thickness: float) -> np.ndarray:
    start, end = np.asarray(start), np.asarray(end)
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
    side = 0.5 * thickness * np.array((-along[1], along[0]))
    return np.stack((start + side, end + side, end - side, start - side))


def solid_polygons(rng: np.random.Generator, size: float) -> Polygons:
    """A disc, blob, polygon or box, about `size` px across, sometimes with holes."""
    radius = size / 2
    kind = rng.choice(4, p=(0.2, 0.35, 0.2, 0.25))
    if kind == 0:
        outline = _star(np.full(72, radius))
    elif kind == 1:
        outline = _blob(rng, radius)
    elif kind == 2:
        outline = _star(radius * rng.uniform(0.5, 1.2, int(rng.integers(3, 9))))
    else:
        outline = radius * np.array(
            [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
        )
    outline = outline * np.array((1.0, log_uniform(rng, 0.35, 1.0)))
    polygons = [(outline, True)]
    if size > 24 and rng.random() < 0.2:
        for _ in range(int(rng.integers(1, 4))):
            hole = _blob(rng, radius * rng.uniform(0.1, 0.35))
            polygons.append((hole + rng.uniform(-0.4, 0.4, 2) * radius, False))
    return polygons


def _branches(rng: np.random.Generator, size: float, thickness: float) -> Polygons:
    polygons: Polygons = []
    for _ in range(int(rng.integers(1, 5))):
        heading, at = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.05, 2) * size
        width = thickness
        for _ in range(int(rng.integers(3, 9))):
            heading += rng.normal(0.0, 0.45)
            step = np.array((np.cos(heading), np.sin(heading)))
            end = at + step * (size / 2) * rng.uniform(0.1, 0.35)
            polygons.append((_bar(at, end, width), True))
            polygons.append((_star(np.full(12, width / 2)) + end, True))
            at, width = end, max(1.0, width * 0.85)
    return polygons


def _ring(rng: np.random.Generator, radius: float, thickness: float) -> Polygons:
    squash = np.array((1.0, rng.uniform(0.4, 1.0)))
    inner = max(radius - 1.2 * thickness, 0.3 * radius)
    outlines = (_star(np.full(72, r)) * squash for r in (radius, inner))
    return list(zip(outlines, (True, False), strict=True))


def _lattice(rng: np.random.Generator, size: float, thickness: float) -> Polygons:
    radius = size / 2
    pitch = max(size / int(rng.integers(2, 8)), 2.5 * thickness)
    ticks = np.arange(-radius, radius + 1e-3, pitch)
    rows = ticks if rng.random() < 0.6 else ticks[[0, -1]]
    lines = [((t, -radius), (t, radius)) for t in ticks]
    lines += [((-radius, t), (radius, t)) for t in rows]
    return [(_bar(start, end, thickness), True) for start, end in lines]


def _leaves(rng: np.random.Generator, size: float) -> Polygons:
    leaf = max(3.0, size * rng.uniform(0.06, 0.2))
    polygons: Polygons = []
    for _ in range(int(rng.integers(10, 50))):
        turn = rotation(rng.uniform(0, 2 * np.pi))
        shape = _star(np.full(20, leaf / 2)) * np.array((1.0, rng.uniform(0.3, 0.7)))
        centre = np.clip(rng.normal(0.0, 0.45, 2), -1, 1) * (size / 2)
        polygons.append((shape @ turn + centre, True))
    return polygons


def thin_polygons(rng: np.random.Generator, size: float) -> Polygons:
    """A rod, branch, ring, lattice or clump of leaves, about `size` px across."""
    radius = size / 2
    thickness = float(np.clip(log_uniform(rng, 0.02, 0.14) * size, 1.0, 14.0))
    kind = rng.integers(5)
    if kind == 0:
        return [(_bar((-radius, 0.0), (radius, 0.0), thickness), True)]
    if kind == 1:
        return _branches(rng, size, thickness)
    if kind == 2:
        return _ring(rng, radius, thickness)
    if kind == 3:
        return _lattice(rng, size, thickness)
    return _leaves(rng, size)


def draw_outline(
    polygons: Polygons,
) -> tuple[Image.Image, np.ndarray, Bounds]:
    """Rasters polygons finer than the samples: picture, its (2, 3) map, its bounds."""
    points = np.concatenate([vertices for vertices, solid in polygons if solid])
    low, high = points.min(axis=0) - 1.0, points.max(axis=0) + 1.0
    pitch = max(0.25, float((high - low).max()) / 1024)
    width, height = (int(v) for v in np.ceil((high - low) / pitch) + 1)
    outline = Image.new("L", (width, height))
    draw = ImageDraw.Draw(outline)
    for vertices, solid in polygons:
        pixels = ((vertices - low) / pitch).ravel().tolist()
        draw.polygon(pixels, fill=255 if solid else 0)
    x0, y0 = (float(v) for v in low)
    to_pixels = np.array([[1 / pitch, 0, -x0 / pitch], [0, 1 / pitch, -y0 / pitch]])
    return outline, to_pixels, (x0, y0, float(high[0]), float(high[1]))
