"""How programs end: what is one line on standard error, and what keeps a traceback."""

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
import numpy as np
from colornet import app

def main():
    import tensorflow as tf
    raise {error}

app.run(main)
"""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("MemoryError('Unable to allocate 9 TiB')", "Unable to allocate 9 TiB"),
        ("tf.errors.ResourceExhaustedError(None, None, 'OOM\\nat op')", "OOM at op"),
        ("RuntimeError('RESOURCE_EXHAUSTED: Out of memory')", "RESOURCE_EXHAUSTED"),
    ],
)
def test_out_of_memory_is_one_line(error, words):
    done = _run(error)
    assert done.returncode == 1
    assert done.stderr.startswith("error: expected enough memory"), done.stderr
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_a_defect_keeps_its_traceback():
    done = _run("RuntimeError('a defect')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "RuntimeError: a defect" in done.stderr


def _run(error: str) -> subprocess.CompletedProcess:
    program = _PROGRAM.format(error=error)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
