"""The network for other programs: a SavedModel for TensorFlow, LiteRT for phones."""

import os
import pathlib
import shutil
import tempfile

import keras
import tensorflow as tf
from keras import ops

from colornet.color import output_picture
from colornet.config import check_at_least, check_choice
from colornet.errors import InputError, require_tensorflow
from colornet.inference import pad, unpad
from colornet.io.files import replacing, writing
from colornet.networks import Network

SIGNATURE = "colorize"
KERNELS = ("float32", "float16")


def export_saved_model(model: Network, directory: str | os.PathLike) -> None:
    """Writes the network at one scale as a SavedModel, for any batch and size.

    The signature is `colorize`. No disparity is estimated and no picture resized: the
    result is that of `colornet.inference.colorize_outputs`, with the d of the network.

    The signature takes `mono` (batch, height, width, 1) luma and `reference` (batch,
    height, width, 3) RGB, float32 in [0, 1]. It returns the outputs of the model by
    name, but for its `internal_outputs`, and `picture` (batch, height, width, 3), RGB
    in [0, 1] with the luma of `mono`.

    Args:
        model: the network.
        directory: where to; must not exist, or be an empty folder.

    Raises:
        InputError: there is something already, or the folder cannot be written; Keras
            runs on another backend than TensorFlow.
    """
    require_tensorflow("for a SavedModel")
    target = pathlib.Path(os.path.abspath(directory))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"expected a new folder to export to. Received: {directory}")

    # Renamed when it is whole: a SavedModel that can be seen is complete.
    part = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with writing(directory):
            part.mkdir(parents=True)
            _write_archive(model, part, (None, None, None))
            os.replace(part, target)
    except tf.errors.OpError as error:
        raise InputError(
            "expected a place that can be written. "
            f"Received: {directory} ({error.message})"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def export_litert(
    model: Network,
    path: str | os.PathLike,
    height: int,
    width: int,
    kernels: str = "float32",
) -> None:
    """Writes the network as a LiteRT file (`.tflite`) for pictures of one size.

    The signature is that of `export_saved_model` with a batch of 1. All operations are
    LiteRT's own: no TensorFlow is needed to run the file. Weights of 8-bit integers are
    not offered: a trial lost more than 10 dB.

    Args:
        model: the network.
        path: of the file.
        height, width: of the pictures, px.
        kernels: dtype of the weights in the file, of `KERNELS`. The interpreter
            computes in float32.

    Raises:
        InputError: a height or width below 1; other kernels; the file cannot be
            written; Keras runs on another backend than TensorFlow.
    """
    require_tensorflow("for LiteRT")
    check_choice("kernels", kernels, KERNELS)
    check_at_least("height", height, 1)
    check_at_least("width", width, 1)
    with tempfile.TemporaryDirectory() as folder:
        _write_archive(model, folder, (1, height, width))
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=[SIGNATURE]
        )
        if kernels == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    with replacing(path) as file:
        file.write(content)


def _write_archive(
    model: Network, folder: str | os.PathLike, shape: tuple[int | None, ...]
) -> None:
    """Writes a SavedModel for pictures of a shape (batch, height, width)."""

    def colorize(mono, reference):
        _assert_range("mono", mono)
        _assert_range("reference", reference)
        height, width = ops.shape(mono)[1:3]
        inputs = {"mono": pad(mono), "reference": pad(reference)}
        outputs = {
            name: unpad(name, value, height, width)
            for name, value in model(inputs, training=False).items()
            if name not in model.internal_outputs
        }
        return {**outputs, "picture": output_picture(mono, outputs["chroma"])}

    signature = [
        tf.TensorSpec((*shape, channels), tf.float32, name=name)
        for name, channels in (("mono", 1), ("reference", 3))
    ]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(SIGNATURE, colorize, input_signature=signature)
    archive.write_out(str(folder), verbose=False)


def _assert_range(name: str, view: tf.Tensor) -> None:
    """Has the graph raise InvalidArgumentError unless a view is in [0, 1]."""
    lowest, largest = ops.min(view), ops.max(view)
    tf.debugging.Assert(
        (lowest >= 0) & (largest <= 1),  # False for NaN, too.
        [f"expected {name} in [0, 1]. Received:", lowest, "to", largest],
    )
