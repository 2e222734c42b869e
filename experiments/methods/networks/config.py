"""The configuration of the learned comparison methods."""

import dataclasses
from collections.abc import Iterable
from typing import Self

from colornet.config import ModelConfig, NetworkConfig, check_above_0, check_choice
from colornet.errors import InputError

# Each is a module of this package, with a class of the same name.
NAMES = ("zhang", "iizuka", "furusawa", "he")


@dataclasses.dataclass(frozen=True)
class MethodConfig(NetworkConfig):
    """A comparison network; the defaults are its paper's.

    Attributes:
        name: of the method.
        width: multiplies all channel counts but those of the outputs; 1 is the paper's.
        global_size: side in pixels of the square that the global features of Iizuka's
            and Furusawa's networks are computed from, a multiple of 32, at least 64: of
            the single pixel that 32 are reduced to, batch normalization leaves nothing.
        bn_statistics: what batch normalization uses at test time: "moving" statistics
            of the training, or those of the batch at hand ("batch") (D-14).
        bn_momentum, bn_epsilon: of every batch normalization (D-14).
    """

    name: str
    width: float = 1.0
    global_size: int = 224
    bn_statistics: str = "moving"
    bn_momentum: float = 0.99
    bn_epsilon: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        check_choice("name", self.name, NAMES)
        check_above_0("width", self.width)
        if self.global_size < 64 or self.global_size % 32:
            raise InputError(
                "global_size must be a multiple of 32, at least 64. "
                f"Received: {self.global_size}"
            )


RELEASED = "released"
# What each departure of the authors' release from the paper changes. The letters are
# those of results/released_protocol.md.
DEPARTURES = {
    "truth": {"truth_in_features": True},  # a
    "first_candidate": {"first_candidate": 1},  # b
    "outside": {"border": "zero", "codes": True},  # c
    "architecture": {  # d
        "n": 12,
        "attention": False,
        "feature_stride": 1,
        "deepest_filters": 4,
    },
    "clean_luma": {"clean_luma": True},  # e
}


@dataclasses.dataclass(frozen=True)
class ReleasedConfig(ModelConfig):
    """The network of Table 1 with departures of the authors' release: not a result.

    By default there is none, and the network computes what `ModelConfig`'s does.

    Attributes:
        name: of the network.
        truth_in_features: whether ResNet1 sees Y, Cb and Cr of both views in place of
            Y, the true Cb and Cr of the mono view included.
        chroma_units: what chroma 1.0 is in the units of ResNet1's input, beside luma in
            [0, 1]. The release has one unit for both, which is 1 here.
        first_candidate: least disparity that is searched, px: 0, or 1 as the release.
        codes: whether the colour outside of the frame is code 0, 128 levels below grey,
            in place of grey. It counts where `border` is "zero".
        feature_stride: of ResNet1 and the last layer of the 3-D regulation: 2, or 1 as
            the release.
        deepest_filters: of the last level of the 3-D regulation, in n: 2, or 4 as the
            release.
        clean_luma: whether the mono camera has no noise.
    """

    name: str = RELEASED
    truth_in_features: bool = False
    chroma_units: float = 1.0
    first_candidate: int = 0
    codes: bool = False
    feature_stride: int = 2
    deepest_filters: int = 2
    clean_luma: bool = False

    def __post_init__(self):
        super().__post_init__()
        check_above_0("chroma_units", self.chroma_units)
        check_choice("first_candidate", self.first_candidate, (0, 1))
        check_choice("feature_stride", self.feature_stride, (1, 2))
        check_choice("deepest_filters", self.deepest_filters, (2, 4))

    @property
    def is_fed_the_truth(self) -> bool:
        """Whether the network has the clean picture of the mono view as an input."""
        return self.truth_in_features or self.clean_luma

    @property
    def title(self) -> str:
        """What the network is called wherever its scores are shown."""
        fed = "fed the truth: not a result"
        return f"{self.name} ({fed if self.is_fed_the_truth else 'not fed the truth'})"

    def departing(self, names: Iterable[str]) -> Self:
        """The same with these of `DEPARTURES`.

        Raises:
            InputError: a name that none of them has.
        """
        config = self
        for name in names:
            check_choice("departures", name, tuple(DEPARTURES))
            config = config.replace(**DEPARTURES[name])
        return config
