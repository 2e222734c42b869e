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

import dataclasses
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
    paired_files,
)

RENDER_PASSES = ("clean", "final")
# Name, pictures below frames_<pass>, pairs as the paper counts them.
_PARTS = (
    ("FlyingThings3D TRAIN", "TRAIN/*/*/{view}/*", 22_390),
    ("Monkaa", "*/{view}/*", 8_664),
    ("Driving", "*_focallength/*/*/{view}/*", 4_400),
    ("FlyingThings3D TEST", "TEST/*/*/{view}/*", 4_370),
)


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
        return [self._part(*part) for part in _PARTS]

    def _part(self, part: str, pattern: str, published: int) -> Part:
        frames_name = f"frames_{self.render_pass}pass"
        pairs, missing = [], []
        for folder, suffix in ((frames_name, ".png"), (f"{frames_name}_webp", ".webp")):
            views = [pattern.format(view=v) + suffix for v in ("left", "right")]
            for frames in folders_below(self.top(), folder):
                found, incomplete = paired_files(frames, *views)
                missing += incomplete
                pairs += [self._pair(part, frames, *f) for f in found.values()]
        place = f"{frames_name}/{pattern.format(view='{left,right}')}.png"
        return Part(part, place, tuple(pairs), published, tuple(missing))

    def _pair(
        self, part: str, frames: pathlib.Path, left: pathlib.Path, right: pathlib.Path
    ) -> Pair:
        scene = left.parents[1].relative_to(frames)
        left_disparity, right_disparity = (
            DisparityFile(
                frames.parent / "disparity" / scene / view / f"{left.stem}.pfm",
                "pfm",
            )
            for view in ("left", "right")
        )
        return files_pair(
            f"{part.split()[0].lower()}_{self.render_pass}",
            scene.as_posix(),
            "test" if part.endswith("TEST") else "train",
            left,
            right,
            frame=left.stem,
            left_disparity=left_disparity,
            right_disparity=right_disparity,
        )


def check_render_pass(render_pass: str) -> None:
    """Raises InputError unless it is one of `RENDER_PASSES`."""
    if render_pass not in RENDER_PASSES:
        raise InputError(
            f"render_pass must be one of {RENDER_PASSES}. Received: {render_pass!r}"
        )
