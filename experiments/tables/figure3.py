"""Figure 3: several candidates of a pixel have its colour."""

import pathlib
import shutil
from collections.abc import Mapping

import numpy as np

from colornet.color import rgb_to_chroma
from colornet.data import Records
from colornet.errors import InputError
from colornet.io.pictures import write_picture
from colornet.noise import to_uint8
from experiments.tables.columns import Column
from experiments.tables.figures import (
    Figure,
    Panel,
    folder_of,
    save_figure,
    with_box,
)

# As in Table 3 where nothing else is said (D-04).
_MAX_DISPARITY = 192
_GREEN = (20, 200, 60)
# Colours this near to the truth, in 8-bit levels of Cb and Cr, count as correct.
_CORRECT = 3.0


def similar_pixels(
    example: Mapping[str, np.ndarray], row: int, column: int, max_disparity: int
) -> np.ndarray:
    """The candidates of a mono pixel that have its colour (Fig. 3).

    Args:
        example: of `Records`.
        row, column: of the pixel.
        max_disparity: d of Eq. 1.

    Returns:
        Disparities k in [0, d - 1], ascending, whose reference chroma is within 3
        levels of the truth in Cb and in Cr.
    """
    last = min(max_disparity, example["reference"].shape[1] - column)
    candidates = rgb_to_chroma(example["reference"][row, column : column + last])
    truth = rgb_to_chroma(example["target"][row, column])
    return np.flatnonzero((np.abs(candidates - truth) * 255 <= _CORRECT).all(axis=-1))


def figure3(column: Column, output: pathlib.Path, key: str | None = None) -> Figure:
    """Figure 3: some pixels, and the candidates that have the right colour.

    Args:
        column: the dataset.
        output: the folder of the tables.
        key: of the picture; the first one if None.

    Raises:
        InputError: no picture of that key.
    """
    max_disparity = column.max_disparity or _MAX_DISPARITY
    records = Records(column.records, column.split)
    for example in records.examples(column.datasets):
        if key in (None, example["key"]):
            break
    else:
        raise InputError(f"expected a key in {column.records}. Received: {key}")
    height, width = example["mono"].shape[:2]
    rows, columns = np.linspace(0.2, 0.8, 4) * height, np.linspace(0.15, 0.6, 3) * width
    counts = np.array(
        [
            len(similar_pixels(example, j, i, max_disparity))
            for j in range(4, height, 8)
            for i in range(4, max(5, width - max_disparity), 8)
        ]
    )
    mono = to_uint8(np.repeat(example["mono"], 3, axis=-1))
    reference = to_uint8(example["reference"])
    for j in rows.astype(int):
        for i in columns.astype(int):
            mono = with_box(mono, (i - 2, j - 2, 5, 5))
            for k in similar_pixels(example, j, i, max_disparity)[:8]:
                reference = with_box(reference, (i + int(k) - 1, j - 1, 3, 3), _GREEN)
    folder = folder_of("3", column, output)
    shutil.rmtree(folder, ignore_errors=True)
    folder /= example["key"].replace("/", "_")
    folder.mkdir(parents=True)
    panels = []
    box = (0, int(height * 0.1), width // 2, height // 3)
    left, top, box_width, box_height = box
    for title, picture in (("mono", mono), ("reference", reference)):
        whole, crop = f"{title}.png", f"{title}_box.png"
        write_picture(folder / whole, picture)
        cut = picture[top : top + box_height, left : left + box_width]
        write_picture(folder / crop, cut)
        panels.append(Panel(title, whole, crop))
    figure = Figure(
        "3",
        column.setup,
        column.name,
        example["key"],
        f"Figure 3, {example['key']}, Setup {column.setup}: red pixels of the mono "
        "picture, and in green up to 8 of their candidates whose colour is within "
        f"{_CORRECT:.0f} levels of the truth. Of {counts.size:,} pixels on a grid "
        f"{(counts > 1).mean():.0%} have more than one such candidate, "
        f"{(counts == 0).mean():.0%} have none; the median is {np.median(counts):.0f} "
        f"of d = {max_disparity}.",
        box,
        tuple(panels),
    )
    save_figure(figure, folder)
    return figure
