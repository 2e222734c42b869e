"""ETH3D low-resolution two-view (Schöps et al., CVPR 2017): 27 and 20 pairs.

    <data_dir>/two_view_{training,test}/<scene>/im{0,1}.png
    <data_dir>/two_view_training/<scene>/disp0GT.pfm                   where there

The splits are `train` and `test`. Some of its cameras are monochrome: a pair without
colour has nothing to reference and is refused; `--on_error=skip` leaves it out.
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

_SPLITS = (("two_view_training", "train", 27), ("two_view_test", "test", 20))


@dataclasses.dataclass(frozen=True)
class Eth3d(Source):
    """ETH3D's two-view benchmark."""

    name: ClassVar[str] = "eth3d"
    citation: ClassVar[str] = (
        "Schöps et al., A Multi-View Stereo Benchmark with High-Resolution Images and "
        "Multi-Camera Videos, CVPR 2017"
    )
    homepage: ClassVar[str] = "https://www.eth3d.net"

    def parts(self) -> list[Part]:
        return [self._part(*split) for split in _SPLITS]

    def _part(self, folder: str, split: str, published: int) -> Part:
        pairs, missing = [], []
        for top in folders_below(self.top(), folder):
            found, incomplete = paired_files(top, "*/im0.png", "*/im1.png")
            missing += incomplete
            for (scene,), files in found.items():
                truth = DisparityFile(top / scene / "disp0GT.pfm", "pfm")
                pairs.append(
                    files_pair("eth3d", scene, split, *files, left_disparity=truth)
                )
        place = f"{folder}/<scene>/im{{0,1}}.png"
        return Part(f"ETH3D {folder}", place, tuple(pairs), published, tuple(missing))
