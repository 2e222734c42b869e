"""Scene Flow (Mayer et al., CVPR 2016): FlyingThings3D, Monkaa and Driving.

The three archives of one render pass, unpacked side by side or into one folder. Each
archive has its own `frames_<pass>` folder, or `frames_<pass>_webp` with .webp pictures:

    <data_dir>/[flyingthings3d/]frames_cleanpass/{TRAIN,TEST}/{A,B,C}/<NNNN>/
                                                          {left,right}/<NNNN>.png
    <data_dir>/[monkaa/]frames_cleanpass/<scene>/{left,right}/<NNNN>.png
    <data_dir>/[driving/]frames_cleanpass/{15mm,35mm}_focallength/
                  scene_{forwards,backwards}/{fast,slow}/{left,right}/<NNNN>.png

and, where there is one, `disparity` beside `frames_<pass>`, with the same folders and
.pfm files. The paper trains on FlyingThings3D TRAIN, Monkaa and Driving (35,454 pairs)
and tests on FlyingThings3D TEST (4,370).
"""

import collections
import dataclasses
import os
import pathlib
from typing import ClassVar

from colornet.errors import InputError
from tfrecords_tools.sources import (
    DisparityFile,
    Pair,
    Part,
    Source,
    files_pair,
    folders_below,
    match_views,
    pictures,
)

RENDER_PASSES = ("clean", "final")
_SUFFIXES = (".png", ".webp")
_THINGS = "{A,B,C}/<NNNN>/{left,right}/<NNNN>.png"
# Name, folders below frames_<pass>, pairs as the paper counts them.
_PARTS = {
    "FlyingThings3D TRAIN": (f"TRAIN/{_THINGS}", 22_390),
    "Monkaa": ("<scene>/{left,right}/<NNNN>.png", 8_664),
    "Driving": (
        "{15mm,35mm}_focallength/scene_{forwards,backwards}/{fast,slow}/{left,right}/"
        "<NNNN>.png",
        4_400,
    ),
    "FlyingThings3D TEST": (f"TEST/{_THINGS}", 4_370),
}


@dataclasses.dataclass(frozen=True)
class SceneFlow(Source):
    """Scene Flow.

    Attributes:
        render_pass: "clean", or "final" with motion blur and defocus (D-25).
    """

    name: ClassVar[str] = "sceneflow"

    render_pass: str = "clean"

    def __post_init__(self):
        check_render_pass(self.render_pass)

    def parts(self) -> list[Part]:
        frames_name = f"frames_{self.render_pass}pass"
        found, missing = collections.defaultdict(list), collections.defaultdict(list)
        names = frames_name, f"{frames_name}_webp"
        tops = [frames for name in names for frames in folders_below(self.top(), name)]
        for frames in tops:
            for folder, children, _ in os.walk(frames):
                children.sort()
                if {"left", "right"} & set(children):
                    children[:] = []
                    scene = pathlib.Path(folder).relative_to(frames)
                    part = _part_of(scene.parts)
                    pairs, incomplete = self._sequence(frames, scene, part)
                    found[part] += pairs
                    missing[part] += incomplete
        return [
            Part(
                name,
                f"{frames_name}/{place}",
                tuple(found[name]),
                published,
                tuple(missing[name]),
            )
            for name, (place, published) in _PARTS.items()
        ]

    def _sequence(
        self, frames: pathlib.Path, scene: pathlib.Path, part: str
    ) -> tuple[list[Pair], list[str]]:
        views = {view: frames / scene / view for view in ("left", "right")}
        left, right = (pictures(folder, _SUFFIXES) for folder in views.values())
        names, missing = match_views(left, right, views["left"], views["right"])
        dataset = part.split()[0].lower()

        def disparity(view: str, name: str) -> DisparityFile:
            folder = frames.parent / "disparity" / scene / view
            return DisparityFile(str(folder / f"{name}.pfm"), "pfm")

        pairs = [
            files_pair(
                f"{dataset}_{self.render_pass}",
                scene.as_posix(),
                "test" if part.endswith("TEST") else "train",
                left[name],
                right[name],
                frame=name,
                left_disparity=disparity("left", name),
                right_disparity=disparity("right", name),
            )
            for name in names
        ]
        return pairs, missing


def _part_of(folders: tuple[str, ...]) -> str:
    if folders and folders[0] in ("TRAIN", "TEST"):
        return f"FlyingThings3D {folders[0]}"
    if folders and folders[0].endswith("_focallength"):
        return "Driving"
    return "Monkaa"


def check_render_pass(render_pass: str) -> None:
    """Raises InputError unless it is one of `RENDER_PASSES`."""
    if render_pass not in RENDER_PASSES:
        raise InputError(
            f"render_pass must be one of {RENDER_PASSES}. Received: {render_pass!r}"
        )
