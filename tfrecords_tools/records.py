"""From a stereo pair to one record (D-01, D-08, D-09). NumPy only.

A record is the de-coloured, noisy view of the mono camera, the noisy view of the colour
camera and the clean target.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

import numpy as np

from colornet import color, config, noise
from colornet.errors import InputError
from tfrecords_tools.sources import Views
from tfrecords_tools.sources.disparity import transfer_disparity

# Disparity is stored as uint16 in units of 1/64 px; 0 is unknown.
DISPARITY_STEPS = 64


@dataclasses.dataclass(frozen=True)
class RecordConfig(config.Config):
    """How a pair becomes a record.

    Attributes:
        setup: row of Table 2, which sets the noise levels: 1 or 2.
        mono_view: the view of the monochrome camera: "right" as in Eq. 1, or "left",
            which mirrors both views first (D-01).
        scale: 1 / k for a whole k: every k x k pixels are averaged into one; rows and
            columns that do not fill a square are cropped at the bottom and right.
        noise_order: noise "before_scale" or "after_scale" (D-08); the same thing at
            scale 1.
    """

    setup: int = 1
    mono_view: str = "right"
    scale: float = 1.0
    noise_order: str = "before_scale"

    def __post_init__(self):
        super().__post_init__()
        for name, choices in (
            ("setup", tuple(noise.NOISE_SETUPS)),
            ("mono_view", ("right", "left")),
            ("noise_order", ("before_scale", "after_scale")),
        ):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"{name} must be one of {choices}. "
                    f"Received: {getattr(self, name)!r}"
                )
        if not 0 < self.scale <= 1 or abs(1 / self.scale - self.factor) > 1e-2:
            raise InputError(
                "scale must be 1 / k for a whole k: 1, 0.5, 0.3333, 0.25, ... "
                f"Received: {self.scale}"
            )

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Self:
        """What of a dataset's settings, as its metadata has them, is of records."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})

    @property
    def factor(self) -> int:
        """k of scale = 1 / k."""
        return round(1 / self.scale)

    @property
    def noise_factor(self) -> int:
        """How many times finer than the record the noise was drawn, on each axis."""
        return self.factor if self.noise_order == "before_scale" else 1


@dataclasses.dataclass(frozen=True)
class Record:
    """The arrays of one record, all of one height and width.

    Attributes:
        mono: (H, W, 1) uint8, noisy luma of the monochrome camera's view.
        reference: (H, W, 3) uint8, noisy RGB of the colour camera's view.
        target: (H, W, 3) uint8, clean RGB of the monochrome camera's view.
        disparity: (H, W, 1) uint16 in 1/64 px of the monochrome view: mono pixel i
            shows the point of reference pixel i + disparity. 0 where unknown.
    """

    mono: np.ndarray
    reference: np.ndarray
    target: np.ndarray
    disparity: np.ndarray

    @classmethod
    def of_example(cls, example: Mapping[str, Any]) -> Self:
        """The arrays of an example, as it is stored, that are of the record."""
        return cls(**{field.name: example[field.name] for field in fields(cls)})


def make_record(views: Views, key: str, settings: RecordConfig) -> Record:
    """De-colours a pair: the same pair, key and settings give the same bytes for ever.

    Args:
        views: the clean pair.
        key: dataset/scene; it seeds the noise.
        settings: noise, geometry and size.

    Raises:
        InputError: pictures that are no RGB uint8 pair of one size, or that are
            smaller than one pixel of the record.
    """
    levels = noise.NOISE_SETUPS[settings.setup]
    reference, target = clean_pictures(views, key, settings)
    seen = _seen(views, settings)
    disparity = seen.right_disparity
    if disparity is None and seen.left_disparity is not None:
        disparity = transfer_disparity(seen.left_disparity)
    luma = color.rgb_to_luma(target)
    return Record(
        mono=photograph(luma, levels.mono, "mono", key, settings),
        reference=photograph(reference, levels.color, "color", key, settings),
        target=noise.to_uint8(area_downsample(target, settings.factor)),
        disparity=_code_disparity(disparity, target.shape[:2], settings.factor),
    )


def clean_pictures(
    views: Views, key: str, settings: RecordConfig
) -> tuple[np.ndarray, np.ndarray]:
    """What the two cameras of a record look at, without noise, before `scale`.

    Args:
        views, key, settings: as `make_record`; errors, too.

    Returns:
        RGB of the colour camera's view and of the mono camera's, (H, W, 3) float64 in
        [0, 1], H and W multiples of `settings.factor`.
    """
    _check(views, key, settings)
    seen = _seen(views, settings)
    reference, target = (_crop(v, settings.factor) for v in (seen.left, seen.right))
    return reference / 255.0, target / 255.0


