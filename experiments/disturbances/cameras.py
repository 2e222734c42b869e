"""Differences of two real cameras, each a function of one strength. No TensorFlow.

Exposure, tone, spectral response, geometry and sharpness change what a camera sees,
before its noise (Table 2); JPEG changes the picture that it stores.
"""

import dataclasses
import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.transform import SimilarityTransform, warp

from colornet.errors import InputError
from colornet.io.pictures import resized
from colornet.noise import NoiseSetup

UNDISTURBED = "undisturbed"


@dataclasses.dataclass(frozen=True)
class Cameras:
    """Two cameras in front of a scene, before they take their pictures.

    Attributes:
        mono: (H, W, 1) float in [0, 1], what the monochrome camera sees.
        reference: (H, W, 3) float RGB in [0, 1], what the colour camera sees.
        scene: (H, W, 3) float RGB in [0, 1], the mono camera's view in the colours of
            the colour camera: the truth.
        noise: of both cameras.
        pixel: side of a pixel of the stored pictures in pixels of these.
        quality: of the JPEG files in which both pictures are stored, or None.
    """

    mono: np.ndarray
    reference: np.ndarray
    scene: np.ndarray
    noise: NoiseSetup
    pixel: int = 1
    quality: int | None = None


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """A difference of the cameras.

    Attributes:
        title: what a strength is, with its unit.
        strengths: from weak to strong on either side of `neutral`.
        neutral: the strength that changes nothing.
        apply: makes the cameras differ by a strength.
    """

    title: str
    strengths: tuple[float, ...]
    neutral: float
    apply: Callable[[Cameras, float], Cameras]


def exposed(picture: np.ndarray, stops: float) -> np.ndarray:
    """The picture, sRGB in [0, 1], in 2^stops times the light; clipped at white."""
    linear = np.where(
        picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4
    )
    linear = linear * 2.0**stops
    codes = np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return np.minimum(codes, 1)  # Of white, but for rounding.


def _brightened(picture: np.ndarray, gain: float | np.ndarray) -> np.ndarray:
    return np.minimum(picture * gain, 1)


def _mono(change: Callable) -> Callable:
    """A change of the mono camera's picture by a strength."""

    def apply(cameras: Cameras, strength: float) -> Cameras:
        return dataclasses.replace(cameras, mono=change(cameras.mono, strength))

    return apply


def _colors(change: Callable) -> Callable:
    """A change of the colour camera's colours, and so of the truth."""

    def apply(cameras: Cameras, strength: float) -> Cameras:
        return dataclasses.replace(
            cameras,
            reference=change(cameras.reference, strength),
            scene=change(cameras.scene, strength),
        )

    return apply


