"""Figures 3 to 6: results side by side, with the region in the red box below them."""

import dataclasses
import pathlib
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

from colornet.color import output_picture, rgb_to_chroma
from colornet.config import ModelConfig, of_kind
from colornet.data import Records
from colornet.errors import InputError
from colornet.io.json_files import read_json, write_json
from colornet.io.pictures import read_picture, write_picture
from colornet.noise import to_uint8
from colornet.visualize.drawing import fit, stack, text_line, tile
from experiments.evaluation.predictors import predict_example, predictor
from experiments.methods import COLORNET
from experiments.tables import paper
from experiments.tables.cells import Row, evaluation, folder, picture_values
from experiments.tables.columns import Column

# What the paper shows beside input, ours and truth, under which setups.
METHODS = {
    "4": (("welsh", "ironi", "gupta"), (1,)),
    "5": (("jeon",), (2,)),
    "6": (("zhang", "iizuka", "furusawa"), (1, 2)),
}
_RED, _GREEN = (230, 20, 20), (20, 200, 60)
# The red box of Figures 4 to 6 is so many times smaller than the picture.
_BOX = 4
# A letter of a caption is at most about so wide, px.
_LETTER = 8
# Colours this near to the truth, in 8-bit levels of Cb and Cr, count as correct.
_CORRECT = 3.0

Box = tuple[int, int, int, int]  # left, top, width and height, px


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure on disk.

    Attributes:
        folder: has figure.json, and for panel N the files N.png, with the red box drawn
            into it, and N_box.png, which is what the box shows. figure.png is all of
            them and the caption.
        key: the record.
        caption: what it shows and how it was chosen.
        panels: titles from left to right.
    """

    folder: pathlib.Path
    key: str
    caption: str
    panels: tuple[str, ...]


def read_figures(output: pathlib.Path, notes: list[str]) -> list[Figure]:
    """The figures below the output folder of the tables, by name, setup and dataset.

    Args:
        output: the folder.
        notes: gets a line for every damaged figure, which is left out.
    """
    kinds = {"key": str, "caption": str, "panels": list}
    figures = []
    for path in sorted(output.glob("figures/*/*/*/figure.json")):
        try:
            values = read_json(path, kinds)
            for number, title in enumerate(values["panels"]):
                of_kind(f"{path}: panels", title, str)
                for name in (f"{number}.png", f"{number}_box.png"):
                    read_picture(path.with_name(name))
            figures.append(Figure(path.parent, **{n: values[n] for n in kinds}))
        except InputError as error:
            notes.append(f"a figure is left out: {error}")
    return figures


def folder_of(name: str, column: Column, output: pathlib.Path) -> pathlib.Path:
    """Where the figures of a name ("3" to "6") and a dataset are."""
    part = f"setup{column.setup}_{column.name}"
    return output / "figures" / f"figure{name}" / part


def _save(
    top: pathlib.Path, key: str, caption: str, pictures: Mapping[str, np.ndarray], box
) -> Figure:
    """Writes a figure with these pictures by title, (H, W, 3) float or uint8."""
    figure = Figure(top / key.replace("/", "_"), key, caption, tuple(pictures))
    figure.folder.mkdir(parents=True, exist_ok=True)
    left, top, width, height = box
    for number, picture in enumerate(pictures.values()):
        pixels = picture if picture.dtype == np.uint8 else to_uint8(picture)
        write_picture(figure.folder / f"{number}.png", with_box(pixels, box))
        crop = pixels[top : top + height, left : left + width]
        write_picture(figure.folder / f"{number}_box.png", crop)
    write_picture(figure.folder / "figure.png", _sheet(figure))
    values = {"key": key, "caption": caption, "panels": figure.panels}
    write_json(figure.folder / "figure.json", values)
    return figure


def _sheet(figure: Figure) -> np.ndarray:
    """All panels with their titles, the box enlarged below each, and the caption."""
    panels = {}
    for number, title in enumerate(figure.panels):
        whole = fit(read_picture(figure.folder / f"{number}.png"))
        crop = Image.fromarray(read_picture(figure.folder / f"{number}_box.png"))
        size = whole.shape[1], round(crop.height * whole.shape[1] / crop.width)
        crop = np.asarray(crop.resize(size, Image.Resampling.NEAREST))
        panels[title] = stack([whole, crop], gap=3)
    sheet = tile(panels, columns=min(4, len(panels)))
    lines = textwrap.wrap(figure.caption, sheet.shape[1] // _LETTER)
    return stack([sheet, *map(text_line, lines)], gap=3)


def with_box(
    picture: np.ndarray, box: Box, color: tuple[int, int, int] = _RED
) -> np.ndarray:
    """A copy of a picture with the frame of a box drawn into it.

    Args:
        picture: (H, W, 3) uint8.
        box: where.
        color: RGB of the frame.
    """
    left, top, width, height = box
    thick = max(1, picture.shape[1] // 150)
    frame = np.zeros(picture.shape[:2], bool)
    frame[max(0, top - thick) : top + height + thick, max(0, left - thick) :] = True
    frame[:, left + width + thick :] = False
    frame[top : top + height, left : left + width] = False
    return np.where(frame[..., None], np.uint8(color), picture)


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
    return _save(place, example["key"], caption, pictures, box)


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
    return _save(place, example["key"], caption, pictures, _best_box(others - ours))


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