def photograph(
    clean: np.ndarray, level: float, camera: str, key: str, settings: RecordConfig
) -> np.ndarray:
    """A camera's picture as a record stores it: noise, `scale` and 8 bits.

    Args:
        clean: (H, W, C) float in [0, 1], H and W multiples of `settings.factor`.
        level: `a` of Table 2.
        camera: "mono" or "color"; with key and setup it seeds the noise.
        key, settings: of the record.

    Returns:
        (H / factor, W / factor, C) uint8.
    """
    rng = noise.record_rng(key, settings.setup, camera)
    if settings.noise_order == "before_scale":
        noisy = area_downsample(noise.add_noise(clean, level, rng), settings.factor)
    else:
        smaller = area_downsample(clean, settings.factor)
        noisy = noise.add_noise(smaller, level, rng)
    return noise.to_uint8(noisy)


def area_downsample(image: np.ndarray, factor: int) -> np.ndarray:
    """Averages every factor x factor pixels.

    Args:
        image: (H, W, C) float, H and W multiples of the factor.
        factor: 1 or more.

    Returns:
        (H / factor, W / factor, C) float.
    """
    return image if factor == 1 else _squares(image, factor).mean(axis=2)


def _seen(views: Views, settings: RecordConfig) -> Views:
    """The views with the mono camera's at the right."""
    return views.mirrored() if settings.mono_view == "left" else views


def _check(views: Views, key: str, settings: RecordConfig) -> None:
    shapes = [views.left.shape, views.right.shape]
    dtypes = [views.left.dtype, views.right.dtype]
    is_rgb = len(shapes[0]) == 3 and shapes[0][-1] == 3
    if shapes[0] != shapes[1] or not is_rgb or dtypes != [np.uint8, np.uint8]:
        raise InputError(
            f"{key}: expected two uint8 pictures of one shape (H, W, 3). Received: "
            f"{dtypes[0]} {shapes[0]} and {dtypes[1]} {shapes[1]}"
        )
    if min(shapes[0][:2]) < settings.factor:
        raise InputError(
            f"{key}: expected at least {settings.factor} x {settings.factor} pixels at "
            f"scale {settings.scale}. Received: {shapes[0][1]} x {shapes[0][0]}"
        )


def _crop(image: np.ndarray, factor: int) -> np.ndarray:
    height, width = (size - size % factor for size in image.shape[:2])
    return image[:height, :width]


def _squares(image: np.ndarray, factor: int) -> np.ndarray:
    """(H, W, C) to (H / factor, W / factor, factor * factor, C)."""
    height, width, channels = image.shape
    rows, columns = height // factor, width // factor
    squares = image.reshape(rows, factor, columns, factor, channels)
    return squares.swapaxes(1, 2).reshape(rows, columns, factor * factor, channels)


def _code_disparity(
    disparity: np.ndarray | None, shape: tuple[int, int], factor: int
) -> np.ndarray:
    if disparity is None:
        return np.zeros((shape[0] // factor, shape[1] // factor, 1), np.uint16)
    pixels = _crop(disparity, factor)[..., None].astype(np.float64)
    pixels = np.where(np.isfinite(pixels) & (pixels > 0), pixels, np.nan)
    if factor > 1:
        # The median of the known pixels, not their mean: between two surfaces the mean
        # is a depth at which there is nothing. Sorting puts NaN last.
        ordered = np.sort(_squares(pixels, factor), axis=2)
        known = np.isfinite(ordered).sum(axis=2, keepdims=True)
        pixels = np.take_along_axis(ordered, known // 2, axis=2)[:, :, 0] / factor
    code = np.rint(pixels * DISPARITY_STEPS)
    known = np.isfinite(code) & (code <= np.iinfo(np.uint16).max)
    # A tiny disparity is known: it must not round to the code of an unknown one.
    return np.where(known, np.maximum(code, 1), 0).astype(np.uint16)


def drawn_noise(
    key: str, settings: RecordConfig, camera: str, shape: tuple
) -> np.ndarray:
    """The N(0, 1) numbers that `make_record` drew, averaged like the picture.

    Args:
        key, settings: of the record.
        camera: "mono" or "color".
        shape: (H, W, C) of the stored picture.

    Returns:
        (H, W, C) float64.
    """
    factor = settings.noise_factor
    drawn = (shape[0] * factor, shape[1] * factor, shape[2])
    rng = noise.record_rng(key, settings.setup, camera)
    return area_downsample(rng.standard_normal(drawn), factor)
