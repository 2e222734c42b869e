"""Full-range BT.601 (JPEG) YCbCr with chroma centred at 0 (D-06).

RGB and luma are in [0, 1]; Cb and Cr are in [-0.5, 0.5], and grey has chroma 0. The
functions are plain arithmetic on the last axis: they take NumPy arrays and tensors of
any Keras backend alike.
"""

import numpy as np

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
_CB_SCALE, _CR_SCALE = 2 * (1 - _BLUE), 2 * (1 - _RED)

# Studio range spans 224 of 255 codes for chroma: the same picture has smaller errors,
# so its PSNR is 20 log10(255 / 224) = 1.13 dB higher (D-11).
STUDIO_CHROMA_SCALE = 224 / 255


def array_ops(array):
    """`keras.ops` for tensors, NumPy for arrays: both name these functions alike."""
    if isinstance(array, np.ndarray):
        return np
    from keras import ops

    return ops


def rgb_to_luma(rgb):
    """Y of an RGB picture.

    Args:
        rgb: (..., 3) float, in [0, 1].

    Returns:
        (..., 1) float, in [0, 1].
    """
    return _RED * rgb[..., 0:1] + _GREEN * rgb[..., 1:2] + _BLUE * rgb[..., 2:3]


def rgb_to_chroma(rgb):
    """Cb and Cr of an RGB picture.

    Args:
        rgb: (..., 3) float, in [0, 1].

    Returns:
        (..., 2) float, in [-0.5, 0.5]; 0 is grey.
    """
    luma = rgb_to_luma(rgb)
    blue, red = rgb[..., 2:3], rgb[..., 0:1]
    return array_ops(rgb).concatenate(
        [(blue - luma) / _CB_SCALE, (red - luma) / _CR_SCALE], axis=-1
    )


def ycbcr_to_rgb(luma, chroma):
    """The RGB picture of a luma and a chroma map.

    Args:
        luma: (..., 1) float, in [0, 1].
        chroma: (..., 2) float Cb, Cr, in [-0.5, 0.5].

    Returns:
        (..., 3) float; outside [0, 1] where the pair is no colour of the RGB cube.
    """
    blue = luma + _CB_SCALE * chroma[..., 0:1]
    red = luma + _CR_SCALE * chroma[..., 1:2]
    green = (luma - _RED * red - _BLUE * blue) / _GREEN
    return array_ops(luma).concatenate([red, green, blue], axis=-1)


def output_picture(luma, chroma):
    """The RGB picture of the mono camera's luma and a chroma map (D-10).

    Where the pair is no colour of the RGB cube, its chroma is scaled towards grey until
    it is: the hue stays, and the luma is the camera's own at every pixel. Clipping R, G
    and B instead would change both.

    Args:
        luma: (..., 1) float, in [0, 1].
        chroma: (..., 2) float Cb, Cr; any finite number.

    Returns:
        (..., 3) float, in [0, 1].
    """
    ops = array_ops(luma)
    from_grey = ycbcr_to_rgb(luma, chroma) - luma
    room = ops.where(from_grey > 0, 1 - luma, luma)
    # At least `room`, so that the quotient is at most 1, and never 0 / 0.
    reach = ops.maximum(ops.maximum(ops.abs(from_grey), room), 1e-6)
    scale = ops.min(room / reach, axis=-1, keepdims=True)
    return ops.clip(luma + scale * from_grey, 0, 1)
