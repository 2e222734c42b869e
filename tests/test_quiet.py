"""What a notebook or a terminal shows while the library works."""

import io
import os
import subprocess
import sys

import pytest

from colornet.progress import say
from colornet.quiet import no_start_up_notes
from tests.command_line import ROOT

# TensorFlow warns of the fifth of few calls that traces a graph of the same function.
_PROGRAM = """
import numpy as np
import colornet
from colornet.inference import colorize_outputs

colornet.load_pretrained()
pair = np.zeros((32, 32)), np.random.default_rng(0).random((32, 32, 3))
for _ in range(6):
    network = colornet.build_colornet(colornet.ModelConfig(n=1, max_disparity=32))
    colorize_outputs(network, *pair)
"""


@pytest.mark.parametrize(("level", "seen"), [(None, ""), ("3", ""), ("0", "a note")])
def test_notes_are_dropped_unless_they_are_asked_for(monkeypatch, capfd, level, seen):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    if level is not None:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    with no_start_up_notes():
        os.write(2, b"a note")
    assert capfd.readouterr().err == seen
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == (level or "3")
    os.write(2, b"after it")
    assert capfd.readouterr().err == "after it"


@pytest.mark.slow
def test_networks_are_loaded_and_used_without_a_word():
    hidden = ("TF_CPP_MIN_LOG_LEVEL",)
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_told_what_takes_seconds(monkeypatch):
    for stream, seen in ((_Terminal(), "loading weights ...\n"), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stream)
        say("loading weights")
        assert stream.getvalue() == seen
