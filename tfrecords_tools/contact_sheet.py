"""One picture that shows records at a glance."""

from collections.abc import Sequence

import numpy as np

from colornet.visualize.drawing import fit, label, map_picture, stack, tile
from tfrecords_tools.records import DISPARITY_STEPS, Record


def contact_sheet(records: Sequence[tuple[str, Record]]) -> np.ndarray:
    """Mono, reference, target and disparity side by side, one row a record.

    Args:
        records: at least one, each with the line of text that stands above its row.

    Returns:
        (H, W, 3) uint8. Nearer is brighter, on a scale in pixels; unknown disparity is
        grey.
    """
    rows = [label(_row(record), title) for title, record in records]
    return stack(rows, gap=12)


def _row(record: Record) -> np.ndarray:
    known = record.disparity > 0
    pixels = np.where(known, record.disparity / DISPARITY_STEPS, np.nan)[..., 0]
    views = {
        "mono": record.mono.repeat(3, axis=-1),
        "reference": record.reference,
        "target": record.target,
    }
    pictures = {name: fit(view) for name, view in views.items()}
    title = "disparity (px)" if known.all() else "disparity (px), unknown: grey"
    high = np.nanmax(pixels) if known.any() else 1.0
    return tile(pictures | {title: map_picture(pixels, high)}, columns=4)
