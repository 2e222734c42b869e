"""What a source of stereo pairs gives: one light `Pair` a record, loaded when asked."""

import dataclasses
import functools
import os
import re
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np

from colornet import color, images, noise
from colornet.errors import InputError


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
    """One pair of a source. It pickles, so that Beam workers can share a source.

    Attributes:
        dataset: name of the data set, such as "middlebury2006".
        scene: name within the data set.
        split: split of the records it belongs to.
        load: reads or renders the pictures: a module's function, or a `partial` of one.
        files: what `load` reads.
    """

    dataset: str
    scene: str
    split: str
    load: Callable[[], Views]
    files: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Names the record and seeds its noise."""
        return f"{self.dataset}/{self.scene}"


def files_pair(
    dataset: str,
    scene: str,
    split: str,
    left: str | os.PathLike,
    right: str | os.PathLike,
) -> Pair:
    """A pair whose views are two picture files."""
    load = functools.partial(load_files, os.fspath(left), os.fspath(right))
    return Pair(dataset, scene, split, load, (os.fspath(left), os.fspath(right)))


def load_files(left: str, right: str) -> Views:
    """Reads the two pictures of a pair; 16 bit become 8.

    Raises:
        InputError: a picture that cannot be read, is grey, or the sizes differ. It
            names both files.
    """
    both = f"{left} and {right}"
    try:
        views = [images.read_picture(left), images.read_picture(right)]
    except InputError as error:
        raise InputError(f"{error} (of the pair {both})") from error
    if views[0].shape[:2] != views[1].shape[:2]:
        sizes = " and ".join(f"{v.shape[1]} x {v.shape[0]}" for v in views)
        raise InputError(f"expected two views of one size. Received: {both}: {sizes}")
    grey = [p for p, v in zip((left, right), views, strict=True) if v.ndim == 2]
    if grey:
        raise InputError(
            f"expected RGB views in {both}. Received: a grey picture: "
            f"{' and '.join(grey)}"
        )
    return Views(*(to_uint8(view) for view in views))


def to_uint8(picture: np.ndarray) -> np.ndarray:
    """Returns a uint8 or uint16 picture as uint8."""
    if picture.dtype == np.uint8:
        return picture
    return noise.to_uint8(images.to_float(picture))


def check_pairs(pairs: Sequence[Pair], where: str) -> None:
    """Raises InputError unless there are pairs, each key is there once, splits have
    names that a TFDS split can have.

    Args:
        pairs: what a source found.
        where: the folder or file they come from, for the message.
    """
    if not pairs:
        raise InputError(f"expected at least one pair. Received: none in {where}")
    seen, twice = set(), []
    for pair in pairs:
        (twice.append if pair.key in seen else seen.add)(pair.key)
    if twice:
        raise InputError(
            f"expected every pair once in {where}. Received twice: {listed(twice)}"
        )
    odd = sorted(
        {p.split for p in pairs if not re.fullmatch("[a-z][a-z0-9_]*", p.split)}
    )
    odd += ["all"] * any(p.split == "all" for p in pairs)
    if odd:
        raise InputError(
            "expected splits such as train, validation, test in "
            f"{where}. Received: {listed(odd)}"
        )


def listed(names: Sequence[str], most: int = 50) -> str:
    """One line of names; beyond `most` only how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def transfer_disparity(disparity: np.ndarray) -> np.ndarray:
    """The right view's disparity, from that of the left view.

    Every left pixel x moves to x - disparity, rounded; where several land on one
    pixel the nearest surface, that is the largest disparity, hides the others.

    Args:
        disparity: (H, W) float, in pixels of the left view; not positive or not finite
            where unknown.

    Returns:
        (H, W) float32, in pixels of the right view; 0 where nothing lands.
    """
    height, width = disparity.shape
    rows, columns = np.nonzero(np.isfinite(disparity) & (disparity > 0))
    values = disparity[rows, columns].astype(np.float32)
    targets = np.rint(columns - values).astype(np.int64)
    inside = targets >= 0
    moved = np.zeros((height, width), np.float32)
    np.maximum.at(moved, (rows[inside], targets[inside]), values[inside])
    return moved


def luma(picture: np.ndarray) -> np.ndarray:
    """(H, W, 1) float64 luma in [0, 1] of an (H, W, 3) uint8 picture."""
    return color.rgb_to_luma(picture / 255.0)
