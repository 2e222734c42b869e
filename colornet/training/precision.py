"""Whether a processor computes with bfloat16, or only imitates it."""

import pathlib
import sys

import keras

_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}


def _on_cpu() -> bool:
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "cpu"
    import tensorflow as tf

    return not tf.config.get_visible_devices("GPU")


def warn_if_bfloat16_emulated(
    precision: str, processors: pathlib.Path = pathlib.Path("/proc/cpuinfo")
) -> None:
    """Says so where a CPU without the instructions is to train in bfloat16.

    A step then takes many times as long as in float32.

    Args:
        precision: Keras dtype policy of the training.
        processors: file in which Linux says what the processors can do.
    """
    if precision != "mixed_bfloat16" or not _on_cpu() or not processors.is_file():
        return
    if _INSTRUCTIONS.isdisjoint(processors.read_text("utf-8").split()):
        print(
            "note: this processor has no instructions for bfloat16; "
            "--precision=float32 is many times as fast",
            file=sys.stderr,
        )
