"""KITTI 2012 and 2015 (Geiger et al., CVPR 2012; Menze and Geiger, CVPR 2015).

    <data_dir>/[data_stereo_flow/]{training,testing}/colored_{0,1}/<NNNNNN>_10.png
    <data_dir>/[data_scene_flow/]{training,testing}/image_{2,3}/<NNNNNN>_10.png

and, where they are, disp_occ (2012) and disp_occ_0 (2015) beside them. Of every scene
the frame `_10` is taken, the one with ground truth. The splits are `train` and `test`.
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

# Year, folders of the views and of the disparity, pairs of training and testing.
_YEARS = (
    (2012, ("colored_0", "colored_1"), "disp_occ", {"training": 194, "testing": 195}),
    (2015, ("image_2", "image_3"), "disp_occ_0", {"training": 200, "testing": 200}),
)
_SPLITS = {"training": "train", "testing": "test"}
_FRAME = "_10.png"


@dataclasses.dataclass(frozen=True)
class Kitti(Source):
    """The two-view sets of KITTI 2012 and 2015."""

    name: ClassVar[str] = "kitti"
    citation: ClassVar[str] = (
        "2012: Geiger et al., Are we ready for Autonomous Driving?, CVPR 2012; 2015: "
        "Menze and Geiger, Object Scene Flow for Autonomous Vehicles, CVPR 2015"
    )
    homepage: ClassVar[str] = "https://www.cvlibs.net/datasets/kitti"

    def parts(self) -> list[Part]:
        return [
            self._part(year, views, disparities, folder, published)
            for year, views, disparities, counts in _YEARS
            for folder, published in counts.items()
        ]

    def _part(
        self,
        year: int,
        views: tuple[str, str],
        disparities: str,
        folder: str,
        published: int,
    ) -> Part:
        pairs, missing = [], []
        for top in folders_below(self.top(), folder):
            found, incomplete = paired_files(top, *(f"{v}/*{_FRAME}" for v in views))
            missing += incomplete
            pairs += [
                files_pair(
                    f"kitti{year}",
                    f"{folder}/{name}",
                    _SPLITS[folder],
                    *files,
                    left_disparity=DisparityFile(
                        top / disparities / f"{name}{_FRAME}", "codes", 256
                    ),
                )
                for (name,), files in found.items()
            ]
        place = f"{folder}/{{{','.join(views)}}}/<NNNNNN>{_FRAME}"
        return Part(
            f"KITTI {year} {folder}", place, tuple(pairs), published, tuple(missing)
        )
