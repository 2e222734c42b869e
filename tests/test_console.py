"""The command `colornet`."""

import pathlib
import subprocess
import sys

from experiments import console


def _run(*arguments):
    command = [sys.executable, "-m", "experiments.console", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_program_is_a_command():
    top = pathlib.Path(console.__file__).parents[1]
    programs = {
        f"{path.parent.name}.{path.stem}"
        for folder in ("experiments", "tfrecords_tools")
        for path in (top / folder).glob("*.py")
        if "\n    app.run(main" in path.read_text(encoding="utf-8")
    }
    assert set(console.PROGRAMS.values()) == programs


def test_a_program_runs_with_its_flags():
    assert "table5\n" in _run().stdout
    done = _run("table3", "--help")
    assert done.returncode == 0 and "--column=" in done.stdout
    done = _run("table3", "--column=x")
    assert done.returncode == 1 and done.stderr.startswith("error: expected --records")
    assert done.stderr.count("\n") == 1


def test_no_such_program():
    done = _run("colourise")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: expected one of colorize, inspect, ")
