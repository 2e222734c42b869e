"""Example number `index` of the pretraining: a crop of a rendered scene, with noise.

NumPy only: the processes that render must not load TensorFlow or JAX.
"""

import dataclasses

import numpy as np

from colornet import noise
from colornet.config import Config
from colornet.errors import InputError
from tfrecords_tools import synthetic
from tfrecords_tools.sources import luma

NOISE = ("mixed", "wide", "reduced", "1", "2")
SCENES = (
    "varied",
    "detailed",
    "crowded",
    "resized",
    "sharpened",
    "distant",
    "planes",
)
DISPARITY_STEPS = 64  # of the examples' disparity, a pixel
_MOST_DISPARITY = 2**16 // DISPARITY_STEPS
# A scene's crops are this many scenes apart; more of them have to be kept in memory.
_SPREAD = 7
_MARGIN = 1.25  # size of a scene in sizes of its crops
_ENLARGED = 2.0  # times, at most
_DETAIL = 4.0  # times, at most
_REDUCED = 4.0  # times, at most
_LARGEST_MARGIN = 2.2
# First numbers of the seeds, so that no two kinds of draws share a random stream.
_SURFACES, _SETTINGS, _CROP = 1, 2, 3


@dataclasses.dataclass(frozen=True)
class StreamConfig(Config):
    """All that decides the bytes of the training batches.

    Attributes:
        textures: "skimage" for the pictures that come with scikit-image, or a folder.
        height, width: size of a crop in px, multiples of 32.
        max_disparity: of the network, px; each scene draws its own largest disparity
            up to it.
        batch_size: examples a batch.
        crops_per_scene: crops, each with a noise of its own, of every rendered scene.
            They lie far apart in the stream.
        noise: "1" or "2": that row of Table 2. "mixed": either of them in half of the
            examples, and in the other half levels that are uniform from none to a
            little more than Setup 2's (mono: up to twice Setup 1's). "wide": the other
            half is uniform in the logarithm, so that clean cameras are frequent.
            "reduced": as "wide", but half of the levels of Table 2 are divided by 1 to
            4, as the noise of a picture is that was reduced by so much.
        camera_differences: in [0, 1], the largest strength of an exposure, white
            balance, gamma and sharpness difference of the reference view. A third of
            the examples have none.
        exposure_differences: in [0, 4], the largest of the reference's exposure
            beside, in powers of two of its grey levels. Half of the examples have none.
        scenes: "varied": many surfaces are curved or of one colour, some scenes have
            little colour, most have shadows and highlights, and some mono views are a
            little out of focus. "detailed": the same with more photographs, smaller and
            more colourful. "crowded": those with more objects and larger disparities,
            so that the reference lacks more of what the mono camera sees. "resized":
            those, as sharp as reduced photographs are, and a third of them drawn
            smaller and enlarged up to twice, as soft as photographs at their full size.
            "sharpened": those, but another third of them has up to four times the
            detail on its surfaces, as much as photographs have that were reduced.
            "distant": those, cut from scenes that are between a quarter larger than
            the crops, as all others are, and more than twice as large: objects that
            fill a crop, and such as are seen from afar.
            "planes": textured planes alone.
        supersample: samples along each axis of a pixel; what rendering costs.
        seed: at least 0.
    """

    textures: str = "skimage"
    height: int = 256
    width: int = 512
    max_disparity: int = 192
    batch_size: int = 1
    crops_per_scene: int = 4
    noise: str = "mixed"
    camera_differences: float = 0.25
    exposure_differences: float = 0.0
    scenes: str = "varied"
    supersample: int = 2
    seed: int = 0

    def __post_init__(self):
        for name in ("height", "width"):
            size = getattr(self, name)
            if size < 32 or size % 32:
                raise InputError(
                    f"expected a {name} that is a multiple of 32. Received: {size}"
                )
        for name in ("max_disparity", "batch_size", "crops_per_scene", "supersample"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"expected {name} of at least 1. Received: {getattr(self, name)}"
                )
        if self.max_disparity > _MOST_DISPARITY:
            raise InputError(
                f"expected max_disparity of at most {_MOST_DISPARITY}. "
                f"Received: {self.max_disparity}"
            )
        for name, choices in (("noise", NOISE), ("scenes", SCENES)):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"expected {name} to be one of {choices}. "
                    f"Received: {getattr(self, name)!r}"
                )
        if not 0 <= self.camera_differences <= 1:
            raise InputError(
                "expected camera_differences in [0, 1]. "
                f"Received: {self.camera_differences}"
            )
        if not 0 <= self.exposure_differences <= 4:
            raise InputError(
                "expected exposure_differences in [0, 4]. "
                f"Received: {self.exposure_differences}"
            )
        if self.seed < 0:
            raise InputError(f"expected a seed of at least 0. Received: {self.seed}")


