"""One picture that shows records at a glance."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from colornet.visualize.drawing import beside, stack
from tfrecords_tools.records import Record

_ROW_HEIGHT = 160


def contact_sheet(records: Sequence[Record]) -> np.ndarray:
    """Mono, reference, target and disparity side by side, one row a record.

    Args:
        records: at least one.

    Returns:
        (H, W, 3) uint8. Nearer is brighter; unknown disparity is black.
    """
    rows = []
    for record in records:
        largest = max(int(record.disparity.max()), 1)
        disparity = (record.disparity * (255 / largest)).astype(np.uint8)
        views = record.mono, record.reference, record.target, disparity
        rows.append(beside([_cell(view) for view in views], gap=4))
    return stack(rows, gap=4)


def _cell(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    size = (max(1, round(width * _ROW_HEIGHT / height)), _ROW_HEIGHT)
    image = Image.fromarray(np.broadcast_to(picture, (height, width, 3)).copy())
    return np.asarray(image.resize(size, Image.Resampling.BOX))
