"""The configuration of the learned comparison methods."""

import dataclasses

from colornet.config import NetworkConfig, check_above_0, check_choice
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