def scene_of(config: StreamConfig, index: int) -> tuple[int, int]:
    """The scene that example `index` is cut from, and which of its crops it is.

    Every `crops_per_scene` examples begin one new scene, so the work is even. The first
    scenes of the stream lack their first crops, and no scene has more than its share.
    """
    group, crop = divmod(index, config.crops_per_scene)
    return group + (config.crops_per_scene - 1 - crop) * _SPREAD, crop


def _textures(name: str) -> synthetic.TextureSource:
    try:
        if name == "skimage":
            return synthetic.skimage_textures()
        return synthetic.folder_textures(name)
    except ValueError as error:
        raise InputError(str(error)) from error


def _scene_size(config: StreamConfig, rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a scene that crops are cut from, px."""
    margin = _MARGIN
    if config.scenes == "distant":
        margin = rng.uniform(_MARGIN, _LARGEST_MARGIN)
    return int(margin * config.height), int(margin * config.width)


def _scene_config(
    config: StreamConfig, rng: np.random.Generator, size: tuple[int, int]
) -> synthetic.SceneConfig:
    """Settings of one scene, random so that no two rooms are furnished alike."""
    # Deep rooms in most of the draws, nearly flat ones in the others.
    share = rng.uniform(0.2, 1.0) if rng.random() < 0.7 else rng.uniform(0.02, 1.0) ** 2
    planes = synthetic.SceneConfig(
        height=size[0],
        width=size[1],
        max_disparity=max(1, round(config.max_disparity * share)),
        supersample=config.supersample,
        photo_fraction=float(rng.choice((0.3, 0.6, 0.9))),
    )
    if config.scenes == "planes":
        return planes
    varied = dataclasses.replace(
        planes,
        curved_fraction=rng.uniform(0.0, 0.7),
        plain_fraction=rng.uniform(0.0, 0.3),
        muted_fraction=0.2,
        lighting=rng.uniform(0.3, 1.0) if rng.random() < 0.75 else 0.0,
    )
    if config.scenes == "varied":
        return varied
    detailed = dataclasses.replace(
        varied,
        photo_fraction=rng.uniform(0.6, 0.95),
        photo_scale=(0.15, 0.8),
        saturation=(0.8, 1.8),
    )
    if config.scenes == "detailed":
        return detailed
    crowded = dataclasses.replace(
        detailed,
        max_disparity=max(1, round(config.max_disparity * rng.uniform(0.3, 1.0))),
        min_objects=12,
        wall=(0.05, 0.45, 0.65),
    )
    if config.scenes == "crowded":
        return crowded
    factor = rng.uniform(1.0, _ENLARGED) if rng.random() < 1 / 3 else 1.0
    resized = dataclasses.replace(
        crowded,
        height=round(crowded.height / factor),
        width=round(crowded.width / factor),
        max_disparity=max(1, int(crowded.max_disparity / factor)),
        photo_scale=(0.1, 0.6),
        least_texel=1 / crowded.supersample,
        saturation=(1.0, 2.5),
        muted_fraction=0.1,
    )
    if config.scenes == "resized" or factor > 1 or rng.random() < 0.5:
        return resized
    return dataclasses.replace(resized, detail=rng.uniform(1.0, _DETAIL))


class ExampleMaker:
    """Makes examples, and keeps the scenes that later examples are cut from."""

    def __init__(self, config: StreamConfig) -> None:
        """Raises InputError if there are no textures."""
        self.config = config
        self._textures = _textures(config.textures)
        self._scenes: dict[int, synthetic.Scene] = {}

    def __call__(self, index: int) -> dict[str, np.ndarray]:
        """Example `index`: a function of the configuration and this number alone.

        Args:
            index: int >= 0.

        Returns:
            "mono" (H, W, 1) uint8, noisy luma of the mono view; "reference" (H, W, 3)
            uint8, noisy RGB; "target" (H, W, 3) uint8, clean RGB of the mono view;
            "disparity" (H, W, 1) uint16 in 1/64 px, at least 1, of the mono pixels that
            the crop of the reference shows, and 0 elsewhere.

        Raises:
            InputError: a texture cannot be read.
        """
        config = self.config
        number, crop = scene_of(config, index)
        scene = self._scene(number)
        if crop == config.crops_per_scene - 1:
            del self._scenes[number]
        rng = np.random.default_rng((_CROP, config.seed, index))
        height, width = scene.mono.shape[:2]
        y = int(rng.integers(height - config.height + 1))
        x = int(rng.integers(width - config.width + 1))
        window = np.s_[y : y + config.height, x : x + config.width]
        target = np.ascontiguousarray(scene.mono[window])
        strength = config.camera_differences * max(0.0, rng.uniform(-0.5, 1.0))
        exposure = 1.0
        if config.exposure_differences and rng.random() < 0.5:
            exposure = 2.0 ** (config.exposure_differences * rng.uniform(-1, 1))
        reference = synthetic.other_camera(
            scene.reference[window], rng, strength, exposure
        )
        setup = _noise_setup(config.noise, rng)
        if config.scenes != "planes" and rng.random() < 0.15:
            target = synthetic.defocused(target, rng.uniform(0.2, 0.8))
        return {
            "mono": _noisy(luma(target), setup.mono, rng),
            "reference": _noisy(reference / 255.0, setup.color, rng),
            "target": target,
            "disparity": _visible_disparity(scene, window),
        }

    def _scene(self, number: int) -> synthetic.Scene:
        scene = self._scenes.get(number)
        if scene is None:
            seed = self.config.seed
            rng = np.random.default_rng((_SETTINGS, seed, number))
            size = _scene_size(self.config, rng)
            settings = _scene_config(self.config, rng, size)
            try:
                scene = synthetic.render_scene(
                    (_SURFACES, seed, number), settings, self._textures
                )
            except ValueError as error:
                raise InputError(f"scene {number}: {error}") from error
            if scene.mono.shape[:2] != size:
                scene = synthetic.enlarged(scene, *size)
            self._scenes[number] = scene
        return scene


def _visible_disparity(scene: synthetic.Scene, window) -> np.ndarray:
    disparity = scene.disparity[window]
    width = disparity.shape[1]
    shown = ~scene.occluded[window] & (np.arange(width) + disparity <= width - 1)
    code = np.maximum(np.rint(disparity * DISPARITY_STEPS), 1)
    return np.where(shown, code, 0).astype(np.uint16)[..., None]


def _noise_setup(name: str, rng: np.random.Generator) -> noise.NoiseSetup:
    if name in ("1", "2"):
        return noise.NOISE_SETUPS[int(name)]
    if name in ("wide", "reduced"):
        color = float(np.exp(rng.uniform(np.log(0.004), np.log(0.08))))
        mono = rng.uniform(0.0, min(color, 0.02))
    else:
        color, mono = rng.uniform(0.0, 0.08), rng.uniform(0.0, 0.02)
    kind = int(rng.integers(4))
    setup = noise.NOISE_SETUPS.get(kind, noise.NoiseSetup(color, mono))
    if name != "reduced" or kind not in noise.NOISE_SETUPS or rng.random() < 0.5:
        return setup
    factor = rng.uniform(1.0, _REDUCED)
    return noise.NoiseSetup(setup.color / factor, setup.mono / factor)


def _noisy(clean: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Picture in [0, 1] to a noisy uint8 one (Table 2)."""
    state = np.random.RandomState(rng.integers(2**32, size=8, dtype=np.uint32))
    return noise.to_uint8(noise.add_noise(clean, level, state))


def training_example(config: StreamConfig, index: int) -> dict[str, np.ndarray]:
    """Example `index` of the stream, rendered from nothing; see `ExampleMaker`."""
    return ExampleMaker(config)(index)
