"""What a training run shows in TensorBoard."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from colornet.errors import InputError
from colornet.metrics import chroma_psnr
from colornet.networks import Network
from colornet.visualize import pictures
from colornet.visualize import volumes as volume_pictures
from colornet.visualize.drawing import fit, stack
from colornet.visualize.pixels import choose_pixels, mark_pixels, weight_curves

_UNIT = 32


def _centre_crop(
    example: Mapping[str, np.ndarray], most: tuple[int, int]
) -> dict[str, np.ndarray]:
    """The middle of all maps, a multiple of 32 and at most `most` high and wide."""
    window = []
    for name, size, limit in zip(
        ("height", "width"), example["mono"].shape, most, strict=False
    ):
        kept = min(size, limit) // _UNIT * _UNIT
        if not kept:
            raise InputError(f"expected a {name} of at least {_UNIT}. Received: {size}")
        window.append(slice((size - kept) // 2, (size - kept) // 2 + kept))
    return {
        name: np.asarray(example[name], np.float32)[tuple(window)]
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
        self._example = _centre_crop(example, most)
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
        row = pictures.picture_row(self._example, rough, final)
        tf.summary.image("example/pictures", row[None])
        tf.summary.scalar("example/psnr_rough", chroma_psnr(rough, truth))
        tf.summary.scalar("example/psnr_final", chroma_psnr(final, truth))

    def _write_weights(self, weights: np.ndarray) -> None:
        mono, reference = self._example["mono"], self._example["reference"]
        truth = self._example.get("disparity")
        d = weights.shape[0]
        marked = mark_pixels(pictures.mono_picture(mono), self._pixels)
        curves = weight_curves(weights, self._pixels, truth)
        sheet = stack([fit(marked, 256, 512), curves], gap=8)
        tf.summary.image("example/pixels", sheet[None])
        slices = volume_pictures.volume_slices(weights, log=True)
        tf.summary.image("weights/slices", slices[None])
        section = volume_pictures.scan_line(weights, self._row, mono, reference, truth)
        tf.summary.image("weights/scan_line", section[None])
        tf.summary.histogram("weights/largest", weights.max(axis=0))
        if not self._is_distribution:
            return

        disparity = volume_pictures.expected_disparity(weights)
        picture = volume_pictures.disparity_picture(disparity, d, truth)
        tf.summary.image("weights/disparity", picture[None])
        if truth is not None and (truth >= 0).any():
            error = np.abs(disparity - truth)[truth >= 0].mean()
            tf.summary.scalar("example/disparity_mae", error)
        bits = volume_pictures.entropy(weights)
        picture = volume_pictures.entropy_picture(bits, d)
        tf.summary.image("weights/entropy", picture[None])
        tf.summary.scalar("weights/mean_entropy", bits.mean())

    def _write_attention(self, attention: np.ndarray) -> None:
        slices = volume_pictures.volume_slices(attention, unit=2)
        tf.summary.image("attention/slices", slices[None])
        # Every fourth value of each axis tells the distribution.
        tf.summary.histogram("attention/values", attention[:, ::4, ::4])
