"""What a training run shows in TensorBoard."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from colornet.config import GRID, Config
from colornet.errors import InputError
from colornet.networks import Network
from colornet.tensorboard import write_summaries
from colornet.visualize.pixels import choose_pixels
from colornet.visualize.summaries import pair_summaries


def centre_crop(
    example: Mapping[str, np.ndarray], most: tuple[int, int]
) -> dict[str, np.ndarray]:
    """The middle of the maps of an example, of multiples of 32 pixels.

    Args:
        example: maps `mono`, `reference`, `chroma` and `disparity`, where there are, of
            the same height and width; see colornet/data.py.
        most: height and width in pixels of the result, at most.

    Raises:
        InputError: the example is smaller than 32 pixels in height or width.
    """
    size = np.array(example["mono"].shape[:2])
    kept = np.minimum(size, most) // GRID * GRID
    if not kept.all():
        raise InputError(
            f"expected an example of at least {GRID} x {GRID} pixels. "
            f"Received: {size[1]} x {size[0]}"
        )
    top, left = (size - kept) // 2
    height, width = kept
    return {
        name: np.float32(example[name][top : top + height, left : left + width])
        for name in ("mono", "reference", "chroma", "disparity")
        if name in example
    }


# What TensorBoard says of the curves; of examples, `colornet.visualize.summaries`.
CURVES = {
    "loss": "Of the training batches since the last point.",
    "psnr_rough": "PSNR in dB of C' over Cb and Cr, of the same training batches.",
    "psnr_final": "PSNR in dB of C over Cb and Cr, of the same training batches.",
    "gradient_norm": "Euclidean norm of the gradient of all weights.",
    "steps_per_second": "Optimizer steps a second.",
    "wait_seconds": "Seconds that the training waited for data since the last point.",
    "validation/psnr_rough": "PSNR in dB of C', mean over the held-out examples.",
    "validation/psnr_final": "PSNR in dB of C, mean over the held-out examples.",
}


class TrainingSummaries:
    """Writes scalars, and pictures of examples, for TensorBoard.

    Tags of an example, and what they mean, are in `colornet.visualize.summaries`.
    Networks without volumes have no tags of W and A, and their C' is their C.

    The examples pass through the model's own layers in inference mode: nothing is
    copied and nothing of the training state changes.

    Args:
        log_dir: folder of the event file; made if missing.
        model: the network in training, of any variant.
        example: maps `mono`, `reference`, `chroma` and, optionally, `disparity` of one
            example, as in colornet/data.py. Larger ones are cropped about the centre.
        most: height and width in pixels to crop to, at most; the volumes of an example
            of 256x512 with d = 192 hold 113 MB.
        held_out: another one, whose tags begin with "validation/"; none if None.

    Raises:
        InputError: an example is smaller than 32 pixels in height or width.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        model: Network,
        example: Mapping[str, np.ndarray],
        most: tuple[int, int] = (256, 512),
        held_out: Mapping[str, np.ndarray] | None = None,
    ):
        given = {"": example, "validation/": held_out}
        self._examples = {
            prefix: centre_crop(example, most)
            for prefix, example in given.items()
            if example is not None
        }
        self._pixels = {
            prefix: choose_pixels(example) for prefix, example in self._examples.items()
        }
        normalization = getattr(model.config, "weight_normalization", None)
        self._is_distribution = normalization == "softmax"
        watched = model.with_volumes()
        # A graph frees every map after its last use; an eager call would keep them all.
        self._forward = tf.function(
            lambda inputs: watched(inputs, training=False), reduce_retracing=True
        )
        self._writer = tf.summary.create_file_writer(os.fspath(log_dir))

    def hyperparameters(self, config: Config) -> None:
        """Writes a configuration for TensorBoard's table of runs (HPARAMS)."""
        flat = config.flat().items()
        with self._writer.as_default():
            hparams.hparams({key: value for key, value in flat if value is not None})

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes one point of the curve of each name."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value, description=CURVES.get(name))
        self._writer.flush()

    def pictures(self, step: int) -> None:
        """Writes all tags of the examples for the model as it is now."""
        with self._writer.as_default(step=step):
            for prefix, example in self._examples.items():
                outputs = self._forward(
                    {
                        name: tf.constant(example[name][None])
                        for name in ("mono", "reference")
                    }
                )
                # np.asarray shares the memory of a tensor on the CPU; .numpy() copies.
                maps = {name: np.asarray(value)[0] for name, value in outputs.items()}
                values = pair_summaries(
                    example, maps, self._is_distribution, self._pixels[prefix]
                )
                write_summaries(values, prefix)
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the event file."""
        self._writer.close()
