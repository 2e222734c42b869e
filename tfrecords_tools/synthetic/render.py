"""Surfaces to pictures: a z-buffer for each view, and what the reference hides."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import scipy.ndimage
from PIL import Image

from tfrecords_tools.synthetic.lighting import light_surfaces
from tfrecords_tools.synthetic.scene import Scene, SceneConfig
from tfrecords_tools.synthetic.surfaces import Surface, build_surfaces

_BILINEAR, _BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


def _sample(
    image: Image.Image,
    to_image: np.ndarray,
    box: tuple[int, int, int, int],
    samples: tuple[int, int],
    resample: Image.Resampling,
) -> Image.Image:
    """Samples a picture over a box of the sample grid through an affine map.

    Pillow counts pixel centres from 0.5; here they are integers, in px and in texels.
    """
    x0, y0, x1, y1 = box
    (ux, uy, u0), (vx, vy, v0) = to_image.tolist()
    x, y = x0 / samples[0] - 0.5, y0 / samples[1] - 0.5
    data = (ux / samples[0], uy / samples[1], u0 + ux * x + uy * y + 0.5)
    data += (vx / samples[0], vy / samples[1], v0 + vx * x + vy * y + 0.5)
    size = (x1 - x0, y1 - y0)
    return image.transform(size, Image.Transform.AFFINE, data, resample)


def _sample_curved(
    image: Image.Image,
    to_image: np.ndarray,
    mono_x: np.ndarray,
    rows: tuple[int, int],
    samples: int,
    resample: Image.Resampling,
) -> np.ndarray:
    """Samples a picture at (mono_x, row): rows as `_sample` does, then along them.

    Args:
        mono_x: (h, w) float32, px.
        rows: first and last but one row of the sample grid.

    Returns:
        (h, w) or (h, w, 3) uint8.
    """
    fine = 2 * samples  # so close together that a straight line between them will do
    at = (mono_x + np.float32(0.5)) * np.float32(fine) - np.float32(0.5)
    left = np.floor(at)
    first = int(left.min())
    box = (first, rows[0], int(left.max()) + 2, rows[1])
    dense = np.asarray(_sample(image, to_image, box, (fine, samples), resample))
    part, column = at - left, left.astype(np.intp) - first
    if dense.ndim == 3:
        part = part[..., None]
    row = np.arange(len(dense))[:, None]
    before = dense[row, column].astype(np.float32)
    between = before + part * (dense[row, column + 1] - before)
    return np.rint(between, out=between).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class _Part:
    """The box of a view's sample grid in which a surface may be seen."""

    surface: Surface
    reference: bool
    box: tuple[int, int, int, int]
    samples: int

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """x, (w,), and y, (h,), of the samples; float64, px."""
        x0, y0, x1, y1 = self.box
        x = (np.arange(x0, x1) + 0.5) / self.samples - 0.5
        return x, (np.arange(y0, y1) + 0.5) / self.samples - 0.5

    @functools.cached_property
    def mono_x(self) -> np.ndarray | None:
        """(h, w) float32 mono-view x of the samples where no matrix gives it."""
        if self.surface.relief is None or not self.reference:
            return None
        x, y = (v.astype(np.float32) for v in self.grid())
        return self.surface.mono_x(x, y[:, None])

    def disparity(self) -> np.ndarray:
        """(h, w) float32, px; -1 where the surface has ended."""
        x, y = self.grid()
        if self.surface.relief is None:
            px, py, p0 = self.surface.disparity_in(self.reference)
            along_x = (px * x + p0).astype(np.float32)
            return along_x + (py * y).astype(np.float32)[:, None]
        x = x.astype(np.float32)
        if self.mono_x is None:
            return self.surface.disparity_at(x, y.astype(np.float32)[:, None])
        # The box is that of the largest relief; the surface may end before it.
        left, _, right, _ = self.surface.bounds
        within = (self.mono_x >= left) & (self.mono_x <= right)
        return np.where(within, x - self.mono_x, np.float32(-1))

    def sample(
        self, image: Image.Image, to_image: np.ndarray, resample: Image.Resampling
    ) -> np.ndarray:
        """The samples of a picture that lies on the surface."""
        _, y0, _, y1 = self.box
        if self.mono_x is not None:
            left, _, right, _ = self.surface.bounds
            mono_x = np.clip(self.mono_x, left, right)
            return _sample_curved(
                image, to_image, mono_x, (y0, y1), self.samples, resample
            )
        if self.surface.relief is None:
            to_image = to_image @ self.surface.to_mono(self.reference)
        samples = (self.samples, self.samples)
        return np.asarray(_sample(image, to_image, self.box, samples, resample))


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
    depth = np.full((h, w), -1, np.float32)
    owner = np.full((h, w), -1, np.int32)
    for index, surface in enumerate(surfaces):
        bounds = (np.array(surface.bounds_in(reference)) + 0.5) * samples - 0.5
        x0, y0 = (max(int(v), 0) for v in np.ceil(bounds[:2]))
        x1, y1 = np.minimum(np.floor(bounds[2:]).astype(int) + 1, (w, h)).tolist()
        if x0 >= x1 or y0 >= y1:
            continue
        part = _Part(surface, reference, (x0, y0, x1, y1), samples)
        disparity = part.disparity()
        wins = disparity > depth[y0:y1, x0:x1]
        if surface.outline is not None:
            wins &= part.sample(surface.outline, surface.outline_map, _BILINEAR) >= 128
        if not wins.any():
            continue
        np.copyto(depth[y0:y1, x0:x1], disparity, where=wins)
        np.copyto(owner[y0:y1, x0:x1], index, where=wins)
        if canvas is not None:
            colours = part.sample(surface.patch, surface.patch_map, _BICUBIC)
            canvas.paste(Image.fromarray(colours), (x0, y0), Image.fromarray(wins))
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
        mono_x = surface.mono_x(x, y)
        in_front = x - mono_x > disparity[rows, columns] + 1e-3
        in_front &= (x >= x0) & (x <= x1) & (owner[rows, columns] != index)
        in_front &= ~occluded[rows, columns]
        j, i = np.nonzero(in_front)
        if len(j) == 0:
            continue
        hidden = _inside(surface, mono_x[j, i], j + float(rows.start))
        occluded[j[hidden] + rows.start, i[hidden] + columns.start] = True
    return occluded


def render_scene(
    seed: int | Sequence[int],
    config: SceneConfig,
    textures: Sequence[np.ndarray] | None,
) -> Scene:
    """Renders a random stereo pair with its disparity and occlusions (Eq. 1).

    The same seed, settings and pictures give the same bytes, in any process.

    Args:
        seed: int >= 0, or several of them, such as (run, step).
        config: the scene's settings.
        textures: pictures, such as `open_textures`; None: procedural ones alone.

    Returns:
        The scene; see `Scene` for shapes, types and units.

    Raises:
        InputError: one of the pictures is unreadable.
    """
    surfaces = build_surfaces(seed, config, textures)
    parts = [seed] if np.isscalar(seed) else list(seed)
    if config.lighting > 0:
        rng = np.random.default_rng([*parts, 2])
        surfaces = light_surfaces(surfaces, rng, config)
    samples = config.supersample
    views = []
    for reference in (False, True):
        size = (config.width * samples, config.height * samples)
        canvas = Image.new("RGB", size)
        _render(surfaces, config, reference, samples, canvas)
        views.append(np.array(canvas.reduce(samples) if samples > 1 else canvas))
    disparity, owner = _render(surfaces, config, False, 1, None)
    occluded = _occlusion(surfaces, disparity, owner)
    return Scene(views[0], views[1], disparity, occluded)
