"""A scene of two planes whose disparities and hidden pixels are known."""

import dataclasses

import numpy as np
from scipy.ndimage import gaussian_filter

from colornet.color import ycbcr_to_rgb

NEAR, FAR = 11, 4


@dataclasses.dataclass(frozen=True)
class Scene:
    """Pictures, and what is true of the mono view.

    Attributes:
        mono: (height, width).
        reference: (height, width, 3).
        chroma: (height, width, 2) of the mono view.
        disparity: (height, width) int.
        visible: (height, width) bool: the reference sees the pixel.
    """

    mono: np.ndarray
    reference: np.ndarray
    chroma: np.ndarray
    disparity: np.ndarray
    visible: np.ndarray


def two_planes(seed: int = 0, height: int = 64, width: int = 160) -> Scene:
    """A near board of other colours in front of a far wall, both textured."""
    rng = np.random.default_rng(seed)

    def texture(scale):
        values = gaussian_filter(rng.normal(size=(height, width + FAR)), scale)
        return np.tanh(values / values.std())

    def plane(hue):
        tint = np.stack([texture(4), texture(4)], axis=-1)
        return 0.5 + 0.15 * texture(1.5), 0.06 * tint + hue

    (far_luma, far_chroma), (near_luma, near_chroma) = plane(0.12), plane(-0.12)
    box = np.zeros((height, width), bool)
    box[height // 4 : -height // 4, width // 3 : width * 2 // 3] = True
    in_reference = np.roll(box, NEAR, axis=1)

    # A mono column shows the board's texture of the same column and the wall's FAR
    # further right; the reference's textures lie NEAR and FAR further right than that.
    def compose(far, near, mask, wall, shift):
        mask = mask if far.ndim == 2 else mask[..., None]
        return np.where(mask, np.roll(near[:, :width], shift, axis=1), far[:, wall])

    mono_wall, reference_wall = slice(FAR, FAR + width), slice(0, width)
    mono = compose(far_luma, near_luma, box, mono_wall, 0)
    chroma = compose(far_chroma, near_chroma, box, mono_wall, 0)
    luma = compose(far_luma, near_luma, in_reference, reference_wall, NEAR)
    colours = compose(far_chroma, near_chroma, in_reference, reference_wall, NEAR)
    disparity = np.where(box, NEAR, FAR)
    match = np.arange(width) + disparity
    hidden = ~box & np.take_along_axis(in_reference, np.minimum(match, width - 1), 1)
    return Scene(
        mono=mono,
        reference=ycbcr_to_rgb(luma[..., None], colours),
        chroma=chroma,
        disparity=disparity,
        visible=~hidden & (match < width),
    )
