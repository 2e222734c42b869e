"""Which numbers a processor computes with, and which of them it only imitates."""

import contextlib
import pathlib
import sys
from collections.abc import Iterator

import keras

from colornet.config import check_choice

# Of inference: whatever the processor is good at, or one of the other two.
INFERENCE_PRECISIONS = ("auto", "float32", "bfloat16")
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}
_PROCESSORS = pathlib.Path("/proc/cpuinfo")


def has_gpu() -> bool:
    """Whether the backend computes on something else than a CPU."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))


def imitates_bfloat16(processors: pathlib.Path = _PROCESSORS) -> bool:
    """Whether a CPU without the instructions is to compute with bfloat16.

    Args:
        processors: file in which Linux says what the processors can do; without it
            nothing is known of them, and the answer is no.
    """
    if has_gpu() or not processors.is_file():
        return False
    return _INSTRUCTIONS.isdisjoint(processors.read_text("utf-8").split())


def inference_precision(choice: str, processors: pathlib.Path = _PROCESSORS) -> str:
    """The numbers that the convolutions of a network compute with.

    Args:
        choice: of `INFERENCE_PRECISIONS`. "auto" is bfloat16 on a GPU and on a CPU with
            instructions for it, and float32 elsewhere.
        processors: as in `imitates_bfloat16`.

    Returns:
        "float32" or "bfloat16".

    Raises:
        InputError: another choice.
    """
    check_choice("precision", choice, INFERENCE_PRECISIONS)
    if choice != "auto":
        return choice
    known = has_gpu() or processors.is_file()
    return "bfloat16" if known and not imitates_bfloat16(processors) else "float32"


@contextlib.contextmanager
def built_with(precision: str) -> Iterator[None]:
    """Networks that are built inside compute with "float32" or "bfloat16"."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(
        "mixed_bfloat16" if precision == "bfloat16" else precision
    )
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def warn_if_bfloat16_emulated(
    precision: str, processors: pathlib.Path = _PROCESSORS
) -> None:
    """Says so where a CPU without the instructions is to train in bfloat16.

    A step then takes many times as long as in float32.

    Args:
        precision: Keras dtype policy of the training.
        processors: as in `imitates_bfloat16`.
    """
    if precision == "mixed_bfloat16" and imitates_bfloat16(processors):
        print(
            "note: this processor has no instructions for bfloat16; "
            "--precision=float32 is many times as fast",
            file=sys.stderr,
        )
