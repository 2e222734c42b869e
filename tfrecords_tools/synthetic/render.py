"""Surfaces to pictures: a z-buffer for each view, and what the reference hides."""

from collections.abc import Sequence

import numpy as np
import scipy.ndimage
from PIL import Image

from tfrecords_tools.synthetic.camera import other_camera
from tfrecords_tools.synthetic.scene import Scene, SceneConfig
from tfrecords_tools.synthetic.surfaces import Surface, build_surfaces
from tfrecords_tools.synthetic.textures import TextureSource

_BILINEAR, _BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


def _sample(
    image: Image.Image,
    to_image: np.ndarray,
    box: tuple[int, int, int, int],
    samples: int,
    resample: Image.Resampling,
) -> Image.Image:
    """Samples a picture over a box of the sample grid through an affine map.

    Pillow counts pixel centres from 0.5; here they are integers, in px and in texels.
    """
    x0, y0, x1, y1 = box
    (ux, uy, u0), (vx, vy, v0) = to_image.tolist()
    x, y = x0 / samples - 0.5, y0 / samples - 0.5
    data = (ux / samples, uy / samples, u0 + ux * x + uy * y + 0.5)
    data += (vx / samples, vy / samples, v0 + vx * x + vy * y + 0.5)
    size = (x1 - x0, y1 - y0)
    return image.transform(size, Image.Transform.AFFINE, data, resample)


def _render(
    surfaces: Sequence[Surface],
    config: SceneConfig,
    reference: bool,
    samples: int,
    canvas: Image.Image | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Z-buffers one view with samples^2 samples a pixel, painting `canvas` if given.

    Returns:
        (H * samples, W * samples) float32 disparity (px) and int32 surface index.
    """
    h, w = config.height * samples, config.width * samples
    depth = np.full((h, w), -np.inf, np.float32)
    owner = np.full((h, w), -1, np.int32)
    for index, surface in enumerate(surfaces):
        bounds = (np.array(surface.bounds_in(reference)) + 0.5) * samples - 0.5
        x0, y0 = (max(int(v), 0) for v in np.ceil(bounds[:2]))
        x1, y1 = np.minimum(np.floor(bounds[2:]).astype(int) + 1, (w, h)).tolist()
        if x0 >= x1 or y0 >= y1:
            continue
        to_mono = surface.to_mono(reference)
        px, py, p0 = surface.disparity_in(reference)
        x = (np.arange(x0, x1) + 0.5) / samples - 0.5
        y = (np.arange(y0, y1) + 0.5) / samples - 0.5
        along_x = (px * x + p0).astype(np.float32)
        disparity = along_x + (py * y).astype(np.float32)[:, None]
        wins = disparity > depth[y0:y1, x0:x1]
        box = (x0, y0, x1, y1)
        if surface.outline is not None:
            to_outline = surface.outline_map @ to_mono
            inside = _sample(surface.outline, to_outline, box, samples, _BILINEAR)
            wins &= np.asarray(inside) >= 128
        if not wins.any():
            continue
        np.copyto(depth[y0:y1, x0:x1], disparity, where=wins)
        np.copyto(owner[y0:y1, x0:x1], index, where=wins)
        if canvas is not None:
            to_patch = surface.patch_map @ to_mono
            colours = _sample(surface.patch, to_patch, box, samples, _BICUBIC)
            canvas.paste(colours, (x0, y0), Image.fromarray(wins))
    return depth, owner


def _inside(surface: Surface, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) bool: whether mono-view points (px) lie on the surface."""
    x0, y0, x1, y1 = surface.bounds
    within = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    if surface.outline is None:
        return within
    where = surface.outline_map @ np.stack((x, y, np.ones_like(x)))
    outline = np.asarray(surface.outline).astype(np.float32)
    value = scipy.ndimage.map_coordinates(outline, where[::-1], order=1)
    return within & (value >= 127.5)


def _occlusion(
    surfaces: Sequence[Surface], disparity: np.ndarray, owner: np.ndarray
) -> np.ndarray:
    """(H, W) bool: the reference's z-buffer, asked at (i + disparity, j) itself."""
    h, w = disparity.shape
    matched = np.arange(w) + disparity.astype(np.float64)
    occluded = matched > w - 1
    reach = int(np.ceil(disparity.max())) + 1
    for index, surface in enumerate(surfaces):
        x0, y0, x1, y1 = surface.bounds_in(reference=True)
        columns = slice(max(int(np.floor(x0)) - reach, 0), max(int(np.ceil(x1)) + 1, 0))
        rows = slice(max(int(np.floor(y0)), 0), max(int(np.ceil(y1)) + 1, 0))
        x = matched[rows, columns]
        y = np.arange(h)[rows, None]
        px, py, p0 = surface.disparity_in(reference=True)
        in_front = px * x + (py * y + p0) > disparity[rows, columns] + 1e-3
        in_front &= (x >= x0) & (x <= x1) & (owner[rows, columns] != index)
        in_front &= ~occluded[rows, columns]
        j, i = np.nonzero(in_front)
        if len(j) == 0:
            continue
        points = np.stack((x[j, i], j + float(rows.start), np.ones(len(j))))
        mono_x, mono_y, _ = surface.to_mono(reference=True) @ points
        hidden = _inside(surface, mono_x, mono_y)
        occluded[j[hidden] + rows.start, i[hidden] + columns.start] = True
    return occluded


def render_scene(
    seed: int | Sequence[int],
    config: SceneConfig,
    textures: TextureSource | None,
) -> Scene:
    """Renders a random stereo pair with its disparity and occlusions (Eq. 1).

    The same seed, settings and pictures give the same bytes, in any process.

    Args:
        seed: int >= 0, or several of them, such as (run, step).
        config: the scene's settings.
        textures: pictures, such as `folder_textures`; None: procedural ones alone.

    Returns:
        The scene; see `Scene` for shapes, types and units.

    Raises:
        ValueError: the texture source is empty, or one of its pictures is unreadable.
    """
    surfaces = build_surfaces(seed, config, textures)
    samples = config.supersample
    views = []
    for reference in (False, True):
        size = (config.width * samples, config.height * samples)
        canvas = Image.new("RGB", size)
        _render(surfaces, config, reference, samples, canvas)
        views.append(np.array(canvas.reduce(samples) if samples > 1 else canvas))
    if config.camera_differences > 0:
        parts = [seed] if np.isscalar(seed) else list(seed)
        rng = np.random.default_rng([*parts, 1])
        views[1] = other_camera(views[1], rng, config.camera_differences)
    disparity, owner = _render(surfaces, config, False, 1, None)
    occluded = _occlusion(surfaces, disparity, owner)
    return Scene(views[0], views[1], disparity, occluded)
