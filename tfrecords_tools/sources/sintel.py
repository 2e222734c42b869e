"""MPI Sintel stereo (Butler et al., ECCV 2012): 1,064 pairs of 23 sequences.

    <data_dir>/training/{clean,final}_{left,right}/<sequence>/frame_<NNNN>.png
    <data_dir>/training/disparities/<sequence>/frame_<NNNN>.png        where there

The stereo archive has training sequences only; the paper tests on it: split `test`.
"""

import dataclasses
from typing import ClassVar

from tfrecords_tools.sources import (
    DisparityFile,
    Part,
    Source,
    files_pair,
)
from tfrecords_tools.sources.folders import folders_below, paired_files
from tfrecords_tools.sources.sceneflow import check_render_pass

_PUBLISHED = 1_064


@dataclasses.dataclass(frozen=True)
class Sintel(Source):
    """MPI Sintel stereo.

    Attributes:
        render_pass: "clean", or "final" with blur, fog and colour grading (D-25).
    """

    name: ClassVar[str] = "sintel"
    citation: ClassVar[str] = (
        "Butler et al., A Naturalistic Open Source Movie for Optical Flow Evaluation, "
        "ECCV 2012"
    )
    homepage: ClassVar[str] = "http://sintel.is.tue.mpg.de"

    render_pass: str = "clean"

    def __post_init__(self):
        check_render_pass(self.render_pass)

    def parts(self) -> list[Part]:
        pairs, missing = [], []
        views = [f"{self.render_pass}_{view}/*/*.png" for view in ("left", "right")]
        for training in folders_below(self.top(), "training", depth=3):
            found, incomplete = paired_files(training, *views)
            missing += incomplete
            pairs += [
                files_pair(
                    f"sintel_{self.render_pass}",
                    sequence,
                    "test",
                    *files,
                    frame=name,
                    left_disparity=DisparityFile(
                        training / "disparities" / sequence / f"{name}.png",
                        "sintel",
                    ),
                )
                for (sequence, name), files in found.items()
            ]
        place = (
            f"training/{self.render_pass}_{{left,right}}/<sequence>/frame_<NNNN>.png"
        )
        name = f"Sintel stereo, {self.render_pass} pass"
        return [Part(name, place, tuple(pairs), _PUBLISHED, tuple(missing))]
