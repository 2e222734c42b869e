"""One picture that shows records at a glance."""

import numpy as np
from PIL import Image

from tfrecords_tools.records import Record, decode_disparity

_ROW_HEIGHT = 160
_GAP, _WHITE = 4, 255


def contact_sheet(samples: list[tuple[str, Record]]) -> np.ndarray:
    """Mono, reference, target and disparity side by side, one row a record.

    Args:
        samples: at least one (key, record).

    Returns:
        (H, W, 3) uint8. Nearer is brighter; unknown disparity is black.
    """
    rows = []
    for _, record in samples:
        pixels = decode_disparity(record.disparity)
        largest = np.nanmax(pixels) if record.disparity.any() else 1.0
        disparity = np.nan_to_num(pixels / largest * 255).astype(np.uint8)
        cells = [record.mono, record.reference, record.target, disparity]
        rows.append(np.concatenate([_cell(cell) for cell in cells], axis=1))
    width = max(row.shape[1] for row in rows)
    rows = [_pad(row, _GAP, width - row.shape[1]) for row in rows]
    return np.concatenate(rows)


def _cell(picture: np.ndarray) -> np.ndarray:
    rgb = np.broadcast_to(picture, (*picture.shape[:2], 3))
    width = max(1, round(picture.shape[1] * _ROW_HEIGHT / picture.shape[0]))
    image = Image.fromarray(np.ascontiguousarray(rgb))
    small = image.resize((width, _ROW_HEIGHT), Image.Resampling.BOX)
    return _pad(np.asarray(small), 0, _GAP)


def _pad(picture: np.ndarray, below: int, right: int) -> np.ndarray:
    return np.pad(picture, ((0, below), (0, right), (0, 0)), constant_values=_WHITE)
