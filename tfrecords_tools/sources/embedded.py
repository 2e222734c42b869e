"""Pairs that need no download: rendered scenes, and one photograph pair.

Splits `train` and `validation` are scenes that `tfrecords_tools.synthetic` renders,
each from a seed of its own; `test` is the Motorcycle pair of Middlebury 2014, which
comes with scikit-image, with the disparity of its left view.
"""

import dataclasses
import functools
import hashlib
import pathlib
from typing import ClassVar

from skimage import data

from colornet.errors import InputError
from tfrecords_tools import synthetic
from tfrecords_tools.sources import Pair, Part, Source, Views

# Validation scenes start here: no number of training scenes that fits a disk meets it.
_VALIDATION_SEED = 1_000_000_000
_textures = functools.lru_cache(maxsize=1)(synthetic.open_textures)


@dataclasses.dataclass(frozen=True)
class Embedded(Source):
    """Rendered scenes and the Motorcycle pair; there is no `data_dir`.

    Attributes:
        train_scenes, validation_scenes: how many.
        height, width: size of every rendered scene.
        max_disparity: largest disparity in pixels.
        textures: "skimage" for the pictures that come with scikit-image, or a folder.
    """

    name: ClassVar[str] = "embedded"
    citation: ClassVar[str] = (
        "Motorcycle: Scharstein et al., High-Resolution Stereo Datasets with "
        "Subpixel-Accurate Ground Truth, GCPR 2014"
    )
    homepage: ClassVar[str] = "https://vision.middlebury.edu/stereo/data/scenes2014"

    max_disparity: int = 32
    train_scenes: int = 24
    validation_scenes: int = 4
    height: int = 160
    width: int = 320
    textures: str = "skimage"

    def __post_init__(self):
        if min(self.train_scenes, self.validation_scenes) < 0:
            raise InputError(
                "expected numbers of scenes that are not negative. Received: "
                f"{self.train_scenes} and {self.validation_scenes}"
            )
        if self.data_dir:
            raise InputError(
                "dataset embedded needs no data_dir. "
                f"Received: data_dir={self.data_dir}"
            )

    def settings(self) -> dict:
        values = super().settings()
        if self.textures != "skimage":
            values["textures_digest"] = _digest(self.textures)
        return values

    def parts(self) -> list[Part]:
        """The rendered scenes and the Motorcycle pair; renders nothing yet.

        Raises:
            InputError: sizes that cannot be rendered, or no textures.
        """
        config = synthetic.SceneConfig(
            height=self.height, width=self.width, max_disparity=self.max_disparity
        )
        # Unusable textures shall fail here, not in the middle of the writing.
        if self.train_scenes + self.validation_scenes:
            _textures(self.textures)

        def scenes(split: str, first_seed: int, count: int) -> Part:
            pairs = tuple(
                Pair(
                    dataset="synthetic",
                    scene=f"{split}_{number:05d}",
                    split=split,
                    load=functools.partial(
                        load_scene, first_seed + number, config, self.textures
                    ),
                )
                for number in range(count)
            )
            return Part(f"rendered scenes, {split}", "nowhere: rendered", pairs, count)

        motorcycle = Pair("middlebury2014", "Motorcycle", "test", load_motorcycle)
        return [
            scenes("train", 0, self.train_scenes),
            scenes("validation", _VALIDATION_SEED, self.validation_scenes),
            Part("Motorcycle", "in scikit-image", (motorcycle,), 1),
        ]


def _digest(textures: str) -> str:
    """Says which pictures a folder has, by their names and sizes."""
    lines = [
        f"{path.relative_to(pathlib.Path(textures))}\t{path.stat().st_size}"
        for path in synthetic.folder_textures(textures).paths
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def load_scene(seed: int, config: synthetic.SceneConfig, textures: str) -> Views:
    """Renders one scene: the same seed, config and textures give the same pixels."""
    scene = synthetic.render_scene(seed, config, _textures(textures))
    return Views(
        left=scene.reference, right=scene.mono, right_disparity=scene.disparity
    )


def load_motorcycle() -> Views:
    """The Middlebury 2014 Motorcycle pair at quarter size, 741x500."""
    left, right, disparity = data.stereo_motorcycle()
    return Views(left=left, right=right, left_disparity=disparity)
