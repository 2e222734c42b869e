"""A photograph as a scene: cut along its own edges into layers of different depth.

The mono view shows the photograph as it is. In the reference some of its parts stand
nearer than the rest, and cover what is beside them: so what the reference hides has the
colours and the edges that photographs have there.
"""

import dataclasses

import numpy as np
import scipy.ndimage
import skimage.segmentation
from PIL import Image, ImageEnhance

from tfrecords_tools.synthetic.draws import log_uniform
from tfrecords_tools.synthetic.painter import MOST_CHROMA, mean_chroma, sharpened
from tfrecords_tools.synthetic.scene import SceneConfig
from tfrecords_tools.synthetic.surface import (
    Surface,
    draw_relief,
    plane_within,
    scene_frame,
)
from tfrecords_tools.synthetic.textures import TextureSource

_LARGEST_TEXEL = 0.7  # px, where the photograph is large enough
_LEAST_PART = 24  # px; smaller ones stay where they are
_LEVELS = 2  # of what stands out
_TILT = 0.04  # px of disparity a px, at most, of a part against what lies behind it


def _shift(rng: np.random.Generator, length: float, room: float) -> tuple[float, float]:
    start = rng.uniform(0.0, max(room - length, 0.0))
    return start, min(start + length, room)


def _cut_out(
    rng: np.random.Generator,
    config: SceneConfig,
    photographs: TextureSource,
    size: tuple[int, int],
) -> Image.Image:
    """A part of a photograph at `least_texel` px a texel, `size` px (width, height)."""
    photo = Image.fromarray(photographs[int(rng.integers(len(photographs)))])
    if rng.random() < 0.5:
        photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    least = max(size[0] / photo.width, size[1] / photo.height)
    texel = log_uniform(rng, least, max(least, _LARGEST_TEXEL))
    left, right = _shift(rng, size[0] / texel, photo.width)
    top, bottom = _shift(rng, size[1] / texel, photo.height)
    texels = [round(side / config.least_texel) for side in size]
    box = (left, top, right, bottom)
    picture = photo.resize(texels, Image.Resampling.BICUBIC, box=box)
    vivid = min(1.0, MOST_CHROMA / (mean_chroma(np.asarray(picture, np.float32)) + 1))
    saturation = max(rng.uniform(*config.saturation) * vivid, 1.0)
    picture = ImageEnhance.Color(picture).enhance(saturation)
    return sharpened(picture, config.least_texel, config.detail)


def _parts(rng: np.random.Generator, picture: np.ndarray) -> list[np.ndarray]:
    """(h, w) bool masks of what stands out of a picture (h, w, 3) uint8."""
    h, w = picture.shape[:2]
    segments = skimage.segmentation.felzenszwalb(
        picture, scale=log_uniform(rng, 20, 400), sigma=0.7, min_size=_LEAST_PART
    )
    # Neighbours rise together, as what is one thing has segments of several colours.
    wide = rng.standard_normal((h, w)).astype(np.float32)
    wide = scipy.ndimage.gaussian_filter(wide, h * log_uniform(rng, 0.04, 0.3))
    wide = (wide - wide.mean()) / max(float(wide.std()), 1e-6)
    count = int(segments.max()) + 1
    height = scipy.ndimage.mean(wide, segments, np.arange(count))
    height = height + rng.normal(0.0, 0.3, count)
    first = rng.uniform(-0.4, 0.8)
    level = (height > first).astype(int) + (height > first + rng.uniform(0.4, 1.0))
    level = level[segments]
    parts = []
    for number in range(1, _LEVELS + 1):
        labels, count = scipy.ndimage.label(level == number)
        areas = np.bincount(labels.ravel(), minlength=count + 1)
        # The mixed colours of an edge go with what is in front.
        parts += [
            scipy.ndimage.binary_dilation(labels == label)
            for label in range(1, count + 1)
            if areas[label] >= _LEAST_PART
        ]
    return parts


def _without(picture: Image.Image, parts: list[np.ndarray]) -> Image.Image:
    """The picture with what is around the parts mirrored into them."""
    hidden = Image.fromarray(np.logical_or.reduce(parts))
    hidden = np.asarray(hidden.resize(picture.size, Image.Resampling.NEAREST))
    if hidden.all():
        return picture
    border = scipy.ndimage.distance_transform_edt(
        hidden, return_distances=False, return_indices=True
    )
    here = np.indices(hidden.shape)
    limits = np.array(hidden.shape).reshape(2, 1, 1) - 1
    mirrored = np.clip(2 * border - here, 0, limits)
    source = np.where(hidden[tuple(mirrored)], border, mirrored)
    return Image.fromarray(np.asarray(picture)[tuple(source)])


def backdrop_surfaces(
    rng: np.random.Generator,
    config: SceneConfig,
    photographs: TextureSource,
    far: float,
    near: float,
) -> list[Surface]:
    """A photograph that fills the scene: its plane, and the parts that stand out of it.

    Args:
        rng: source of the draws.
        config: the scene's settings.
        photographs: what to cut.
        far: disparity of the plane in its middle, px.
        near: what the disparity of the parts goes up to, about, px.

    Raises:
        ValueError: the photograph is unreadable.
    """
    frame = scene_frame(config)
    x0, y0 = (float(np.floor(v)) for v in frame[:2])
    size = tuple(
        int(np.ceil(high - low)) + 1 for low, high in ((x0, frame[2]), (y0, frame[3]))
    )
    picture = _cut_out(rng, config, photographs, size)
    texels = np.array(picture.size) / size
    offset = texels * (0.5 - np.array((x0, y0))) - 0.5
    patch_map = np.column_stack((np.diag(texels), offset))
    outline_map = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0]])
    parts = _parts(rng, np.asarray(picture.resize(size, Image.Resampling.BOX)))

    top = float(config.max_disparity - 1)
    bend = draw_relief(rng, config, frame)
    # Ground is nearer at the bottom.
    fall = (near - far) / config.height * max(0.0, rng.uniform(-0.5, 1.0))
    plane = plane_within(frame, far, (rng.normal(0, 0.04), fall), top, bend)
    behind = _without(picture, parts) if parts else picture
    wall = Surface(plane, frame, None, np.zeros((2, 3)), behind, patch_map, True, bend)
    relief = bend.amplitude if bend else 0.0
    surfaces = [wall]
    for part in parts:
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        bounds = (
            x0 + columns[0] - 0.5,
            y0 + rows[0] - 0.5,
            x0 + columns[-1] + 0.5,
            y0 + rows[-1] + 0.5,
        )
        a, b, c = plane
        corners = [a + b * x + c * y for x in bounds[::2] for y in bounds[1::2]]
        room = max(top - relief - max(corners), 0.0)
        rise = min(room, (near - min(near, max(corners))) * rng.random() + 1.0)
        slopes = rng.normal(0, 0.02, 2).clip(-_TILT, _TILT)
        # As bent as what is behind, so that no part of it ends up behind that.
        above = plane_within(bounds, rise, tuple(slopes), room)
        surfaces.append(
            dataclasses.replace(
                wall,
                plane=tuple(p + q for p, q in zip(plane, above, strict=True)),
                bounds=bounds,
                outline=Image.fromarray(np.where(part, 255, 0).astype(np.uint8)),
                outline_map=outline_map,
                patch=picture,
                background=False,
            )
        )
    return surfaces
