"""What a training run shows in TensorBoard."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from colornet.config import GRID
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


class TrainingSummaries:
    """Writes scalars, and pictures of one example, for TensorBoard.

    Tags, by the folder that TensorBoard shows them in:

    | tag | what | only with |
    |---|---|---|
    | (names given to `scalars`) | one scalar each | |
    | example/pictures | mono, reference, C', C, truth, error of C | |
    | example/psnr_rough, example/psnr_final | PSNR in dB over Cb and Cr (D-11) | |
    | example/pixels | chosen pixels, and their weights over k | |
    | example/disparity_mae | px, of weights/disparity | true disparity; [1] |
    | attention/slices | slices of A (Eq. 4) | attention |
    | attention/values | histogram of A | attention |
    | weights/slices | slices of W (Eq. 1), log scale | |
    | weights/scan_line | W[:, j, :], j the row of the last chosen pixel | |
    | weights/largest | histogram of max over k of W, a value a pixel | |
    | weights/disparity | mean of k under W, beside the true disparity | [1] |
    | weights/entropy | bits a pixel | [1] |
    | weights/mean_entropy | scalar, bits | [1] |

    [1]: `weight_normalization="softmax"`; without it W is no distribution.
    Networks without volumes have none of the tags from example/disparity_mae on, and
    no example/pixels; their C' is their C.

    The example passes through the model's own layers in inference mode: nothing is
    copied and nothing of the training state changes.

    Args:
        log_dir: folder of the event file; made if missing.
        model: the network in training, of any variant.
        example: maps `mono`, `reference`, `chroma` and, optionally, `disparity` of one
            example, as in colornet/data.py. Larger ones are cropped about the centre.
        most: height and width in pixels to crop to, at most; the volumes of an example
            of 256x512 with d = 192 hold 113 MB.

    Raises:
        InputError: the example is smaller than 32 pixels in height or width.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        model: Network,
        example: Mapping[str, np.ndarray],
        most: tuple[int, int] = (256, 512),
    ):
        self._example = centre_crop(example, most)
        self._pixels = choose_pixels(self._example)
        self._row = list(self._pixels.values())[-1][0]
        normalization = getattr(model.config, "weight_normalization", None)
        self._is_distribution = normalization == "softmax"
        watched = model.with_volumes()
        # A graph frees every map after its last use; an eager call would keep them all.
        self._forward = tf.function(lambda inputs: watched(inputs, training=False))
        self._inputs = {
            name: tf.constant(self._example[name][None])
            for name in ("mono", "reference")
        }
        self._writer = tf.summary.create_file_writer(os.fspath(log_dir))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes one point of the curve of each name."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writer.flush()

    def pictures(self, step: int) -> None:
        """Writes everything else of the table for the model as it is now."""
        # np.asarray shares the memory of a tensor on the CPU; .numpy() would copy it.
        maps = {
            name: np.asarray(value)[0]
            for name, value in self._forward(self._inputs).items()
        }
        with self._writer.as_default(step=step):
            # A network with one result has no rougher one.
            rough = maps.get("rough_chroma", maps["chroma"])
            self._write_example(rough, maps["chroma"])
            if "weights" in maps:
                self._write_weights(maps["weights"])
            if "attention" in maps:
                self._write_attention(maps["attention"])
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the event file."""
        self._writer.close()

    def _write_example(self, rough: np.ndarray, final: np.ndarray) -> None:
        truth = self._example["chroma"]
        _image("example/pictures", picture_row(self._example, rough, final))
        tf.summary.scalar("example/psnr_rough", chroma_psnr(rough, truth))
        tf.summary.scalar("example/psnr_final", chroma_psnr(final, truth))

    def _write_weights(self, weights: np.ndarray) -> None:
        mono, reference = self._example["mono"], self._example["reference"]
        truth = self._example.get("disparity")
        marked = fit(mark_pixels(mono_picture(mono), self._pixels))
        curves = weight_curves(weights, self._pixels, truth)
        _image("example/pixels", stack([marked, curves], gap=8))
        _image("weights/slices", volume_slices(weights, log=True))
        section = scan_line(weights, self._row, mono, reference, truth)
        _image("weights/scan_line", section)
        tf.summary.histogram("weights/largest", weights.max(axis=0))
        if not self._is_distribution:
            return

        d, disparity, bits = len(weights), expected_disparity(weights), entropy(weights)
        _image("weights/disparity", disparity_picture(disparity, d, truth))
        if truth is not None and (truth >= 0).any():
            error = np.abs(disparity - truth)[truth >= 0].mean()
            tf.summary.scalar("example/disparity_mae", error)
        _image("weights/entropy", entropy_picture(bits, d))
        tf.summary.scalar("weights/mean_entropy", bits.mean())

    def _write_attention(self, attention: np.ndarray) -> None:
        _image("attention/slices", volume_slices(attention, unit=2))
        # Every fourth value of each axis tells the distribution.
        tf.summary.histogram("attention/values", attention[:, ::4, ::4])


def _image(tag: str, picture: np.ndarray) -> None:
    tf.summary.image(tag, picture[None])