def _spectrum(response: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """A mono camera whose luma is that part `response` of RGB; the rest is BT.601's."""

    def apply(cameras: Cameras, part: float) -> Cameras:
        other = response(cameras.scene)
        mono = (1 - part) * cameras.mono + part * other
        return dataclasses.replace(cameras, mono=mono)

    return apply


def _vignetted(picture: np.ndarray, percent: float) -> np.ndarray:
    """Darker by that much in the corners, as the square of the distance."""
    height, width = picture.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    return picture * (1 - percent / 100 * (x**2 + y**2) / 2)[..., None]


def _locally_toned(cameras: Cameras, part: float) -> Cameras:
    """That part of a tone mapping that compresses light and lifts detail.

    The light of a surrounding of 25 px has 0.4 of its contrast, and detail has 1.3.
    """
    light = gaussian_filter(cameras.mono, (25 * cameras.pixel, 25 * cameras.pixel, 0))
    toned = 0.5 + 0.4 * (light - 0.5) + 1.3 * (cameras.mono - light)
    mono = (1 - part) * cameras.mono + part * np.clip(toned, 0, 1)
    return dataclasses.replace(cameras, mono=mono)


def _white_balanced(rgb: np.ndarray, part: float) -> np.ndarray:
    """Red times 1 + part, blue times 1 - part."""
    return _brightened(rgb, np.array([1 + part, 1, 1 - part]))


def _moved(cameras: Cameras, **motion) -> Cameras:
    """The reference scaled, turned about its centre, or shifted (SimilarityTransform).

    Cubic interpolation; past the border the picture goes on as at the border.
    """
    height, width = cameras.reference.shape[:2]
    centre = np.array([width - 1, height - 1]) / 2
    about = SimilarityTransform(translation=-centre)
    move = about + SimilarityTransform(**motion) + about.inverse
    moved = warp(cameras.reference, move.inverse, order=3, mode="edge")
    return dataclasses.replace(cameras, reference=moved)


def _lowered(cameras: Cameras, rows: float) -> Cameras:
    return _moved(cameras, translation=(0, rows * cameras.pixel))


def _shifted(cameras: Cameras, columns: float) -> Cameras:
    return _moved(cameras, translation=(-columns * cameras.pixel, 0))


def _magnified(cameras: Cameras, percent: float) -> Cameras:
    return _moved(cameras, scale=1 + percent / 100)


def _rotated(cameras: Cameras, degrees: float) -> Cameras:
    return _moved(cameras, rotation=np.deg2rad(degrees))


def _blurred(cameras: Cameras, sigma: float) -> Cameras:
    sigma *= cameras.pixel
    soft = gaussian_filter(cameras.reference, (sigma, sigma, 0))
    return dataclasses.replace(cameras, reference=soft)


def _reduced(cameras: Cameras, times: float) -> Cameras:
    """A reference of fewer pixels, enlarged to the size of the mono picture."""
    height, width = cameras.reference.shape[:2]
    sides = (max(1, round(n / (times * cameras.pixel))) for n in (height, width))
    enlarged = resized(resized(cameras.reference, *sides), height, width)
    return dataclasses.replace(cameras, reference=np.clip(enlarged, 0, 1))


def _noisy(cameras: Cameras, times: float) -> Cameras:
    levels = cameras.noise
    stronger = NoiseSetup(color=times * levels.color, mono=times * levels.mono)
    return dataclasses.replace(cameras, noise=stronger)


def _compressed(cameras: Cameras, quality: float) -> Cameras:
    return dataclasses.replace(cameras, quality=int(quality))


def _untouched(cameras: Cameras, strength: float) -> Cameras:
    return cameras


DISTURBANCES = {
    UNDISTURBED: Disturbance("undisturbed", (0,), 0, _untouched),
    "mono_exposure": Disturbance(
        "mono exposure, EV", (-3, -2, -1, 1, 2), 0, _mono(exposed)
    ),
    "mono_gain": Disturbance(
        "mono code values, times", (0.25, 0.5, 0.75), 1, _mono(_brightened)
    ),
    "mono_gamma": Disturbance("mono gamma", (0.5, 0.7, 1.5, 2.2), 1, _mono(np.power)),
    "mono_vignette": Disturbance(
        "mono vignette, % in the corners", (30, 60, 80), 0, _mono(_vignetted)
    ),
    "mono_local_tone": Disturbance(
        "mono tone mapped from place to place, part", (0.5, 1), 0, _locally_toned
    ),
    "mono_red": Disturbance(
        "mono of R, part", (0.25, 0.5, 1), 0, _spectrum(lambda rgb: rgb[..., :1])
    ),
    "mono_blue": Disturbance(
        "mono of B, part", (0.25, 0.5, 1), 0, _spectrum(lambda rgb: rgb[..., 2:])
    ),
    "mono_red_not_blue": Disturbance(
        "mono of (R + 1 - B) / 2, part",
        (0.25, 0.5, 1),
        0,
        _spectrum(lambda rgb: (rgb[..., :1] + 1 - rgb[..., 2:]) / 2),
    ),
    "reference_exposure": Disturbance(
        "reference exposure, EV", (-2, -1, 1, 2), 0, _colors(exposed)
    ),
    "reference_gain": Disturbance(
        "reference code values, times", (0.5, 1.5, 2), 1, _colors(_brightened)
    ),
    "reference_gamma": Disturbance(
        "reference gamma", (0.5, 1.5, 2.2), 1, _colors(np.power)
    ),
    "white_balance": Disturbance(
        "reference R x (1 + s), B x (1 - s), s",
        (-0.4, -0.2, 0.2, 0.35, 0.4),
        0,
        _colors(_white_balanced),
    ),
    "vertical_offset": Disturbance("reference lower, px", (1, 2, 4, 8), 0, _lowered),
    "horizontal_offset": Disturbance(
        "reference further left, px", (8, 32, 64), 0, _shifted
    ),
    "magnification": Disturbance("reference larger, %", (0.5, 1, 2), 0, _magnified),
    "rotation": Disturbance("reference rotated, degrees", (0.1, 0.3, 0.6), 0, _rotated),
    "blur": Disturbance("reference blurred, sigma px", (1, 2, 3), 0, _blurred),
    "resolution": Disturbance(
        "reference of fewer pixels, times a side", (1.5, 2, 4), 1, _reduced
    ),
    "jpeg": Disturbance("JPEG of both, quality", (60, 30, 15), 100, _compressed),
    "noise": Disturbance("noise of both, times", (2, 3, 5), 1, _noisy),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A disturbance by its name in `DISTURBANCES`, and its strength."""

    name: str
    strength: float

    def apply(self, cameras: Cameras) -> Cameras:
        return DISTURBANCES[self.name].apply(cameras, self.strength)


def cases(texts: list[str]) -> list[Case]:
    """The undisturbed case, and those that texts NAME or NAME=STRENGTH choose.

    Args:
        texts: with a name alone, a disturbance has all its strengths; all of all if
            there is no text.

    Raises:
        InputError: no such disturbance or strength.
    """
    every = {
        name: [Case(name, float(strength)) for strength in disturbance.strengths]
        for name, disturbance in DISTURBANCES.items()
    }
    chosen = every[UNDISTURBED]
    for text in texts or every:
        name, _, strength = text.partition("=")
        if name not in every:
            raise InputError(
                f"expected disturbances ({', '.join(every)}). Received: {name}"
            )
        found = [c for c in every[name] if strength in ("", f"{c.strength:g}")]
        if not found:
            known = ", ".join(f"{case.strength:g}" for case in every[name])
            raise InputError(f"expected {name} of {known}. Received: {strength}")
        chosen = chosen + found
    return list(dict.fromkeys(chosen))


def compressed(picture: np.ndarray, quality: int | None) -> np.ndarray:
    """A uint8 picture (H, W, 1) or (H, W, 3) as it comes back from a JPEG file."""
    if quality is None:
        return picture
    file = io.BytesIO()
    Image.fromarray(picture.squeeze(-1) if picture.shape[-1] == 1 else picture).save(
        file, "JPEG", quality=quality
    )
    return np.array(Image.open(file)).reshape(picture.shape)
