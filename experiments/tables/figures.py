"""Figures 3 to 6: results side by side, with the region in the red box below them."""

import csv
import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from colornet.color import output_picture, rgb_to_chroma
from colornet.data import Records
from colornet.errors import InputError
from colornet.files import replacing
from colornet.images import write_picture
from colornet.noise import to_uint8
from experiments.evaluation import Evaluation, predictor
from experiments.tables import paper
from experiments.tables.cells import Column, Row

# What the paper shows beside input, ours and truth, under which setups.
METHODS = {
    "4": (("welsh", "ironi", "gupta"), (1,)),
    "5": (("jeon",), (2,)),
    "6": (("zhang", "iizuka", "furusawa"), (1, 2)),
}
_OURS = "ours"
_RED, _GREEN = (230, 20, 20), (20, 200, 60)
# The red box is so many times smaller than the picture.
_BOX = 4
# Colours this near to the truth, in 8-bit levels of Cb and Cr, count as correct.
_CORRECT = 3.0


@dataclasses.dataclass(frozen=True)
class Panel:
    """One picture of a figure: a title and files of the whole and of the box."""

    title: str
    whole: str
    crop: str


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure on disk.

    Attributes:
        name: "3", "4" ...
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


def make_figures(
    name: str,
    rows: Mapping[str, Row],
    columns: Sequence[Column],
    output: pathlib.Path,
    *,
    examples: Sequence[str] = (),
    max_disparity: int | None = None,
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
        max_disparity: d of Eq. 1.
    """
    shown, setups = METHODS[name]
    for column in columns:
        if not column.records or column.setup not in setups:
            continue
        methods = [
            rows[method]
            for method in (*shown, _OURS)
            if method not in _NEED_WEIGHTS or rows[method].weights.get(column.setup)
        ]
        chosen = {key: "as asked" for key in examples} or _extremes(
            methods, column, output
        )
        predictors = {
            row.name: predictor(
                Evaluation(
                    records=column.records,
                    method=row.method,
                    weights=next(iter(row.weights.get(column.setup, ())), None),
                    max_disparity=max_disparity,
                )
            )[0]
            for row in methods
        }
        for example in Records(column.records, "test").examples():
            if example["key"] not in chosen and chosen:
                continue
            why = chosen.get(example["key"], "the first of its dataset")
            chroma = {label: run(example)[""] for label, run in predictors.items()}
            yield _draw(name, column, example, chroma, why, output / "figures")
            if not chosen:
                break


_NEED_WEIGHTS = (_OURS, "zhang", "iizuka", "furusawa", "he")


def _extremes(
    methods: Sequence[Row], column: Column, output: pathlib.Path
) -> dict[str, str]:
    """Keys on which ours leads the most and the least, with the reason."""
    scores = {}
    for row in methods:
        folder = output / f"setup{column.setup}" / column.name
        files = sorted(folder.glob(f"{row.name}*/images.csv"))
        if files:
            with open(files[0], newline="", encoding="utf-8") as file:
                scores[row.name] = {
                    line["key"]: float(line["psnr"]) for line in csv.DictReader(file)
                }
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


def _draw(name, column, example, chroma, why, folder) -> Figure:
    folder = folder / f"figure{name}" / f"setup{column.setup}_{column.name}"
    folder = folder / example["key"].replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
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
        whole, crop = folder / f"{number}.png", folder / f"{number}_box.png"
        write_picture(crop, pixels[top : top + height, left : left + width])
        write_picture(whole, with_box(pixels, box))
        panels.append(Panel(title, str(whole), str(crop)))
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
    _save(figure, folder)
    return figure


def _save(figure: Figure, folder: pathlib.Path) -> None:
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


def figure3(
    column: Column, output: pathlib.Path, max_disparity: int, key: str | None = None
) -> Figure:
    """Figure 3: some pixels, and the candidates that have the right colour.

    Args:
        column: the dataset.
        output: the folder of the tables.
        max_disparity: d of Eq. 1.
        key: of the picture; the first one if None.

    Raises:
        InputError: no picture of that key.
    """
    for example in Records(column.records, "test").examples():
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
    folder = output / "figures" / "figure3" / f"setup{column.setup}_{column.name}"
    folder /= example["key"].replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    panels = []
    box = (0, int(height * 0.1), width // 2, height // 3)
    left, top, box_width, box_height = box
    for title, picture in (("mono", mono), ("reference", reference)):
        whole, crop = folder / f"{title}.png", folder / f"{title}_box.png"
        write_picture(whole, picture)
        cut = picture[top : top + box_height, left : left + box_width]
        write_picture(crop, cut)
        panels.append(Panel(title, str(whole), str(crop)))
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
    _save(figure, folder)
    return figure
