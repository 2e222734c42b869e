"""What a source of stereo pairs gives: one light `Pair` a record, loaded when asked.

A `Source` knows the folder tree of a dataset as its publisher ships it and lists the
`Part`s of it that are there.
"""

import abc
import dataclasses
import functools
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

import numpy as np

from colornet.config import Config
from colornet.errors import InputError
from colornet.io.pictures import from_float, read_picture, to_float
from tfrecords_tools.sources.disparity import DisparityFile, read_disparity


@dataclasses.dataclass(frozen=True)
class Views:
    """The pictures of a rectified pair; features lie further right in the left view.

    Attributes:
        left, right: (H, W, 3) uint8 RGB.
        left_disparity, right_disparity: (H, W) float32, in pixels of the left and of
            the right view, or None. Left pixel x and right pixel x - disparity are the
            same point. 0, negative or not finite where unknown.
    """

    left: np.ndarray
    right: np.ndarray
    left_disparity: np.ndarray | None = None
    right_disparity: np.ndarray | None = None

    def mirrored(self) -> Self:
        """The pair seen in a mirror: the views change sides, disparity stays positive.

        Returns:
            Views whose right picture is the left one of this pair, mirrored.
        """

        def flip(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array[:, ::-1]

        return type(self)(
            left=flip(self.right),
            right=flip(self.left),
            left_disparity=flip(self.right_disparity),
            right_disparity=flip(self.left_disparity),
        )


@dataclasses.dataclass(frozen=True)
class Pair:
    """One pair of a source. It pickles, so that it can be loaded in another process.

    Attributes:
        dataset: name of the data set, such as "middlebury2006".
        scene: name within the data set; a video, or one lasting arrangement of things.
        split: split of the records it belongs to.
        load: reads or renders the pictures: a module's function, or a `partial` of one.
        files: what `load` reads.
        frame: tells the pairs of one scene apart; empty where there is one only.
        coding: of the disparity among the files, in words; empty where there is none.
    """

    dataset: str
    scene: str
    split: str
    load: Callable[[], Views]
    files: tuple[str, ...] = ()
    frame: str = ""
    coding: str = ""

    @property
    def key(self) -> str:
        """Names the record and seeds its noise."""
        return "/".join(filter(None, (self.dataset, self.scene, self.frame)))


def files_pair(
    dataset: str,
    scene: str,
    split: str,
    left: str | os.PathLike,
    right: str | os.PathLike,
    *,
    frame: str = "",
    left_disparity: DisparityFile | None = None,
    right_disparity: DisparityFile | None = None,
) -> Pair:
    """A pair whose views are two picture files; disparity is left out where it is not.

    A disparity file that does not exist is no error: most publishers ship it apart.
    """
    maps = [
        disparity if disparity and os.path.isfile(disparity.path) else None
        for disparity in (left_disparity, right_disparity)
    ]
    there = [disparity for disparity in maps if disparity]
    files = (os.fspath(p) for p in (left, right, *(d.path for d in there)))
    load = functools.partial(load_files, left, right, *maps)
    coding = ", ".join(f"{d.coding} of {d.steps:g}" for d in there)
    return Pair(dataset, scene, split, load, tuple(files), frame, coding)


def load_files(
    left: str | os.PathLike,
    right: str | os.PathLike,
    left_disparity: DisparityFile | None = None,
    right_disparity: DisparityFile | None = None,
) -> Views:
    """Reads the pictures of a pair; 16 bit become 8.

    Raises:
        InputError: a file that cannot be read, a grey picture, or sizes that differ.
            It names the files.
    """
    try:
        views = [read_picture(left), read_picture(right)]
    except InputError as error:
        raise InputError(f"{error} (of the pair {left} and {right})") from error
    for view in views:
        if view.ndim == 2:
            raise InputError(
                f"expected RGB views. Received: a grey picture in {left} and {right}"
            )
    files = [file for file in (left_disparity, right_disparity) if file]
    maps = {file: read_disparity(file) for file in files}
    arrays = {left: views[0], right: views[1], **{f.path: maps[f] for f in files}}
    if len({array.shape[:2] for array in arrays.values()}) > 1:
        sizes = (f"{path}, {a.shape[1]} x {a.shape[0]}" for path, a in arrays.items())
        raise InputError(f"expected one size of a pair. Received: {'; '.join(sizes)}")
    eight_bit = (from_float(to_float(view), np.uint8) for view in views)
    return Views(*eight_bit, maps.get(left_disparity), maps.get(right_disparity))


@dataclasses.dataclass(frozen=True)
class Part:
    """What a publisher ships as one piece, and what of it is there.

    Attributes:
        name: such as "Monkaa".
        place: where its pictures belong, below data_dir.
        pairs: the pairs that are there.
        published: how many pairs it has when it is whole; None where nobody says.
        missing: the files without which further pairs are incomplete.
        absent: names of what is published and not there, where names are known.
    """

    name: str
    place: str
    pairs: tuple[Pair, ...] = ()
    published: int | None = None
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Source(Config, abc.ABC):
    """Where the pairs of a dataset come from.

    Attributes:
        data_dir: top folder of the pictures.
        max_disparity: d of Eq. 1 that the records are meant for, in pixels: a note in
            their metadata for whoever uses them.
    """

    name: ClassVar[str]
    # Whether whoever has one part need not have the others.
    parts_come_alone: ClassVar[bool] = False

    data_dir: str | os.PathLike = ""
    max_disparity: int | None = None

    @abc.abstractmethod
    def parts(self) -> list[Part]:
        """All parts of the dataset, there or not; opens no picture if it can.

        Raises:
            InputError: no such folder, or options that do not fit what is there.
        """

    def settings(self) -> dict:
        """What the records depend on, beside the pictures themselves."""
        values = self.to_dict()
        del values["data_dir"]
        return values

    def top(self) -> pathlib.Path:
        """The folder `data_dir`; InputError if it is none."""
        if not self.data_dir:
            raise InputError(
                f"dataset {self.name} expects the data_dir of its pictures. "
                "Received: none"
            )
        top = pathlib.Path(self.data_dir)
        if not top.is_dir():
            raise InputError(
                f"expected a folder with dataset {self.name}. "
                f"Received: {top}, which does not exist"
            )
        return top


def paired_files(
    top: pathlib.Path, left: str, right: str
) -> tuple[dict[tuple[str, ...], tuple[pathlib.Path, pathlib.Path]], list[str]]:
    """Pairs the files of two patterns by what their stars stand for, never by order.

    Args:
        top: where the patterns begin.
        left, right: of the views, with equally many stars, such as
            "leftImg8bit/val/*/*_leftImg8bit.png".

    Returns:
        The files of both views by the text of the stars, sorted, and the missing files
        of those pairs of which one file is there.
    """
    views = []
    for pattern in (left, right):
        stars = re.compile(re.escape(pattern).replace(r"\*", "([^/]*)"))
        paths = {path.relative_to(top).as_posix(): path for path in top.glob(pattern)}
        views.append({stars.fullmatch(p).groups(): path for p, path in paths.items()})
    both = sorted(views[0].keys() & views[1].keys())
    missing = [
        str(top / pattern.replace("*", "{}").format(*key))
        for pattern, view, other in zip((left, right), views, views[::-1], strict=True)
        for key in other.keys() - view.keys()
    ]
    return {key: (views[0][key], views[1][key]) for key in both}, sorted(missing)


def folders_below(top: pathlib.Path, name: str, depth: int = 2) -> list[pathlib.Path]:
    """The folders of that name at most `depth` levels below `top`, and `top` itself."""
    found = [top] if top.resolve().name == name else []
    for level in range(depth):
        found += sorted(p for p in top.glob("*/" * level + name) if p.is_dir())
    return found


def listed(names: Sequence[str], most: int = 50) -> str:
    """One line of names; beyond `most` only how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
