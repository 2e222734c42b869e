"""How the pictures of two cameras that look at one scene differ."""

import numpy as np
import scipy.ndimage

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
