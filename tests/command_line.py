"""Runs the programs of the repository as a user does."""

import json
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[1]

# Starts a module again and again in one process, since importing TensorFlow takes
# longer than all the rest. Between two starts only the flags are reset.
_DRIVER = """
import contextlib, importlib, io, json, sys, traceback
from absl import flags
from tfrecords_tools import app
from colornet.quiet import import_tensorflow

name, eagerly, *calls = json.load(sys.stdin)
module = importlib.import_module(name)
if eagerly:
    import_tensorflow()
    sys.modules["tensorflow"].config.run_functions_eagerly(True)
results = []
for arguments in calls:
    sys.argv = [name, *arguments]
    flags.FLAGS.unparse_flags()
    for flag in flags.FLAGS:
        flags.FLAGS[flag].unparse()
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app.run(module.main)
        except SystemExit as stop:
            code = stop.code or 0
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
        except BaseException:
            traceback.print_exc()
            code = 1
    results.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(results))
"""


class Result(NamedTuple):
    code: int
    stdout: str
    stderr: str


def start(module: str, *arguments) -> Result:
    """`python -m module arguments`."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    return Result(done.returncode, done.stdout, done.stderr)


def start_each(
    module: str, calls: dict[str, list], eagerly: bool = False
) -> dict[str, Result]:
    """As `start` for every list of arguments, in one process of their own.

    Without graphs (`eagerly`) small networks are faster: tracing takes the longest.
    """
    argv = [list(map(str, arguments)) for arguments in calls.values()]
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER],
        input=json.dumps([module, eagerly, *argv]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(calls, (Result(*result) for result in results), strict=True))


def assert_one_line_error(result: Result, *words: str) -> None:
    """One line on standard error that says what is wrong, status 1, no traceback."""
    assert result.code == 1, result
    assert result.stderr.startswith("error: "), result.stderr
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n"), result
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr, result.stderr
