"""One picture that shows records at a glance."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from colornet.visualize.drawing import tile
from tfrecords_tools.records import Record

_ROW_HEIGHT = 160


def contact_sheet(records: Sequence[Record]) -> np.ndarray:
    """Mono, reference, target and disparity side by side, one row a record.

    Args:
        records: at least one.

    Returns:
        (H, W, 3) uint8. Nearer is brighter; unknown disparity is black.
    """
    cells = []
    for record in records:
        largest = max(int(record.disparity.max()), 1)
        disparity = (record.disparity * (255 / largest)).astype(np.uint8)
        cells += map(_cell, (record.mono, record.reference, record.target, disparity))
    return tile(cells, columns=4, gap=4)


def _cell(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    size = (max(1, round(width * _ROW_HEIGHT / height)), _ROW_HEIGHT)
    image = Image.fromarray(np.broadcast_to(picture, (height, width, 3)).copy())
    return np.asarray(image.resize(size, Image.Resampling.BOX))
