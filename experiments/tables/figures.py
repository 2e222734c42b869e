"""Figures 3 to 6: results side by side, with the region in the red box below them."""

import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.ndimage import uniform_filter

from colornet.color import output_picture, rgb_to_chroma
from colornet.config import ModelConfig
from colornet.data import Records
from colornet.errors import InputError
from colornet.noise import to_uint8
from experiments.evaluation.predictors import predict_example, predictor
from experiments.methods import COLORNET
from experiments.tables import paper
from experiments.tables.cells import Row, evaluation, folder, picture_values
from experiments.tables.columns import Column
from experiments.tables.figure_files import (
    Box,
    Figure,
    folder_of,
    with_box,
    write_figure,
)

# What the paper shows beside input, ours and truth, under which setups.
METHODS = {
    "4": (("welsh", "ironi", "gupta"), (1,)),
    "5": (("jeon",), (2,)),
    "6": (("zhang", "iizuka", "furusawa"), (1, 2)),
}
_GREEN = (20, 200, 60)
# The red box of Figures 4 to 6 is so many times smaller than the picture.
_BOX = 4
# Colours this near to the truth, in 8-bit levels of Cb and Cr, count as correct.
_CORRECT = 3.0


def shown_columns(columns: Sequence[Column]) -> list[Column]:
    """Those of a table's columns that figures are drawn of.

    They are the paper's where there are records of them, or all where none is there.
    """
    there = [column for column in columns if column.records]
    return [column for column in there if column.name in paper.COLUMNS] or there


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
    max_disparity = column.max_disparity or ModelConfig.max_disparity
    examples = Records(column.records, column.split).examples(column.datasets)
    example = next((e for e in examples if key in (None, e["key"])), None)
    if example is None:
        raise InputError(f"expected a key in {column.records}. Received: {key}")
    height, width = example["mono"].shape[:2]
    counts = np.array(
        [
            len(similar_pixels(example, j, i, max_disparity))
            for j in range(4, height, 8)
            for i in range(4, max(5, width - max_disparity), 8)
        ]
    )
    mono = to_uint8(np.repeat(example["mono"], 3, axis=-1))
    reference = to_uint8(example["reference"])
    for j in (np.linspace(0.2, 0.8, 4) * height).astype(int):
        for i in (np.linspace(0.15, 0.6, 3) * width).astype(int):
            mono = with_box(mono, (i - 2, j - 2, 5, 5))
            for k in similar_pixels(example, j, i, max_disparity)[:8]:
                reference = with_box(reference, (i + int(k) - 1, j - 1, 3, 3), _GREEN)
    caption = (
        f"Figure 3, {example['key']}, Setup {column.setup}: red pixels of the mono "
        "picture, and in green up to 8 of their candidates whose colour is within "
        f"{_CORRECT:.0f} levels of the truth. Of {counts.size:,} pixels on a grid "
        f"{(counts > 1).mean():.0%} have more than one such candidate, "
        f"{(counts == 0).mean():.0%} have none; the median is {np.median(counts):.0f} "
        f"of d = {max_disparity}."
    )
    place = folder_of("3", column, output)
    shutil.rmtree(place, ignore_errors=True)
    box = (0, int(height * 0.1), width // 2, height // 3)
    pictures = {"mono": mono, "reference": reference}
    return write_figure(place, example["key"], caption, pictures, box)


def make_figures(
    name: str,
    rows: Mapping[str, Row],
    columns: Sequence[Column],
    output: pathlib.Path,
    *,
    examples: Sequence[str] = (),
) -> Iterator[Figure]:
    """Draws Figure 4, 5 or 6 for every dataset that is there.

    Args:
        name: "4", "5" or "6".
        rows: of Table 3, by name.
        columns: the datasets.
        output: the folder of the tables; the figures go to `figures` below it.
        examples: keys of the pictures to show. Without any it is the one on which ours
            leads the shown methods the most, and the one on which it leads the least,
            as the tables' evaluations say; the first one where there are none.
    """
    shown, setups = METHODS[name]
    for column in columns:
        if not column.records or column.setup not in setups:
            continue
        # Figures show one seed.
        runs = {row: rows[row].runs(column.setup)[:1] for row in (*shown, COLORNET)}
        methods = {row: (rows[row], run[0]) for row, run in runs.items() if run}
        chosen = {key: "as asked" for key in examples}
        chosen = chosen or _extremes(methods, column, output)
        predictors = {
            row: predictor(evaluation(*method, column))[0]
            for row, method in methods.items()
        }
        place, is_first = folder_of(name, column, output), True
        for example in Records(column.records, column.split).examples(column.datasets):
            if chosen and example["key"] not in chosen:
                continue
            if is_first:
                # Those of an earlier choice would stand in the report beside this one.
                shutil.rmtree(place, ignore_errors=True)
                is_first = False
            why = chosen.get(example["key"], "the first of its dataset")
            chroma = {
                row: predict_example(method, example).chroma
                for row, method in predictors.items()
            }
            title = f"Figure {name}, {example['key']}, Setup {column.setup}: {why}"
            yield _side_by_side(place, title, example, chroma)
            if not chosen:
                break


def _extremes(
    methods: Mapping[str, tuple[Row, str | None]], column: Column, output: pathlib.Path
) -> dict[str, str]:
    """Keys on which ours leads the most and the least, with the reason."""
    scores = {}
    for name, method in methods.items():
        place = folder(*method, column, output)
        if (place / "images.csv").is_file():
            scores[name] = picture_values(place, "psnr")
    ours = scores.pop(COLORNET, {})
    keys = set(ours).intersection(*scores.values())
    if not scores or not keys:
        return {}
    lead = {key: ours[key] - max(s[key] for s in scores.values()) for key in keys}
    most, least = max(lead, key=lead.get), min(lead, key=lead.get)
    return {
        least: f"where ours is worst beside the others, {_beside(lead[least])}",
        most: f"where ours is best beside the others, {_beside(lead[most])}",
    }


def _beside(lead: float) -> str:
    return f"{abs(lead):.1f} dB {'below' if lead < 0 else 'above'} the best of them"


def _side_by_side(place, title: str, example: dict, chroma: dict) -> Figure:
    mono, truth = example["mono"], rgb_to_chroma(example["target"])
    pictures = {
        "input, mono": np.repeat(mono, 3, axis=-1),
        "input, reference": example["reference"],
        **{paper.title(row): output_picture(mono, c) for row, c in chroma.items()},
        "truth": example["target"],
    }
    where = "squared chroma error of the methods is largest"
    if COLORNET in chroma:
        where = "squared chroma error of ours is best beside that of the others"
    errors = {row: ((c - truth) ** 2).sum(axis=-1) for row, c in chroma.items()}
    ours = errors.pop(COLORNET, np.zeros(mono.shape[:2]))
    others = np.mean(list(errors.values()), axis=0) if errors else ours
    caption = f"{title}. The red box is where the {where}."
    box = _best_box(others - ours)
    return write_figure(place, example["key"], caption, pictures, box)


def _best_box(lead: np.ndarray) -> Box:
    """The box inside a map with the largest mean."""
    (rows, height), (columns, width) = ((n, max(1, n // _BOX)) for n in lead.shape)
    means = uniform_filter(lead.astype(np.float64), (height, width))
    # A mean stands at its window's middle; windows that cross the border do not count.
    first = height // 2, width // 2
    inside = means[
        first[0] : first[0] + rows - height + 1,
        first[1] : first[1] + columns - width + 1,
    ]
    top, left = np.unravel_index(np.argmax(inside), inside.shape)
    return int(left), int(top), width, height
