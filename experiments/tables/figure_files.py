"""Figures on disk: panels with a red box, what it shows, and all in one picture."""

import dataclasses
import pathlib
import textwrap
from collections.abc import Mapping

import numpy as np
from PIL import Image

from colornet.config import of_kind
from colornet.errors import InputError
from colornet.io.json_files import read_json, write_json
from colornet.io.pictures import read_picture, write_picture
from colornet.noise import to_uint8
from colornet.visualize.drawing import fit, stack, text_line, tile
from experiments.tables.columns import Column

_RED = (230, 20, 20)
# A letter of a caption is at most about so wide, px.
_LETTER = 8

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


def write_figure(
    place: pathlib.Path,
    key: str,
    caption: str,
    pictures: Mapping[str, np.ndarray],
    box: Box,
) -> Figure:
    """Writes a figure.

    Args:
        place: gets a folder named after the key; see `folder_of`.
        key: of the record.
        caption: see `Figure`.
        pictures: by title, (H, W, 3) uint8, or float in [0, 1].
        box: what is framed and shown by itself.

    Raises:
        InputError: a folder that cannot be written.
    """
    figure = Figure(place / key.replace("/", "_"), key, caption, tuple(pictures))
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
