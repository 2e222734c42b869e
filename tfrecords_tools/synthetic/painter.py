"""Pictures of the surfaces: cut out of photographs or procedural, then recoloured."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from tfrecords_tools.synthetic.outlines import Bounds
from tfrecords_tools.synthetic.procedural import (
    draw_palette,
    plain_texture,
    procedural_texture,
)
from tfrecords_tools.synthetic.random_draws import log_uniform, tilted
from tfrecords_tools.synthetic.scene import SceneConfig

_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
)

# Standard deviation of what detail is told from, px.
_SURROUNDINGS = 2.0


class Painter:
    """Gives surfaces their pictures; holds what the surfaces of a scene share."""

    def __init__(
        self,
        rng: np.random.Generator,
        config: SceneConfig,
        textures: Sequence[np.ndarray] | None,
    ) -> None:
        self._rng, self._config, self._textures = rng, config, textures
        self._photo_fraction = config.photo_fraction if textures is not None else 0.0
        self._used: list[int] = []
        self._saturation = rng.uniform(*config.saturation)
        light = rng.uniform(0.85, 1.15) * np.exp(rng.normal(0.0, 0.05, 3))
        self._light = light.astype(np.float32)
        if config.muted_fraction > 0 and rng.random() < config.muted_fraction:
            self._saturation *= rng.uniform(0.0, 0.4)

    def paint(self, bounds: Bounds, background: bool) -> tuple[Image.Image, np.ndarray]:
        """A patch that covers `bounds`, and the (2, 3) map from (x, y, 1) to it."""
        rng, config = self._rng, self._config
        x0, y0, x1, y1 = bounds
        half = np.array((x1 - x0, y1 - y0)) / 2
        linear = tilted(rng, 0.4, 0.1)
        linear[0] *= rng.choice((-1.0, 1.0))
        # Texels the surface spans, at one texel a px, with room for cubic sampling.
        span = 2 * np.abs(linear) @ half
        plain = config.plain_fraction > 0 and rng.random() < config.plain_fraction
        wrap = plain or rng.random() >= self._photo_fraction
        if plain:
            pitch, picture = 1.0, plain_texture(rng, vivid=not background)
        elif wrap:
            pitch = log_uniform(rng, 0.8, 1.6)
            picture = procedural_texture(rng, float(span.max()) / pitch)
        else:
            picture, pitch = self._photograph(span, background)
        linear = linear / pitch
        width, height = (int(n) for n in np.ceil(span / pitch) + 8)
        rows = _extend(height, picture.shape[0], wrap, rng)
        columns = _extend(width, picture.shape[1], wrap, rng)
        if plain:
            saturation = np.float32(min(self._saturation, 1.0))
            grey = picture @ _YIQ[0].astype(np.float32)
            picture = grey[..., None] * (1 - saturation) + picture * saturation
        else:
            picture = self._recolour(picture, background)
        patch = self._shade(picture[rows[:, None], columns])
        image = Image.fromarray(np.clip(patch + 0.5, 0, 255).astype(np.uint8))
        if config.detail > 1 and not plain:
            radius, percent = _SURROUNDINGS / pitch, round(100 * (config.detail - 1))
            image = image.filter(ImageFilter.UnsharpMask(radius, percent, threshold=0))
        middle = np.array(((x0 + x1) / 2, (y0 + y1) / 2))
        offset = np.array((width - 1, height - 1)) / 2 - linear @ middle
        return image, np.concatenate((linear, offset[:, None]), axis=1)

    def _photograph(
        self, span: np.ndarray, background: bool
    ) -> tuple[np.ndarray, float]:
        """A cut-out of a photograph, (h, w, 3) float32, and its px a texel."""
        rng = self._rng
        if self._used and rng.random() < 0.25:
            index = self._used[int(rng.integers(len(self._used)))]
        else:
            index = int(rng.integers(len(self._textures)))
        self._used.append(index)
        photo = self._textures[index]
        size = np.array((photo.shape[1], photo.shape[0]))
        scale = log_uniform(rng, *self._config.photo_scale)
        if background:  # else a wall becomes a kaleidoscope of mirrored pictures
            scale = max(scale, min(1.5, 0.7 * float((span / size).max())))
        cut = np.minimum(np.ceil((span + 8) / scale).astype(int), size)
        x, y = (int(v) for v in rng.integers(0, size - cut + 1))
        photo = np.ascontiguousarray(photo[y : y + cut[1], x : x + cut[0]])
        least = self._config.least_texel
        if scale < least:  # prefiltered here, so that sampling its texels cannot alias
            small = np.maximum(np.round(cut * scale / least), 1).astype(int)
            image = Image.fromarray(photo)
            photo = image.resize(tuple(small.tolist()), Image.Resampling.HAMMING)
        return np.asarray(photo, np.float32), max(scale, least)

    def _recolour(self, picture: np.ndarray, background: bool) -> np.ndarray:
        """Changes brightness, contrast, hue and saturation; float32, about 0..255."""
        rng = self._rng
        mean = picture.mean(axis=(0, 1))
        chroma = np.abs(picture - picture.mean(axis=-1, keepdims=True)).mean()
        angle = (
            rng.uniform(-np.pi, np.pi) if rng.random() < 0.1 else rng.normal(0, 0.15)
        )
        saturation = (
            self._saturation * rng.uniform(0.6, 1.3) * min(1.0, 38 / (chroma + 1))
        )
        if background:  # one vivid wall would colour the whole picture
            saturation *= 0.7
        cos, sin = saturation * np.cos(angle), saturation * np.sin(angle)
        turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        matrix = (np.linalg.inv(_YIQ) @ turn @ _YIQ).astype(np.float32)
        tint = np.ones(3, np.float32)
        if chroma < 6 or rng.random() < 0.15:  # grey stone, but of some colour
            tint = draw_palette(rng, 1)[0] + 40
            tint = tint / (_YIQ[0] @ tint).astype(np.float32)
        luma = max(float(_YIQ[0] @ mean), 1.0)
        level = np.clip(luma * log_uniform(rng, 0.5, 1.6), 25, 225) / luma
        gain = self._light * tint * np.float32(level)
        contrast = np.float32(rng.uniform(0.85, 1.5))
        centred = (picture - mean) * contrast + mean
        return (centred.astype(np.float32) @ matrix.T) * gain

    def _shade(self, patch: np.ndarray) -> np.ndarray:
        """A gentle slope or bulge of the illumination, attached to the surface."""
        rng = self._rng
        y = np.linspace(-1, 1, patch.shape[0], dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, patch.shape[1], dtype=np.float32)[None]
        gx, gy = rng.normal(0.0, 0.12, 2).clip(-0.3, 0.3).astype(np.float32)
        shade = 1 + gx * x + gy * y
        if rng.random() < 0.3:
            shade = shade * (1 - np.float32(rng.uniform(0, 0.4)) * x * x)
        return patch * shade[..., None]


def _extend(
    length: int, period: int, wrap: bool, rng: np.random.Generator
) -> np.ndarray:
    """(length,) int indices into `period` texels, repeated or mirrored."""
    index = np.arange(length)
    if wrap:
        return (index + int(rng.integers(period))) % period
    if length <= period:
        return index
    index = (index + int(rng.integers(2 * period))) % (2 * period)
    return np.where(index < period, index, 2 * period - 1 - index)
