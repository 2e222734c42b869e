"""What TensorBoard shows of a pair: tags, their descriptions, their values.

Training and `experiments.inspect` show the same tags. No TensorFlow.
"""

from collections.abc import Mapping

import numpy as np

from colornet.metrics import chroma_psnr
from colornet.visualize.drawing import fit, stack
from colornet.visualize.pictures import chroma_row, mono_picture, picture_row
from colornet.visualize.pixels import (
    Pixels,
    choose_pixels,
    mark_pixels,
    weight_curves,
)
from colornet.visualize.volumes import (
    disparity_picture,
    entropy,
    entropy_picture,
    expected_disparity,
    scan_line,
    volume_slices,
)

DESCRIPTIONS = {
    "example/pictures": (
        "Mono and reference go in. Rough C' (Eq. 1) and final C (Eq. 2) come out, with "
        "the luma of mono. The error is the distance of Cb and Cr from the truth, in "
        "grey levels of 255."
    ),
    "example/chroma": (
        "The chroma alone, at one luma: rough C', the residue C - C' of Eq. 2 four "
        "times as strong, final C, and the truth where it is known."
    ),
    "example/psnr_rough": "PSNR of the rough C' over 8-bit Cb and Cr, in dB.",
    "example/psnr_final": "PSNR of the final C over 8-bit Cb and Cr, in dB.",
    "example/pixels": (
        "Marked pixels of the mono picture, and below their weights W over the "
        "candidates k. A triangle is the true disparity."
    ),
    "example/disparity_mae": (
        "Mean absolute error of the mean of k under W, in px, over pixels with a known "
        "disparity."
    ),
    "attention/slices": (
        "Slices of the attention A (Eq. 4) at even steps of k. A has half the size of "
        "the picture, and candidate k is a disparity of 2k px. The colours span the "
        "shown values only: read the bar."
    ),
    "attention/values": "Histogram of the attention A (Eq. 4), from 0 to 1.",
    "weights/slices": (
        "Slices of the weights W (Eq. 1) at even steps of k, on a logarithmic scale. "
        "Grey pixels have no candidate k: it would lie past the right border."
    ),
    "weights/scan_line": (
        "The weights W of whole rows, those of the marked pixels: i to the right, k "
        "upwards, on a logarithmic scale. A surface parallel to the cameras is a "
        "horizontal ridge. A cyan line is the true disparity."
    ),
    "weights/largest": (
        "Histogram of the largest weight of every pixel. 1 is a single candidate."
    ),
    "weights/disparity": (
        "The mean of k under W for every pixel, in px, beside the true disparity."
    ),
    "weights/entropy": (
        "The entropy of W for every pixel, in bits. 0 is a single candidate."
    ),
    "weights/mean_entropy": "Mean of the entropy of W over all pixels, in bits.",
}

Values = dict[str, np.ndarray | float]


def pair_summaries(
    example: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    is_distribution: bool,
    pixels: Pixels | None = None,
) -> Values:
    """What there is to show of a pair and of what a network made of it.

    Args:
        example: maps `mono` and `reference`; `chroma` (the truth) and `disparity` where
            they are known; see colornet/data.py.
        outputs: `chroma`; and `rough_chroma`, `weights` and `attention`, where the
            network has them; see `ColorNet.with_volumes`. No batch axis.
        is_distribution: whether W sums to 1 over k. If not, W has neither expected
            disparity nor entropy.
        pixels: to mark; those of `choose_pixels` if None.

    Returns:
        Values by tag, the tags being keys of `DESCRIPTIONS`: a uint8 RGB picture, a
        float array for a histogram, or a number. What nothing is known of is left out.
    """
    pixels = choose_pixels(example) if pixels is None else pixels
    values = _of_chroma(example, outputs)
    if "weights" in outputs:
        values |= _of_weights(example, outputs["weights"], is_distribution, pixels)
    if "attention" in outputs:
        attention = outputs["attention"]
        values["attention/slices"] = volume_slices(attention, unit=2)
        # Every fourth value of each axis tells the distribution.
        values["attention/values"] = attention[:, ::4, ::4]
    return values


def _of_chroma(
    example: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> Values:
    final, truth = outputs["chroma"], example.get("chroma")
    # A network with one result has no rougher one.
    rough = outputs.get("rough_chroma", final)
    values: Values = {
        "example/pictures": picture_row(example, rough, final),
        "example/chroma": chroma_row(rough, final, truth),
    }
    if truth is not None:
        values["example/psnr_rough"] = chroma_psnr(rough, truth)
        values["example/psnr_final"] = chroma_psnr(final, truth)
    return values


def _of_weights(
    example: Mapping[str, np.ndarray],
    weights: np.ndarray,
    is_distribution: bool,
    pixels: Pixels,
) -> Values:
    mono, reference = example["mono"], example["reference"]
    truth = example.get("disparity")
    marked = fit(mark_pixels(mono_picture(mono), pixels))
    rows = dict.fromkeys(row for row, _ in pixels.values())
    sections = [scan_line(weights, row, mono, reference, truth) for row in rows]
    values: Values = {
        "example/pixels": stack([marked, weight_curves(weights, pixels, truth)], gap=8),
        "weights/slices": volume_slices(weights, log=True),
        "weights/scan_line": stack(sections, gap=12),
        "weights/largest": weights.max(axis=0),
    }
    if not is_distribution:
        return values
    d, disparity, bits = len(weights), expected_disparity(weights), entropy(weights)
    if truth is not None and (known := truth >= 0).any():
        error = np.abs(disparity - truth)[known].mean()
        values["example/disparity_mae"] = float(error)
    return values | {
        "weights/disparity": disparity_picture(disparity, d, truth),
        "weights/entropy": entropy_picture(bits, d),
        "weights/mean_entropy": float(bits.mean()),
    }
