"""--max_pixels_per_byte: how large a picture a file of few bytes may announce."""

from absl import flags

from colornet.io.limits import Limits
from tfrecords_tools import app

# It is a flag of the module that calls `limit_flags`.
flags.disclaim_key_flags()


def limit_flags() -> dict[str, flags.FlagHolder]:
    """Defines the flag; `Limits(**app.flag_values(...))` is its value."""
    return app.config_flags(
        Limits,
        max_pixels_per_byte="Refuse a picture file of more than 25 megapixels that "
        "announces more pixels for each of its bytes.",
    )
