"""How programs end: what is one line on standard error, and what keeps a traceback."""

import ast
import dataclasses
import os
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from tfrecords_tools import app

_PROGRAM = """
import gc
import sys
import numpy as np
from tfrecords_tools import app

def main():
    import tensorflow as tf
    # TensorFlow is left out of the search for garbage, which goes on.
    assert gc.isenabled() and gc.get_freeze_count() > 100_000
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


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_onednn_is_asked_for_unless_the_environment_says_otherwise(before, after):
    name = "TF_ENABLE_ONEDNN_OPTS"
    environment = {key: value for key, value in os.environ.items() if key != name}
    if before is not None:
        environment[name] = before
    program = f"import os, sys, colornet; print(os.environ['{name}'], end='')"
    program += "; assert 'tensorflow' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout) == (0, after)


def test_flags_are_fields_of_a_dataclass_with_their_defaults():
    @dataclasses.dataclass
    class Settings:
        test_count: int = 3
        test_share: float = 0.5
        test_switch: bool = False
        test_path: str | None = None

    texts = {field.name: "Of a test." for field in dataclasses.fields(Settings)}
    holders = app.config_flags(Settings, **texts)
    assert {name: holder.default for name, holder in holders.items()} == vars(
        Settings()
    )
    kinds = [flags.FLAGS[name].flag_type() for name in holders]
    assert kinds == ["int", "float", "bool", "string"]
    for name in holders:
        delattr(flags.FLAGS, name)
    holders = app.config_flags(Settings(test_count=4), **texts)
    assert holders["test_count"].default == 4


@pytest.mark.parametrize(
    ("module", "flag", "example"),
    [
        ("experiments.table3", "--column=<multi string>  (default: [])", "--records"),
        ("experiments.colorize", "--output=<string>  (required)", "--mono=right.png"),
        ("tfrecords_tools.write", "--dataset=<embedded|pairs|", "--out_dir=records"),
    ],
)
def test_help_shows_all_flags_of_a_program(module, flag, example):
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert flag in done.stdout and example in done.stdout
    assert "repeat this option" not in done.stdout and "logtostderr" not in done.stdout


def test_values_without_their_flags_are_named():
    command = [sys.executable, "-m", "experiments.colorize", "right.png", "left.png"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "error: expected flags, as in --name=value (--help lists them). "
        "Received: right.png left.png\n"
    )


def test_examples_in_docstrings_keep_their_backslashes():
    top = pathlib.Path(app.__file__).parents[1]
    for folder in ("colornet", "experiments", "tfrecords_tools"):
        for path in (top / folder).rglob("*.py"):
            first = ast.parse(path.read_text(encoding="utf-8")).body[:1]
            if first and isinstance(first[0], ast.Expr):
                lines = first[0].end_lineno - first[0].lineno
                assert first[0].value.value.count("\n") == lines, path
