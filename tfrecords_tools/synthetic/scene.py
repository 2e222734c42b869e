"""What goes into a rendered scene and what comes out of it."""

import dataclasses
from typing import Self

import numpy as np
from PIL import Image

from colornet.errors import InputError


@dataclasses.dataclass(frozen=True)
class SceneConfig:
    """What `render_scene` draws.

    Args:
        height: int >= 8, px.
        width: int >= 8, px.
        max_disparity: int >= 1, px; every disparity lies in [0, max_disparity - 1].
        min_objects: int >= 0, the fewest foreground objects.
        max_objects: int >= min_objects, the most foreground objects.
        supersample: int >= 1; supersample^2 samples are averaged in each pixel.
        photo_fraction: float in [0, 1], the share of surfaces that take a picture of
            the texture source; the others are procedural.
        curved_fraction: float in [0, 1], the share of surfaces that are curved; the
            others are planes.
        plain_fraction: float in [0, 1], the share of surfaces of one colour, many of
            them vivid.
        muted_fraction: float in [0, 1], the share of scenes of little colour.
        photo_scale: (least, largest) px that a texel of a photograph spans, above 0;
            up to 1.5 on backgrounds.
        least_texel: float > 0, px that a texel of a photograph spans at least, smaller
            ones being averaged before they are drawn; no use below 1 / supersample.
        detail: float >= 1, factor of the detail of textures (what differs from their
            surroundings of some pixels); 1 leaves them as they are.
        saturation: (least, largest) factor of the saturation of a scene's surfaces.
        wall: (least, usual, largest) disparity of the wall behind everything, as a
            share of the largest disparity, in [0, 1] and ascending; it is below the
            usual one in 70 % of the scenes. The nearer the wall, the wider the strip
            at the right that lies outside of the reference.
        lighting: float in [0, 1], strength of shadows, shading of curved surfaces, and
            highlights. All of them lie on the surfaces, so both views see the same.

    Raises:
        InputError: a value outside its range.
    """

    height: int = 256
    width: int = 512
    max_disparity: int = 64
    min_objects: int = 5
    max_objects: int = 40
    supersample: int = 2
    photo_fraction: float = 0.6
    curved_fraction: float = 0.0
    plain_fraction: float = 0.0
    muted_fraction: float = 0.0
    photo_scale: tuple[float, float] = (0.3, 2.0)
    least_texel: float = 1.0
    detail: float = 1.0
    saturation: tuple[float, float] = (0.65, 1.35)
    wall: tuple[float, float, float] = (0.0, 0.25, 0.5)
    lighting: float = 0.0

    def __post_init__(self) -> None:
        shares = (
            self.photo_fraction,
            self.curved_fraction,
            self.plain_fraction,
            self.muted_fraction,
            self.lighting,
        )
        valid = (
            min(self.height, self.width) >= 8
            and min(self.max_disparity, self.supersample) >= 1
            and 0 <= self.min_objects <= self.max_objects
            and all(0.0 <= share <= 1.0 for share in shares)
            and 0.0 < self.photo_scale[0] <= self.photo_scale[1]
            and self.least_texel > 0.0
            and self.detail >= 1.0
            and 0.0 <= self.saturation[0] <= self.saturation[1]
            and 0.0 <= self.wall[0] <= self.wall[1] <= self.wall[2] <= 1.0
        )
        if not valid:
            raise InputError(f"expected scene settings in range. Received: {self}")


@dataclasses.dataclass(frozen=True)
class Scene:
    """A rendered stereo pair.

    Attributes:
        mono: (H, W, 3) uint8, clean RGB picture of the mono camera's (right) view.
        reference: (H, W, 3) uint8, clean RGB picture of the reference (left) view.
        disparity: (H, W) float32, px, of the mono view, exact at pixel centres, in
            [0, max_disparity - 1].
        occluded: (H, W) bool, mono pixels that the reference view does not show:
            hidden there by a nearer surface, or beyond its frame (i + d > W - 1).
    """

    mono: np.ndarray
    reference: np.ndarray
    disparity: np.ndarray
    occluded: np.ndarray

    def enlarged(self, height: int, width: int) -> Self:
        """The scene at another size: pictures by cubic, maps by nearest neighbours.

        Disparity grows with the width. A larger picture looks as photographs at their
        full size do, softer in each pixel.

        Args:
            height, width: px, at least the scene's.
        """

        rows, columns = (
            ((np.arange(new) + 0.5) * old / new).astype(int)
            for old, new in zip(self.disparity.shape, (height, width), strict=True)
        )
        nearest = np.ix_(rows, columns)
        mono, reference = (
            np.asarray(
                Image.fromarray(p).resize((width, height), Image.Resampling.BICUBIC)
            )
            for p in (self.mono, self.reference)
        )
        disparity = self.disparity[nearest] * np.float32(width / self.mono.shape[1])
        return type(self)(mono, reference, disparity, self.occluded[nearest])
