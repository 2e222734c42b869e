"""Light on the surfaces: shading, cast shadows, soft highlights.

All of it becomes part of the pictures that lie on the surfaces, in coordinates of the
mono view: both views see it at the same places, and the disparity stays exact.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from tfrecords_tools.synthetic.random_draws import log_uniform
from tfrecords_tools.synthetic.scene import SceneConfig
from tfrecords_tools.synthetic.surfaces import Surface

_AFFINE, _BILINEAR = Image.Transform.AFFINE, Image.Resampling.BILINEAR
_SHADOW_PITCH = 2  # px a pixel of the map of shadows, which are soft anyway
_LIGHT_PITCH = 8  # texels a pixel of the maps of shades and highlights


def light_surfaces(
    surfaces: Sequence[Surface], rng: np.random.Generator, config: SceneConfig
) -> list[Surface]:
    """The same surfaces with light on them; see `SceneConfig.lighting`."""
    direction = rng.normal(0.0, 1.0, 2)
    direction /= max(float(np.hypot(*direction)), 1e-6)
    shadows = _shadows(surfaces, rng, config)
    lit = []
    for surface in surfaces:
        shade, highlight = _shade(surface, rng, config.lighting, direction)
        size = surface.patch.size
        # Grey factors and summands: the hue stays, and a highlight keeps the chroma.
        shade = _grey(shade).resize(size, _BILINEAR)
        if surface.background:
            to_shadows = _from_patch(surface)
            to_shadows[0, 2] += config.max_disparity
            to_shadows = to_shadows / _SHADOW_PITCH
            cast = shadows.transform(size, _AFFINE, _half_pixels(to_shadows), _BILINEAR)
            shade = ImageChops.multiply(shade, ImageChops.invert(cast))
        patch = ImageChops.multiply(surface.patch, Image.merge("RGB", (shade,) * 3))
        if highlight is not None:
            added = _grey(highlight).resize(size, _BILINEAR)
            patch = ImageChops.add(patch, Image.merge("RGB", (added,) * 3))
        lit.append(dataclasses.replace(surface, patch=patch))
    return lit


def _grey(levels: np.ndarray) -> Image.Image:
    """An L picture of levels in [0, 1]."""
    return Image.fromarray(np.rint(255 * np.clip(levels, 0, 1)).astype(np.uint8))


def _from_patch(surface: Surface) -> np.ndarray:
    """(2, 3) map from a patch's (u, v, 1) to mono-view x and y."""
    inverse = np.linalg.inv(surface.patch_map[:, :2])
    return np.column_stack((inverse, -inverse @ surface.patch_map[:, 2]))


def _half_pixels(to_image: np.ndarray) -> tuple[float, ...]:
    """A map between integer pixel centres as Pillow's, which count from 0.5."""
    offset = to_image[:, 2] + 0.5 - 0.5 * to_image[:, :2].sum(axis=1)
    return tuple(np.column_stack((to_image[:, :2], offset)).ravel().tolist())


def _shade(
    surface: Surface,
    rng: np.random.Generator,
    strength: float,
    direction: np.ndarray,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Factors, and what a highlight adds, both in [0, 1], on a coarse grid."""
    width, height = surface.patch.size
    u = np.linspace(-0.5, width - 0.5, width // _LIGHT_PITCH + 2)
    v = np.linspace(-0.5, height - 0.5, height // _LIGHT_PITCH + 2)[:, None]
    (xu, xv, x0), (yu, yv, y0) = _from_patch(surface).tolist()
    x, y = xu * u + xv * v + x0, yu * u + yv * v + y0
    left, upper, right, lower = surface.bounds
    extent = max(right - left, lower - upper, 1.0)

    def distance(softness: float) -> np.ndarray:
        at_x, at_y = rng.uniform(left, right), rng.uniform(upper, lower)
        return ((x - at_x) ** 2 + (y - at_y) ** 2) / (softness * extent) ** 2

    shade = np.ones(np.broadcast_shapes(u.shape, v.shape))
    if surface.relief is not None:  # turned away from the light, hence darker
        along_x, along_y = surface.relief.slopes(x, y)
        toward = along_x * direction[0] + along_y * direction[1]
        steepest = max(float(np.abs(toward).max()), 1e-6)
        depth = strength * rng.uniform(0.2, 0.7)
        shade *= 1 - depth * (0.5 - 0.5 * toward / steepest)
    if rng.random() < 0.4:  # a lamp nearby
        shade *= 1 - strength * rng.uniform(0.1, 0.5) * (
            1 - np.exp(-distance(rng.uniform(0.4, 1.0)))
        )
    if rng.random() >= (0.15 if surface.background else 0.25):
        return shade, None
    peak = strength * rng.uniform(0.1, 0.6)
    return shade, peak * np.exp(-distance(rng.uniform(0.05, 0.3)))


def _shadows(
    surfaces: Sequence[Surface], rng: np.random.Generator, config: SceneConfig
) -> Image.Image:
    """What the objects cast on the backgrounds: L, 255 is black; from x = -d on."""
    width = (config.width + config.max_disparity) // _SHADOW_PITCH + 1
    shadows = Image.new("L", (width, config.height // _SHADOW_PITCH + 1))
    offset = rng.normal(0.0, 0.12, 2) * min(config.width, config.height)
    height = rng.uniform(0.0, 1.0)
    for surface in surfaces:
        if surface.background:
            continue
        shift = offset * (height if rng.random() < 0.7 else rng.uniform(0.1, 1.5))
        shift[0] += config.max_disparity
        to_outline = surface.outline_map.copy()
        to_outline[:, 2] -= to_outline[:, :2] @ shift
        to_outline[:, :2] *= _SHADOW_PITCH
        cast = surface.outline.transform(
            shadows.size, _AFFINE, _half_pixels(to_outline), _BILINEAR
        )
        shadows = ImageChops.lighter(shadows, cast)
    radius = log_uniform(rng, 0.5, 0.04 * min(config.width, config.height) + 1)
    shadows = shadows.filter(ImageFilter.GaussianBlur(radius / _SHADOW_PITCH))
    darkness = config.lighting * rng.uniform(0.2, 0.8)
    return shadows.point([round(darkness * level) for level in range(256)])
