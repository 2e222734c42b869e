"""Pictures of an example and of its colorization.

Maps are float arrays without batch axis, with the ranges that colornet/data.py lists.
"""

from collections.abc import Mapping

import numpy as np

from colornet.color import output_picture
from colornet.io.pictures import resized
from colornet.metrics import chroma_psnr
from colornet.noise import to_uint8
from colornet.visualize.drawing import fit, map_picture, tile

# End of the scale of errors, the same for all pictures so that they compare.
# 2.3 grey levels are what a chroma PSNR of 44 dB, the paper's, comes to on average.
ERROR_LIMIT = 16.0
# How much stronger a residue is drawn: it would hardly be seen.
_RESIDUE_GAIN = 4


def mono_picture(mono: np.ndarray) -> np.ndarray:
    """Luma (H, W, 1) or (H, W) in [0, 1] as a grey RGB picture."""
    return to_uint8(mono).reshape(*mono.shape[:2], 1).repeat(3, axis=-1)


def scaled_example(
    example: Mapping[str, np.ndarray], height: int, width: int
) -> dict[str, np.ndarray]:
    """The maps of an example at another size, at which a network saw them.

    Args:
        example: maps `mono` and `reference`; `chroma` and `disparity` where they are
            known; see colornet/data.py.
        height, width: px. The disparity of a pixel is that of the nearest one, in px
            of the new size.
    """
    there = example["mono"].shape[:2]
    maps = {n: example[n] for n in ("mono", "reference", "chroma") if n in example}
    if there != (height, width):
        maps = {name: resized(values, height, width) for name, values in maps.items()}
        for name in ("mono", "reference"):
            maps[name] = maps[name].clip(0, 1)
    if "disparity" in example:
        rows, columns = (
            ((np.arange(new) + 0.5) * old / new).astype(int)
            for new, old in zip((height, width), there, strict=True)
        )
        disparity = example["disparity"][rows[:, None], columns]
        scaled = disparity * np.float32(width / there[1])
        maps["disparity"] = np.where(disparity < 0, disparity, scaled)
    return maps


def picture_row(
    example: Mapping[str, np.ndarray], rough: np.ndarray | None, final: np.ndarray
) -> np.ndarray:
    """What goes in, what comes out and how wrong it is, labelled, two rows of three.

    The error of a pixel is the Euclidean distance of Cb and Cr from the truth, in grey
    levels (255 is the peak), from 0 (black) to `ERROR_LIMIT`; larger ones look like
    `ERROR_LIMIT`.

    Args:
        example: maps `mono` and `reference`, and `chroma` (the truth) where known; see
            colornet/data.py.
        rough: (H, W, 2) chroma C' of Eq. 1; None for a method without it.
        final: (H, W, 2) chroma C of Eq. 2.

    Returns:
        uint8 RGB: mono, reference, rough; final, truth, error of the final. What there
        is none of is left out, and the error without truth. The PSNR is that of
        `colornet.metrics.chroma_psnr`. All are enlarged or reduced by a whole factor
        where the maps are narrower than 256 or wider than 512 pixels.
    """
    mono, truth = example["mono"], example.get("chroma")

    def decibels(chroma):
        return "" if truth is None else f", {chroma_psnr(chroma, truth):.2f} dB"

    pictures = {
        "mono (input)": mono_picture(mono),
        "reference (input)": to_uint8(example["reference"]),
    }
    result, name = "result", "the result"
    if rough is not None:
        pictures[f"rough C'{decibels(rough)}"] = to_uint8(output_picture(mono, rough))
        result, name = "final C", "C"
    pictures[f"{result}{decibels(final)}"] = to_uint8(output_picture(mono, final))
    if truth is not None:
        pictures["truth"] = to_uint8(output_picture(mono, truth))
    pictures = {title: fit(picture) for title, picture in pictures.items()}
    if truth is not None:
        error = map_picture(255 * np.linalg.norm(final - truth, axis=-1), ERROR_LIMIT)
        pictures[f"error of {name} (grey levels)"] = error
    return tile(pictures, columns=3)


def chroma_row(
    rough: np.ndarray, final: np.ndarray, truth: np.ndarray | None = None
) -> np.ndarray:
    """Chroma without the picture's luma: rough, residue, final, truth, labelled.

    Args:
        rough: (H, W, 2) chroma C' of Eq. 1.
        final: (H, W, 2) chroma C of Eq. 2. The residue is C - C', four times as strong.
        truth: (H, W, 2), or None for none.

    Returns:
        uint8 RGB, all at a luma of 0.5, enlarged or reduced as in `picture_row`.
    """
    maps = {
        "rough C'": rough,
        f"residue C - C', x {_RESIDUE_GAIN}": _RESIDUE_GAIN * (final - rough),
        "final C": final,
    }
    if truth is not None:
        maps["truth"] = truth
    luma = np.full((*final.shape[:2], 1), 0.5, np.float32)
    pictures = {
        name: fit(to_uint8(output_picture(luma, chroma)))
        for name, chroma in maps.items()
    }
    return tile(pictures, columns=4)
