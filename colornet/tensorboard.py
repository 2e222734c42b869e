"""Values of `colornet.visualize.summaries` in TensorBoard's event files."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from colornet.visualize.summaries import DESCRIPTIONS


def write_summaries(values: Mapping[str, np.ndarray | float], prefix: str = "") -> None:
    """Writes values with their descriptions to the writer and step in force.

    Args:
        values: by tag, as `pair_summaries` returns them.
        prefix: what the tags begin with in the file.
    """
    for tag, value in values.items():
        name, value, about = prefix + tag, np.asarray(value), DESCRIPTIONS[tag]
        if not value.ndim:
            tf.summary.scalar(name, value, description=about)
        elif value.dtype == np.uint8:
            tf.summary.image(name, value[None], description=about)
        else:
            tf.summary.histogram(name, value, description=about)
