"""What a training run shows in TensorBoard."""

import dataclasses
import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from colornet.config import GRID, Config
from colornet.errors import InputError
from colornet.metrics import chroma_psnr
from colornet.networks import Network
from colornet.visualize.drawing import fit, stack
from colornet.visualize.pictures import mono_picture, picture_row
from colornet.visualize.pixels import choose_pixels, mark_pixels, weight_curves
from colornet.visualize.volumes import (
    disparity_picture,
    entropy,
    entropy_picture,
    expected_disparity,
    scan_line,
    volume_slices,
)


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


# What TensorBoard says of a tag; "validation/" before it is of the held-out example.
DESCRIPTIONS = {
    "loss": "Of the training batches since the last point.",
    "psnr_rough": "PSNR in dB of C' over Cb and Cr, of the same training batches.",
    "psnr_final": "PSNR in dB of C over Cb and Cr, of the same training batches.",
    "gradient_norm": "Euclidean norm of the gradient of all weights.",
    "steps_per_second": "Optimizer steps a second.",
    "wait_seconds": "Seconds that the training waited for data since the last point.",
    "validation/psnr_rough": "PSNR in dB of C', mean over the held-out examples.",
    "validation/psnr_final": "PSNR in dB of C, mean over the held-out examples.",
    "example/pictures": "Mono, reference, C', C, truth, error of C.",
    "example/psnr_rough": "PSNR in dB of C' over 8-bit Cb and Cr (D-11).",
    "example/psnr_final": "PSNR in dB of C over 8-bit Cb and Cr (D-11).",
    "example/pixels": "Chosen pixels, and their weights over k; true k where known.",
    "example/disparity_mae": "Mean absolute error in px of weights/disparity.",
    "attention/slices": "Slices of A (Eq. 4) at some k.",
    "attention/values": "Histogram of A (Eq. 4).",
    "weights/slices": "Slices of W (Eq. 1) at some k, log scale.",
    "weights/scan_line": "W[:, j, :], j the row of the last chosen pixel.",
    "weights/largest": "Histogram of the largest weight over k, a value a pixel.",
    "weights/disparity": "Mean of k under W, beside the true disparity where known.",
    "weights/entropy": "Entropy of W over k, bits a pixel.",
    "weights/mean_entropy": "Its mean over the pixels, bits.",
}


@dataclasses.dataclass(frozen=True)
class _Shown:
    """An example that is shown again and again.

    Attributes:
        prefix: of its tags.
        maps: the example, cropped.
        pixels: chosen ones by their names.
    """

    prefix: str
    maps: Mapping[str, np.ndarray]
    pixels: Mapping[str, tuple[int, int]]

    @property
    def row(self) -> int:
        """Of the last chosen pixel."""
        return list(self.pixels.values())[-1][0]

    def inputs(self) -> dict[str, tf.Tensor]:
        return {n: tf.constant(self.maps[n][None]) for n in ("mono", "reference")}

    def write(self, kind, tag: str, value) -> None:
        """Writes a summary of a kind of `tf.summary`."""
        kind(self.prefix + tag, value, description=DESCRIPTIONS[tag])

    def image(self, tag: str, picture: np.ndarray) -> None:
        self.write(tf.summary.image, tag, picture[None])


class TrainingSummaries:
    """Writes scalars, and pictures of examples, for TensorBoard.

    `DESCRIPTIONS` lists the tags. Those of attention need a network with attention;
    example/disparity_mae needs true disparity and, like weights/disparity and the
    entropies, `weight_normalization="softmax"`: without it W is no distribution.
    Networks without volumes have no tags of weights and attention, and no
    example/pixels; their C' is their C.

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
        self._shown = []
        for prefix, given in (("", example), ("validation/", held_out)):
            if given is not None:
                maps = centre_crop(given, most)
                self._shown.append(_Shown(prefix, maps, choose_pixels(maps)))
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
                tf.summary.scalar(name, value, description=DESCRIPTIONS.get(name))
        self._writer.flush()

    def pictures(self, step: int) -> None:
        """Writes all other tags for the model as it is now."""
        with self._writer.as_default(step=step):
            for shown in self._shown:
                # np.asarray shares the memory of a tensor on the CPU; .numpy() copies.
                maps = {
                    name: np.asarray(value)[0]
                    for name, value in self._forward(shown.inputs()).items()
                }
                # A network with one result has no rougher one.
                rough = maps.get("rough_chroma", maps["chroma"])
                _write_example(shown, rough, maps["chroma"])
                if "weights" in maps:
                    self._write_weights(shown, maps["weights"])
                if "attention" in maps:
                    _write_attention(shown, maps["attention"])
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the event file."""
        self._writer.close()

    def _write_weights(self, shown: _Shown, weights: np.ndarray) -> None:
        mono, reference = shown.maps["mono"], shown.maps["reference"]
        truth = shown.maps.get("disparity")
        marked = fit(mark_pixels(mono_picture(mono), shown.pixels))
        curves = weight_curves(weights, shown.pixels, truth)
        shown.image("example/pixels", stack([marked, curves], gap=8))
        shown.image("weights/slices", volume_slices(weights, log=True))
        section = scan_line(weights, shown.row, mono, reference, truth)
        shown.image("weights/scan_line", section)
        shown.write(tf.summary.histogram, "weights/largest", weights.max(axis=0))
        if not self._is_distribution:
            return

        d, disparity, bits = len(weights), expected_disparity(weights), entropy(weights)
        shown.image("weights/disparity", disparity_picture(disparity, d, truth))
        if truth is not None and (truth >= 0).any():
            error = np.abs(disparity - truth)[truth >= 0].mean()
            shown.write(tf.summary.scalar, "example/disparity_mae", error)
        shown.image("weights/entropy", entropy_picture(bits, d))
        shown.write(tf.summary.scalar, "weights/mean_entropy", bits.mean())


def _write_example(shown: _Shown, rough: np.ndarray, final: np.ndarray) -> None:
    shown.image("example/pictures", picture_row(shown.maps, rough, final))
    for tag, chroma in (("example/psnr_rough", rough), ("example/psnr_final", final)):
        shown.write(tf.summary.scalar, tag, chroma_psnr(chroma, shown.maps["chroma"]))


def _write_attention(shown: _Shown, attention: np.ndarray) -> None:
    shown.image("attention/slices", volume_slices(attention, unit=2))
    # Every fourth value of each axis tells the distribution.
    shown.write(tf.summary.histogram, "attention/values", attention[:, ::4, ::4])
