"""Values of `colornet.visualize.summaries` in TensorBoard's event files."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from colornet.visualize.summaries import DESCRIPTIONS


def write_summaries(
    values: Mapping[str, np.ndarray | float],
    descriptions: Mapping[str, str] = DESCRIPTIONS,
) -> None:
    """Writes values with their descriptions to the writer and step in force.

    Args:
        values: by tag: a uint8 RGB picture, a float array for a histogram, or a number.
        descriptions: of tags; a tag without one has none.
    """
    for tag, value in values.items():
        value, about = np.asarray(value), descriptions.get(tag)
        if not value.ndim:
            tf.summary.scalar(tag, value, description=about)
        elif value.dtype == np.uint8:
            tf.summary.image(tag, value[None], description=about)
        else:
            tf.summary.histogram(tag, value, description=about)
