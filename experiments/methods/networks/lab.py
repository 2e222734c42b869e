"""CIELAB (D65, 2 degree observer) of sRGB pictures.

L is in [0, 100]; a and b are about [-86, 98] and [-108, 95] for colours of the sRGB
cube, and 0 for grey. Like `colornet.color`, the functions take NumPy arrays and tensors
of any Keras backend alike, and work on the last axis.
"""

import numpy as np

from colornet.color import array_ops

# IEC 61966-2-1: linear sRGB to XYZ, and XYZ of its white, D65.
_RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
# XYZ relative to white, as plain numbers: they take the dtype of what they multiply.
_TO_RELATIVE = (_RGB_TO_XYZ / _WHITE[:, None]).tolist()
_FROM_RELATIVE = np.linalg.inv(_TO_RELATIVE).tolist()
# CIE 15: where the cube root gives way to a straight line.
_DELTA = 6 / 29


def _linear_map(values, matrix):
    x, y, z = values[..., 0:1], values[..., 1:2], values[..., 2:3]
    rows = [p * x + q * y + r * z for p, q, r in matrix]
    return array_ops(values).concatenate(rows, axis=-1)


def rgb_to_lab(rgb):
    """CIELAB of an sRGB picture.

    Args:
        rgb: (..., 3) float, in [0, 1].

    Returns:
        (..., 3) float L, a, b.
    """
    ops = array_ops(rgb)
    # The branch that is not taken must have a finite derivative too.
    gamma = ((ops.maximum(rgb, 0.04) + 0.055) / 1.055) ** 2.4
    linear = ops.where(rgb > 0.04045, gamma, rgb / 12.92)
    xyz = _linear_map(linear, _TO_RELATIVE)
    root = ops.maximum(xyz, _DELTA**3) ** (1 / 3)
    f = ops.where(xyz > _DELTA**3, root, xyz / (3 * _DELTA**2) + 4 / 29)
    lightness = 116 * f[..., 1:2] - 16
    a, b = 500 * (f[..., 0:1] - f[..., 1:2]), 200 * (f[..., 1:2] - f[..., 2:3])
    return ops.concatenate([lightness, a, b], axis=-1)


def lab_to_rgb(lab):
    """The sRGB picture of CIELAB values, clipped to the RGB cube.

    Args:
        lab: (..., 3) float L, a, b.

    Returns:
        (..., 3) float, in [0, 1].
    """
    ops = array_ops(lab)
    y = (lab[..., 0:1] + 16) / 116
    x, z = y + lab[..., 1:2] / 500, y - lab[..., 2:3] / 200
    f = ops.concatenate([x, y, z], axis=-1)
    xyz = ops.where(f > _DELTA, f**3, 3 * _DELTA**2 * (f - 4 / 29))
    linear = ops.clip(_linear_map(xyz, _FROM_RELATIVE), 0, 1)
    gamma = 1.055 * ops.maximum(linear, 0.003) ** (1 / 2.4) - 0.055
    return ops.where(linear > 0.0031308, gamma, 12.92 * linear)
