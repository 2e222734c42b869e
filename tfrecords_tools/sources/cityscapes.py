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
)
from tfrecords_tools.sources.folders import paired_files

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
    citation: ClassVar[str] = (
        "Cordts et al., The Cityscapes Dataset for Semantic Urban Scene "
        "Understanding, CVPR 2016"
    )
    homepage: ClassVar[str] = "https://www.cityscapes-dataset.com"

    def parts(self) -> list[Part]:
        return [self._part(*split) for split in _SPLITS]

    def _part(self, published_name: str, split: str, published: int) -> Part:
        pattern = f"{{0}}Img8bit/{published_name}/*/*_{{0}}Img8bit.png"
        views = (pattern.format(view) for view in ("left", "right"))
        found, missing = paired_files(self.top(), *views)
        disparities = self.top() / "disparity" / published_name
        pairs = tuple(
            files_pair(
                "cityscapes",
                city,
                split,
                *files,
                frame=name,
                left_disparity=DisparityFile(
                    disparities / city / f"{name}_disparity.png",
                    "codes_from_1",
                    256,
                ),
            )
            for (city, name), files in found.items()
        )
        name = f"Cityscapes {published_name}"
        place = f"{{left,right}}Img8bit/{published_name}/<city>/*Img8bit.png"
        return Part(name, place, pairs, published, tuple(missing))
