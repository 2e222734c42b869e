"""Scene Flow (Mayer et al., CVPR 2016): FlyingThings3D, Monkaa and Driving.

The three archives of one render pass, unpacked side by side or into one folder. Each
archive has its own `frames_<pass>` folder, or `frames_<pass>_webp` with .webp pictures:

    <data_dir>/[flyingthings3d/]frames_cleanpass/{TRAIN,TEST}/{A,B,C}/<NNNN>/
                                                          {left,right}/<NNNN>.png
    <data_dir>/[monkaa/]frames_cleanpass/<scene>/{left,right}/<NNNN>.png
    <data_dir>/[driving/]frames_cleanpass/{15mm,35mm}_focallength/
                  scene_{forwards,backwards}/{fast,slow}/{left,right}/<NNNN>.png

and, where there is one, `disparity` beside `frames_<pass>`, with the same folders and
.pfm files. Names that other programs expect are known, too: `monkaa_frames_<pass>`
beside `monkaa_disparity`, likewise for driving and flyingthings3d, and
`frames_disparity`. So is the subset of FlyingThings3D, whose numbers are its own:

    <data_dir>/[FlyingThings3D_subset/]{train,val}/image_clean/{left,right}/<NNNNNNN>.png
    <data_dir>/[FlyingThings3D_subset/]{train,val}/disparity/{left,right}/<NNNNNNN>.pfm

The paper trains on FlyingThings3D TRAIN, Monkaa and Driving (35,454 pairs)
and tests on FlyingThings3D TEST (4,370).
"""

import dataclasses
import itertools
import pathlib
from typing import ClassVar

from colornet.errors import InputError
from tfrecords_tools.sources import (
    DisparityFile,
    Pair,
    Part,
    Source,
    files_pair,
)
from tfrecords_tools.sources.folders import folders_below, paired_files

RENDER_PASSES = ("clean", "final")
_VIEWS = ("left", "right")
_SUFFIXES = (".png", ".webp")
# Name, name as part of folders, pictures below frames_<pass>, pairs as the paper counts
# them.
_PARTS = (
    ("FlyingThings3D TRAIN", "flyingthings3d", "TRAIN/*/*/{view}/*", 22_390),
    ("Monkaa", "monkaa", "*/{view}/*", 8_664),
    ("Driving", "driving", "*_focallength/*/*/{view}/*", 4_400),
    ("FlyingThings3D TEST", "flyingthings3d", "TEST/*/*/{view}/*", 4_370),
)
# The same of the subset, as its readme counts them.
_SUBSET = "flyingthings3d_subset"
_SUBSET_PARTS = (
    ("FlyingThings3D subset train", "train", "train", 21_818),
    ("FlyingThings3D subset val", "val", "test", 4_248),
)


@dataclasses.dataclass(frozen=True)
class SceneFlow(Source):
    """Scene Flow.

    Attributes:
        render_pass: "clean", or "final" with motion blur and defocus (D-25).
    """

    name: ClassVar[str] = "sceneflow"
    citation: ClassVar[str] = (
        "Mayer et al., A Large Dataset to Train Convolutional Networks for Disparity, "
        "Optical Flow, and Scene Flow Estimation, CVPR 2016"
    )
    homepage: ClassVar[str] = (
        "https://lmb.informatik.uni-freiburg.de/resources/datasets/"
        "SceneFlowDatasets.en.html"
    )

    render_pass: str = "clean"

    def __post_init__(self):
        check_render_pass(self.render_pass)

    def parts(self) -> list[Part]:
        subset = [self._subset_part(*part) for part in _SUBSET_PARTS]
        parts = [self._part(*part) for part in _PARTS]
        return parts + [part for part in subset if part.pairs or part.missing]

    def _part(self, part: str, name: str, pattern: str, published: int) -> Part:
        frames_name = f"frames_{self.render_pass}pass"
        split = "test" if part.endswith("TEST") else "train"
        pairs, missing = [], []
        for folder, suffix in itertools.product(
            (frames_name, f"{frames_name}_webp", f"{name}_{frames_name}"), _SUFFIXES
        ):
            views = [pattern.format(view=view) + suffix for view in _VIEWS]
            for frames in folders_below(self.top(), folder):
                truths = [
                    frames.parent / truth
                    for truth in ("disparity", f"{name}_disparity", "frames_disparity")
                ]
                found, incomplete = paired_files(frames, *views)
                missing += incomplete
                for left, right in found.values():
                    scene = left.parents[1].relative_to(frames)
                    pairs.append(
                        self._pair(
                            name,
                            scene.as_posix(),
                            split,
                            (left, right),
                            [truth / scene for truth in truths],
                        )
                    )
        place = f"{frames_name}/{pattern.format(view='{left,right}')}.png"
        return Part(part, place, tuple(pairs), published, tuple(missing))

    def _subset_part(self, part: str, folder: str, split: str, published: int) -> Part:
        pairs, missing = [], []
        for top, suffix in itertools.product(
            folders_below(self.top(), folder), _SUFFIXES
        ):
            pictures = f"image_{self.render_pass}/{{}}/*{suffix}"
            found, incomplete = paired_files(top, *map(pictures.format, _VIEWS))
            missing += incomplete
            pairs += [
                self._pair(_SUBSET, folder, split, files, [top / "disparity"])
                for files in found.values()
            ]
        place = f"{folder}/image_{self.render_pass}/{{left,right}}/<NNNNNNN>.png"
        return Part(part, place, tuple(pairs), published, tuple(missing))

    def _pair(
        self,
        name: str,
        scene: str,
        split: str,
        files: tuple[pathlib.Path, pathlib.Path],
        truths: list[pathlib.Path],
    ) -> Pair:
        """A pair with the disparity that is in the first of the folders that exist."""
        truth = next((folder for folder in truths if folder.is_dir()), truths[0])
        disparities = {
            f"{view}_disparity": DisparityFile(truth / view / f"{file.stem}.pfm", "pfm")
            for view, file in zip(_VIEWS, files, strict=True)
        }
        return files_pair(
            f"{name}_{self.render_pass}",
            scene,
            split,
            *files,
            frame=files[0].stem,
            **disparities,
        )


def check_render_pass(render_pass: str) -> None:
    """Raises InputError unless it is one of `RENDER_PASSES`."""
    if render_pass not in RENDER_PASSES:
        raise InputError(
            f"render_pass must be one of {RENDER_PASSES}. Received: {render_pass!r}"
        )
