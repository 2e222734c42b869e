"""Cityscapes (Cordts et al., CVPR 2016): 2,975 / 500 / 1,525 pairs of 2048 x 1024.

    <data_dir>/leftImg8bit/{train,val,test}/<city>/<city>_<NNNNNN>_<NNNNNN>_leftImg8bit.png
    <data_dir>/rightImg8bit/{train,val,test}/<city>/…_rightImg8bit.png
    <data_dir>/disparity/{train,val,test}/<city>/…_disparity.png       where there

(packages leftImg8bit_trainvaltest, rightImg8bit_trainvaltest, disparity_trainvaltest).
The splits are `train`, `validation` and `test`.
"""

import dataclasses
from typing import ClassVar

from tfrecords_tools.sources import (
    DisparityFile,
    Part,
    Source,
    files_pair,
    match_views,
    pictures,
)

# The publisher's name, ours, and the number of pairs.
_SPLITS = (
    ("train", "train", 2_975),
    ("val", "validation", 500),
    ("test", "test", 1_525),
)


@dataclasses.dataclass(frozen=True)
class Cityscapes(Source):
    """Cityscapes: the fine-annotation pictures, with their right views."""

    name: ClassVar[str] = "cityscapes"

    def parts(self) -> list[Part]:
        return [self._part(*split) for split in _SPLITS]

    def _part(self, published_name: str, split: str, published: int) -> Part:
        top = self.top()
        views = [top / f"{view}Img8bit" / published_name for view in ("left", "right")]
        cities = sorted({city.name for view in views for city in view.glob("*/")})
        pairs, missing = [], []
        for city in cities:
            folders = [view / city for view in views]
            left = pictures(folders[0], end="_leftImg8bit")
            right = pictures(folders[1], end="_rightImg8bit")
            names, incomplete = match_views(left, right, *folders)
            missing += incomplete
            disparities = top / "disparity" / published_name / city
            pairs += [
                files_pair(
                    "cityscapes",
                    city,
                    split,
                    left[name],
                    right[name],
                    frame=name,
                    left_disparity=DisparityFile(
                        str(disparities / f"{name}_disparity.png"), "codes_from_1", 256
                    ),
                )
                for name in names
            ]
        place = f"{{left,right}}Img8bit/{published_name}/<city>/*Img8bit.png"
        return Part(
            f"Cityscapes {published_name}",
            place,
            tuple(pairs),
            published,
            tuple(missing),
        )
