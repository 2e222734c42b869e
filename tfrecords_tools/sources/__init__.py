"""What a source of stereo pairs gives: one light `Pair` a record, loaded when asked.

A `Source` knows the folder tree of a dataset as its publisher ships it and lists the
`Part`s of it that are there.
"""

import abc
import dataclasses
import functools
import os
import pathlib
import warnings
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

import numpy as np

from colornet.config import Config
from colornet.errors import InputError
from colornet.io.limits import Limits
from colornet.io.pairs import read_pair
from colornet.io.pictures import from_float, to_float
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

    def within(self, limits: Limits) -> Self:
        """The pair, whose files are read within other limits than the defaults."""
        if not self.files:
            return self
        load = functools.partial(self.load, limits=limits)
        return dataclasses.replace(self, load=load)


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
        disparity and disparity.where_it_is()
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
    limits: Limits | None = None,
) -> Views:
    """Reads the pictures of a pair as they are stored; 16 bit become 8.

    What `read_pair` notes becomes warnings. The limits are those of `read_photograph`.

    Raises:
        InputError: a file that cannot be read, a grey picture, or orientations or sizes
            that differ. It names the files.
    """
    try:
        photographs = read_pair(right, left, limits=limits)[::-1]
    except InputError as error:
        raise InputError(f"{error} (of the pair {left} and {right})") from error
    for note in (note for photograph in photographs for note in photograph.notes):
        warnings.warn(note, stacklevel=2)
    views = [photograph.pixels for photograph in photographs]
    for view in views:
        if view.ndim == 2:
            raise InputError(
                f"expected RGB views. Received: a grey picture in {left} and {right}"
            )
    files = [file for file in (left_disparity, right_disparity) if file]
    maps = {file: read_disparity(file, limits) for file in files}
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
    # What their publishers ask to be cited, and where they say so.
    citation: ClassVar[str] = ""
    homepage: ClassVar[str] = ""
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


def listed(names: Sequence[str], most: int = 50) -> str:
    """One line of names; beyond `most` only how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
