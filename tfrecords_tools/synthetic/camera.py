"""How the pictures of two cameras that look at one scene differ."""

import dataclasses
from typing import Self

import numpy as np
import scipy.ndimage

from colornet.color import output_picture, rgb_to_chroma, rgb_to_luma

# px: a narrower Gaussian does next to nothing between pixels.
_SHARPEST = 0.2


def defocused(picture: np.ndarray, blur: float) -> np.ndarray:
    """An (H, W, 3) uint8 picture through a Gaussian of `blur` px; uint8."""
    soft = picture.astype(np.float32)
    soft = scipy.ndimage.gaussian_filter(soft, (blur, blur, 0), truncate=3)
    return (soft + 0.5).astype(np.uint8)


def other_camera(
    picture: np.ndarray, rng: np.random.Generator, strength: float, exposure: float
) -> np.ndarray:
    """The picture by another camera: exposure, white balance, gamma and sharpness.

    Args:
        picture: (H, W, 3) uint8 RGB.
        rng: source of the differences.
        strength: in [0, 1]; 0 draws none, 1 draws gains of about 15 %, 5 % between the
            channels, gammas of 10 % and a blur of up to 1.5 px.
        exposure: > 0, factor of all channels.

    Returns:
        (H, W, 3) uint8.
    """
    gain = np.exp(strength * (rng.normal(0, 0.15) + rng.normal(0, 0.05, 3)))
    gamma = np.exp(strength * rng.normal(0, 0.1))
    blur = strength * rng.uniform(0, 1.5)
    if blur > _SHARPEST:
        picture = defocused(picture, blur)
    level = np.arange(256)[:, None] / 255
    table = np.clip(255 * exposure * gain * level**gamma + 0.5, 0, 255).astype(np.uint8)
    return table[picture, np.arange(3)]


@dataclasses.dataclass(frozen=True)
class MonoCamera:
    """A monochrome camera with a spectral response and a tone curve of its own.

    Attributes:
        response: (3,) parts of R, G and B, which sum to 1.
        gain: > 0, factor of the code values; clipped at white.
        gamma: > 0, exponent of the code values.
        contrast: > 0, slope of the curve at middle grey, whose ends stay.
    """

    response: tuple[float, float, float]
    gain: float
    gamma: float
    contrast: float

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> Self:
        """A random camera; `strength` 0 is BT.601's luma, 1 any mixture of R, G and B.

        Gains reach from 1/2 to 2, gammas from 1/2.2 to 2.2 and contrasts from 1/1.5 to
        1.5, all of them to the power of the strength.
        """
        usual = rgb_to_luma(np.eye(3))[:, 0]
        response = (1 - strength) * usual + strength * rng.dirichlet(np.ones(3))
        gain, gamma, contrast = np.exp(
            strength * rng.uniform(-1, 1, 3) * np.log([2, 2.2, 1.5])
        )
        return cls(tuple(response), gain, gamma, contrast)

    def luma(self, picture: np.ndarray) -> np.ndarray:
        """What the camera sees of an (H, W, 3) float RGB picture in [0, 1].

        Returns:
            (H, W, 1) float in [0, 1].
        """
        level = picture @ np.array(self.response)[:, None]
        level = np.clip(self.gain * level, 0, 1) ** self.gamma
        light, dark = level**self.contrast, (1 - level) ** self.contrast
        return light / (light + dark)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The picture with this camera's luma and the scene's chroma over luma.

        That is what two cameras can say together: the reference does not tell how light
        the scene is for the other camera. Where no colour of RGB has this luma and this
        chroma, chroma is less (`output_picture`).

        Args:
            picture: (H, W, 3) uint8 RGB.

        Returns:
            (H, W, 3) uint8.
        """
        scene = picture / 255.0
        luma = self.luma(scene)
        gain = luma / np.maximum(rgb_to_luma(scene), 1 / 255)
        seen = output_picture(luma, gain * rgb_to_chroma(scene))
        return (255 * seen + 0.5).astype(np.uint8)


def lowered(picture: np.ndarray, rows: float) -> np.ndarray:
    """An (H, W, 3) uint8 picture shifted down by part of a row, or more; uint8.

    Cubic interpolation; past the border the picture goes on as at the border.
    """
    moved = scipy.ndimage.shift(
        picture.astype(np.float32), (rows, 0, 0), order=3, mode="nearest"
    )
    return (np.clip(moved, 0, 255) + 0.5).astype(np.uint8)
