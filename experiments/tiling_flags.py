"""--memory_gb and --overlap: how the network works on large pictures (D-32)."""

from absl import flags

from colornet.tiling import Tiling
from tfrecords_tools import app

# They are flags of the module that calls `tiling_flags`.
flags.disclaim_key_flags()


def tiling_flags(defaults: Tiling) -> dict[str, flags.FlagHolder]:
    """Defines the flags; `Tiling(**app.flag_values(...))` is their value.

    Args:
        defaults: what the flags are where they are not given.
    """
    return app.config_flags(
        defaults,
        memory_gb="Memory for our network in 10^9 bytes; larger pictures are worked on "
        "in tiles.",
        overlap="Pixels next to a cut that two tiles share, a multiple of 32; with 288 "
        "no cut changes the result.",
    )
