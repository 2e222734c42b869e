"""Figures 4 to 6: results side by side, with the region in the red box below them."""

import dataclasses
import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from colornet.color import output_picture, rgb_to_chroma
from colornet.data import Records
from colornet.io.files import replacing
from colornet.io.pictures import write_picture
from colornet.noise import to_uint8
from experiments.evaluation import is_network, predictor
from experiments.tables import paper
from experiments.tables.cells import Row, evaluation, folder, picture_values
from experiments.tables.columns import Column

# What the paper shows beside input, ours and truth, under which setups.
METHODS = {
    "4": (("welsh", "ironi", "gupta"), (1,)),
    "5": (("jeon",), (2,)),
    "6": (("zhang", "iizuka", "furusawa"), (1, 2)),
}
_OURS = "ours"
_RED = (230, 20, 20)
# The red box is so many times smaller than the picture.
_BOX = 4


@dataclasses.dataclass(frozen=True)
class Panel:
    """One picture of a figure: a title, and files of the whole and of the box in the
    figure's folder."""

    title: str
    whole: str
    crop: str


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure on disk.

    Attributes:
        name: "3", "4", "5" or "6".
        setup: of Table 2.
        column: the dataset.
        key: the record.
        caption: what it shows and how it was chosen.
        box: left, top, width and height of the red box.
        panels: from left to right.
    """

    name: str
    setup: int
    column: str
    key: str
    caption: str
    box: tuple[int, int, int, int]
    panels: tuple[Panel, ...]


def shown_columns(columns: Sequence[Column]) -> list[Column]:
    """Those of a table's columns that figures are drawn of.

    They are the paper's where there are records of them, or all where none is there.
    """
    there = [column for column in columns if column.records]
    of_paper = [column for column in there if column.name in paper.COLUMNS]
    return of_paper or there


def make_figures(
    name: str,
    rows: Mapping[str, Row],
    columns: Sequence[Column],
    output: pathlib.Path,
    *,
    examples: Sequence[str] = (),
) -> Iterator[Figure]:
    """Draws a figure for every dataset that is there.

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
        methods = [
            rows[method]
            for method in (*shown, _OURS)
            if not is_network(method) or rows[method].weights.get(column.setup)
        ]
        chosen = {key: "as asked" for key in examples} or _extremes(
            methods, column, output
        )
        predictors = {
            row.name: predictor(evaluation(row, _run(row, column), column))[0]
            for row in methods
        }
        records = Records(column.records, column.split)
        is_first = True
        for example in records.examples(column.datasets):
            if example["key"] not in chosen and chosen:
                continue
            if is_first:
                # Those of an earlier choice would stand in the report beside this one.
                shutil.rmtree(folder_of(name, column, output), ignore_errors=True)
                is_first = False
            why = chosen.get(example["key"], "the first of its dataset")
            chroma = {label: run(example).chroma for label, run in predictors.items()}
            yield _draw(name, column, example, chroma, why, output)
            if not chosen:
                break


def _run(row: Row, column: Column) -> str | None:
    """The first of a row's runs: figures show one seed."""
    return next(iter(row.weights.get(column.setup, ())), None)


def _extremes(
    methods: Sequence[Row], column: Column, output: pathlib.Path
) -> dict[str, str]:
    """Keys on which ours leads the most and the least, with the reason."""
    scores = {}
    for row in methods:
        place = folder(row, _run(row, column), column, output)
        if (place / "images.csv").is_file():
            scores[row.name] = picture_values(place, "psnr")
    others = [values for label, values in scores.items() if label != _OURS]
    if _OURS not in scores or not others:
        return {}
    keys = set(scores[_OURS]).intersection(*others)
    lead = {
        key: scores[_OURS][key] - max(values[key] for values in others) for key in keys
    }
    if not lead:
        return {}
    most, least = max(lead, key=lead.get), min(lead, key=lead.get)
    return {
        least: f"the picture with our smallest lead, {lead[least]:+.1f} dB",
        most: f"the picture with our largest lead, {lead[most]:+.1f} dB",
    }


def folder_of(name: str, column: Column, output: pathlib.Path) -> pathlib.Path:
    """Where the pictures of a figure and a dataset are."""
    part = f"setup{column.setup}_{column.name}"
    return output / "figures" / f"figure{name}" / part


def _draw(name, column, example, chroma, why, output) -> Figure:
    place = folder_of(name, column, output) / example["key"].replace("/", "_")
    place.mkdir(parents=True, exist_ok=True)
    truth = rgb_to_chroma(example["target"])
    box = _box_of_largest_lead(truth, chroma)
    mono = example["mono"]
    pictures = {
        "input, mono": np.repeat(mono, 3, axis=-1),
        "input, reference": example["reference"],
        **{
            paper.METHOD_TITLES[label]: output_picture(mono, value)
            for label, value in chroma.items()
        },
        "truth": example["target"],
    }
    where = "squared chroma error of the methods is largest"
    if _OURS in chroma:
        where = "squared chroma error of the other methods exceeds ours the most"
    panels = []
    for number, (title, picture) in enumerate(pictures.items()):
        pixels = to_uint8(picture)
        left, top, width, height = box
        whole, crop = f"{number}.png", f"{number}_box.png"
        write_picture(place / crop, pixels[top : top + height, left : left + width])
        write_picture(place / whole, with_box(pixels, box))
        panels.append(Panel(title, whole, crop))
    figure = Figure(
        name,
        column.setup,
        column.name,
        example["key"],
        f"Figure {name}, {example['key']}, Setup {column.setup}: {why}. The red box is "
        f"where the {where}.",
        box,
        tuple(panels),
    )
    save_figure(figure, place)
    return figure


def save_figure(figure: Figure, folder: pathlib.Path) -> None:
    """Writes what the report needs to know of a figure."""
    with replacing(folder / "figure.json") as file:
        file.write(json.dumps(dataclasses.asdict(figure), indent=2).encode())


def _box_of_largest_lead(truth, chroma) -> tuple[int, int, int, int]:
    errors = {
        label: ((value - truth) ** 2).sum(axis=-1) for label, value in chroma.items()
    }
    ours = errors.pop(_OURS, 0)
    others = np.mean(list(errors.values()), axis=0) if errors else ours
    lead = np.asarray(others - ours, np.float64)
    lead = np.broadcast_to(lead, truth.shape[:2])
    height, width = (max(1, size // _BOX) for size in lead.shape)
    sums = np.pad(lead.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    boxes = sums[height:, width:] - sums[:-height, width:]
    boxes = boxes - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(np.argmax(boxes), boxes.shape)
    return int(left), int(top), width, height


def with_box(
    picture: np.ndarray,
    box: tuple[int, int, int, int],
    color: tuple[int, int, int] = _RED,
) -> np.ndarray:
    """A copy of a picture with the frame of a box drawn into it.

    Args:
        picture: (H, W, 3) uint8.
        box: left, top, width, height in pixels.
        color: RGB of the frame.
    """
    left, top, width, height = box
    thick = max(1, picture.shape[1] // 150)
    frame = np.zeros(picture.shape[:2], bool)
    frame[max(0, top - thick) : top + height + thick, max(0, left - thick) :] = True
    frame[:, left + width + thick :] = False
    frame[top : top + height, left : left + width] = False
    return np.where(frame[..., None], np.uint8(color), picture)
