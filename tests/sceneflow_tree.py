"""A small tree of Scene Flow's own layout, for the proof of the paper's run.

    python -m tests.sceneflow_tree FOLDER [LIMIT]

The frames are those of FlyingThings3D in $COLORNET_REAL_DATA or ../shared/stereo, where
some have the true disparity. Where there are none, they are parts of the Motorcycle
pair of scikit-image. Every third one is in TEST, the others are in TRAIN.
"""

import itertools
import os
import pathlib
import sys
from collections.abc import Iterator

import numpy as np
import skimage.data
from PIL import Image

from colornet.io.pictures import read_picture, write_picture
from tfrecords_tools.sources import DisparityFile
from tfrecords_tools.sources.disparity import read_disparity

_PART = (128, 192)  # Height and width of a part of the Motorcycle pair, px.


def make_tree(top: pathlib.Path, limit: int | None = None) -> int:
    """Writes the tree; returns how many pairs it has.

    Args:
        top: the `--data_dir` of tfrecords_tools.
        limit: how many pairs at most.
    """
    frames = _real_frames() if real_data() else _motorcycle()
    count = 0
    for left, right, disparity in itertools.islice(frames, limit):
        split = "TEST" if count % 3 == 2 else "TRAIN"
        scene = f"{split}/A/{count:04}"
        for view, picture in (("left", left), ("right", right)):
            path = top / "frames_cleanpass" / scene / view / "0006.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, picture)
        if disparity is not None:
            path = top / "disparity" / scene / "left" / "0006.pfm"
            path.parent.mkdir(parents=True)
            Image.fromarray(disparity.astype(np.float32)).save(path)
        count += 1
    return count


def real_data() -> list[pathlib.Path]:
    """Folders of the real frames, with `left.png` and `right.png`; [] if none."""
    top = os.environ.get("COLORNET_REAL_DATA") or (
        pathlib.Path(__file__).parents[1] / "../shared/stereo"
    )
    # The frames with disparity first.
    found = pathlib.Path(top).glob("sceneflow_flyingthings3d/*/")
    return sorted(found, key=lambda path: (not list(path.glob("disp_left.*")), path))


def _real_frames() -> Iterator[tuple]:
    for frame in real_data():
        truth = None
        for path in frame.glob("disp_left.*"):
            kind = ("pfm",) if path.suffix == ".pfm" else ("codes", 256)
            truth = read_disparity(DisparityFile(path, *kind))
        yield *(read_picture(frame / f"{v}.png") for v in ("left", "right")), truth


def _motorcycle() -> Iterator[tuple]:
    maps = skimage.data.stereo_motorcycle()  # Left, right, disparity of the left.
    height, width = _PART
    for top, left in itertools.product(
        range(0, maps[0].shape[0] - height, height),
        range(0, maps[0].shape[1] - width, width),
    ):
        yield tuple(m[top : top + height, left : left + width] for m in maps)


if __name__ == "__main__":
    limits = map(int, sys.argv[2:])
    print(f"{make_tree(pathlib.Path(sys.argv[1]), *limits)} pairs")
