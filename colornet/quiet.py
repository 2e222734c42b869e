"""Keeps the chatter of TensorFlow and TFDS off the terminal."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def no_start_up_notes() -> Iterator[None]:
    """Drops what TensorFlow writes while it is imported, and its notes below errors.

    TF_CPP_MIN_LOG_LEVEL alone does not do it: TensorFlow 2.21 writes some of them
    before it reads that. So standard error is closed to everyone during the import. A
    user who sets TF_CPP_MIN_LOG_LEVEL=0 gets all notes.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def import_tensorflow() -> None:
    """Imports TensorFlow without its start-up notes."""
    if "tensorflow" not in sys.modules:
        with no_start_up_notes():
            import tensorflow  # noqa: F401


@contextlib.contextmanager
def quiet_tfds() -> Iterator[None]:
    """Drops what TFDS prints and logs below errors; standard error stays open."""
    import tensorflow_datasets as tfds

    log = logging.getLogger("absl")  # TFDS writes to it.
    level = log.level
    log.setLevel(logging.ERROR)
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        log.setLevel(level)
