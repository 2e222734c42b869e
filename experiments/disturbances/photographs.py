"""Pairs taken by disturbed cameras, and the scores of methods on them.

The score is the chroma PSNR of Table 3 (D-11), after prediction and truth are brought
to one luma. A camera in half the light has half the chroma, and this is no error: what
counts is chroma over luma, times the luma Y of the undisturbed scene. Chroma has its
own luma, by which it is divided:

- The truth is the scene in the colours of the reference camera. Its luma is its own.
- The chroma of the Colorizer scales with the mono picture. Its luma is the mono
  picture's, disturbed, without noise.
- All other methods copy the chroma of the reference. Its luma is the truth's.

So a method is never asked for another convention than its own, and without a
disturbance all three lumas are Y. Of a pixel that is nearly black in a disturbed
picture, nothing but rounding is left: no chroma is multiplied by more than 4, as such a
pixel is compared at a luma below Y. Chroma is scored as it is predicted, before a
picture as bright as the mono picture is made of it (D-10), so pixels that are clipped
at white count, too.

A reference with stronger colours makes the truth more colourful, and so every error
larger. The change of the method `grey`, which predicts none, says by how much.
"""

import dataclasses

import numpy as np

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.metrics import chroma_psnr
from colornet.noise import NOISE_SETUPS
from experiments import methods
from experiments.disturbances.cameras import Cameras, Case, compressed
from tfrecords_tools.records import (
    RecordConfig,
    area_downsample,
    clean_pictures,
    photograph,
)
from tfrecords_tools.sources import Views

_MOST_GAIN = 4.0
# Whose chroma scales with the luma of the mono picture.
_LIKE_MONO = (methods.COLORIZER,)


@dataclasses.dataclass(frozen=True)
class Photographs:
    """The pictures of two cameras, and what a method's chroma is scored against.

    Attributes:
        mono: (H, W, 1) float32 in [0, 1], with noise.
        reference: (H, W, 3) float32 RGB in [0, 1], with noise.
        luma: (H, W, 1), Y of the undisturbed mono view, without noise.
        mono_luma: (H, W, 1), of the disturbed mono camera, without noise.
        truth: (H, W, 3) RGB, the mono view in the colours of the reference camera.
    """

    mono: np.ndarray
    reference: np.ndarray
    luma: np.ndarray
    mono_luma: np.ndarray
    truth: np.ndarray

    def example(self) -> dict[str, np.ndarray]:
        """`mono`, `reference` and `target` of an example of `colornet.data.Records`."""
        pictures = {"mono": self.mono, "reference": self.reference}
        return pictures | {"target": self.truth.astype(np.float32)}

    def score(self, chroma: np.ndarray, method: str) -> float:
        """Chroma PSNR in dB, at one luma; see the docstring of the module.

        Args:
            chroma: (H, W, 2) Cb, Cr.
            method: whose.
        """
        true_luma = rgb_to_luma(self.truth)
        own_luma = self.mono_luma if method in _LIKE_MONO else true_luma
        lumas = self.luma, _MOST_GAIN * self.mono_luma, _MOST_GAIN * true_luma
        common = np.minimum.reduce(lumas)

        def seen(chroma, luma):
            return chroma * (common / np.maximum(luma, np.finfo(np.float32).tiny))

        truth = seen(rgb_to_chroma(self.truth), true_luma)
        return chroma_psnr(seen(chroma, own_luma), truth)


def photographs(
    views: Views, key: str, settings: RecordConfig, case: Case
) -> Photographs:
    """A pair as disturbed cameras take it; undisturbed, it is that of the record.

    Args:
        views: the clean pair.
        key: of the record; it seeds the noise.
        settings: of the record.
        case: the disturbance.
    """
    reference, scene = clean_pictures(views, key, settings)
    luma, factor = rgb_to_luma(scene), settings.factor
    levels = NOISE_SETUPS[settings.setup]
    seen = case.apply(Cameras(luma, reference, scene, levels, factor))
    mono = photograph(seen.mono, seen.noise.mono, "mono", key, settings)
    reference = photograph(seen.reference, seen.noise.color, "color", key, settings)
    mono, reference = (compressed(p, seen.quality) for p in (mono, reference))
    return Photographs(
        mono=mono.astype(np.float32) / 255,
        reference=reference.astype(np.float32) / 255,
        luma=area_downsample(luma, factor),
        mono_luma=area_downsample(seen.mono, factor),
        truth=area_downsample(seen.scene, factor),
    )
