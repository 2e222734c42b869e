"""Example number `index` of the pretraining: a crop of a rendered scene, with noise.

NumPy only: the processes that render must not load TensorFlow or JAX.
"""

import dataclasses

import numpy as np

from colornet.color import rgb_to_luma
from colornet.config import Config, check_choice
from colornet.errors import InputError
from colornet.noise import NOISE_SETUPS, NoiseSetup, add_noise, to_uint8
from colornet.tiling import GRID
from tfrecords_tools import synthetic
from tfrecords_tools.records import DISPARITY_STEPS
from tfrecords_tools.synthetic.random_draws import log_uniform

NOISE = ("wide", *map(str, NOISE_SETUPS))
CAMERAS = ("different", "alike")
_MOST_DISPARITY = 2**16 // DISPARITY_STEPS
# A scene's crops are this many scenes apart; more of them have to be kept in memory.
_SPREAD = 7
_MARGIN = 1.25  # size of a scene in sizes of its crops
_ENLARGED = 2.0  # times, at most
_DETAIL = 4.0  # times, at most
# Of the cameras' differences: the largest strength (`synthetic.other_camera`), and the
# largest factor of the exposure beside, in powers of two.
_MOST_STRENGTH, _MOST_EXPOSURE = 0.25, 0.7
# First numbers of the seeds, so that no two kinds of draws share a random stream.
_SURFACES, _SETTINGS, _CROP, _CAMERAS = 1, 2, 3, 4


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
        noise: "1" or "2": that row of Table 2. "wide": either of them in half of the
            examples, and in the other half levels that are uniform in the logarithm,
            from next to none to a little more than Setup 2's (mono: up to twice Setup
            1's).
        cameras: "different": two thirds of the reference views differ in exposure,
            white balance, gamma and sharpness, and half of them differ in exposure by
            up to 2^0.7 beside. "alike": none differs.
        supersample: samples along each axis of a pixel; what rendering costs.
        seed: at least 0.
    """

    textures: str = "skimage"
    height: int = 256
    width: int = 512
    max_disparity: int = 192
    batch_size: int = 1
    crops_per_scene: int = 4
    noise: str = "wide"
    cameras: str = "different"
    supersample: int = 2
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        for name in ("height", "width"):
            size = getattr(self, name)
            if size < GRID or size % GRID:
                raise InputError(
                    f"expected a {name} that is a multiple of {GRID}. Received: {size}"
                )
        check_choice("noise", self.noise, NOISE)
        check_choice("cameras", self.cameras, CAMERAS)
        for name, least, most in (
            ("max_disparity", 1, _MOST_DISPARITY),
            ("batch_size", 1, np.inf),
            ("crops_per_scene", 1, np.inf),
            ("supersample", 1, np.inf),
            ("seed", 0, np.inf),
        ):
            if not least <= getattr(self, name) <= most:
                raise InputError(
                    f"expected {name} in [{least}, {most}]. "
                    f"Received: {getattr(self, name)}"
                )


def scene_of(config: StreamConfig, index: int) -> tuple[int, int]:
    """The scene that example `index` is cut from, and which of its crops it is.

    Every `crops_per_scene` examples begin one new scene, so the work is even. The first
    scenes of the stream lack their first crops, and no scene has more than its share.
    """
    group, crop = divmod(index, config.crops_per_scene)
    return group + (config.crops_per_scene - 1 - crop) * _SPREAD, crop


def scene_settings(
    config: StreamConfig, rng: np.random.Generator
) -> synthetic.SceneConfig:
    """Settings of one scene, random so that no two rooms are furnished alike.

    Many surfaces are curved or of one colour, some scenes have little colour, most have
    shadows and highlights. Photographs are as sharp as reduced ones are. A third of the
    scenes is drawn smaller than its crops ask for, to be enlarged up to twice: as soft
    as photographs at their full size. Another third has up to four times the detail.
    """
    curved, plain = rng.uniform(0.0, 0.7), rng.uniform(0.0, 0.3)
    lighting = rng.uniform(0.3, 1.0) if rng.random() < 0.75 else 0.0
    photographs = rng.uniform(0.6, 0.95)
    max_disparity = max(1, round(config.max_disparity * rng.uniform(0.3, 1.0)))
    factor = rng.uniform(1.0, _ENLARGED) if rng.random() < 1 / 3 else 1.0
    detailed = factor == 1 and rng.random() >= 0.5
    return synthetic.SceneConfig(
        height=round(int(_MARGIN * config.height) / factor),
        width=round(int(_MARGIN * config.width) / factor),
        max_disparity=max(1, int(max_disparity / factor)),
        min_objects=12,
        supersample=config.supersample,
        photo_fraction=photographs,
        curved_fraction=curved,
        plain_fraction=plain,
        muted_fraction=0.1,
        photo_scale=(0.1, 0.6),
        least_texel=1 / config.supersample,
        detail=rng.uniform(1.0, _DETAIL) if detailed else 1.0,
        saturation=(1.0, 2.5),
        wall=(0.05, 0.45, 0.65),
        lighting=lighting,
    )


class ExampleMaker:
    """Makes examples, and keeps the scenes that later examples are cut from."""

    def __init__(self, config: StreamConfig) -> None:
        """Raises InputError if there are no textures."""
        self.config = config
        self.scenes: dict[int, synthetic.Scene] = {}
        self._textures = synthetic.open_textures(config.textures)

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
            del self.scenes[number]
        rng = np.random.default_rng((_CROP, config.seed, index))
        height, width = scene.mono.shape[:2]
        y = int(rng.integers(height - config.height + 1))
        x = int(rng.integers(width - config.width + 1))
        window = np.s_[y : y + config.height, x : x + config.width]
        target = np.ascontiguousarray(scene.mono[window])
        reference = scene.reference[window]
        if config.cameras == "different":
            cameras = np.random.default_rng((_CAMERAS, config.seed, index))
            reference = _by_another_camera(reference, cameras)
        levels = noise_levels(config.noise, rng)
        if rng.random() < 0.15:  # a mono camera that is a little out of focus
            target = synthetic.defocused(target, rng.uniform(0.2, 0.8))
        return {
            "mono": _noisy(rgb_to_luma(target / 255.0), levels.mono, rng),
            "reference": _noisy(reference / 255.0, levels.color, rng),
            "target": target,
            "disparity": _visible_disparity(scene, window),
        }

    def _scene(self, number: int) -> synthetic.Scene:
        if number not in self.scenes:
            config = self.config
            rng = np.random.default_rng((_SETTINGS, config.seed, number))
            scene = synthetic.render_scene(
                (_SURFACES, config.seed, number),
                scene_settings(config, rng),
                self._textures,
            )
            self.scenes[number] = scene.enlarged(
                int(_MARGIN * config.height), int(_MARGIN * config.width)
            )
        return self.scenes[number]


def _by_another_camera(reference: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    strength = _MOST_STRENGTH * max(0.0, rng.uniform(-0.5, 1.0))
    exposure = 1.0
    if rng.random() < 0.5:
        exposure = 2.0 ** (_MOST_EXPOSURE * rng.uniform(-1, 1))
    return synthetic.other_camera(reference, rng, strength, exposure)


def _visible_disparity(scene: synthetic.Scene, window) -> np.ndarray:
    disparity = scene.disparity[window]
    width = disparity.shape[1]
    shown = ~scene.occluded[window] & (np.arange(width) + disparity <= width - 1)
    code = np.maximum(np.rint(disparity * DISPARITY_STEPS), 1)
    return np.where(shown, code, 0).astype(np.uint16)[..., None]


def noise_levels(name: str, rng: np.random.Generator) -> NoiseSetup:
    """Levels of one example; `name` as `StreamConfig.noise`."""
    if name != "wide":
        return NOISE_SETUPS[int(name)]
    color = log_uniform(rng, 0.004, 0.08)
    mono = rng.uniform(0.0, min(color, 0.02))
    return NOISE_SETUPS.get(int(rng.integers(4)), NoiseSetup(color, mono))


def _noisy(clean: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Picture in [0, 1] to a noisy uint8 one (Table 2)."""
    state = np.random.RandomState(rng.integers(2**32, size=8, dtype=np.uint32))
    return to_uint8(add_noise(clean, level, state))
