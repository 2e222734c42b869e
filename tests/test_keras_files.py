"""Keras finds the networks in `.keras` files once the package is imported."""

import subprocess
import sys

import pytest

from colornet.config import ModelConfig
from colornet.model import build_colornet


@pytest.mark.slow
@pytest.mark.parametrize("first", ["colornet, keras", "keras, colornet"])
def test_keras_finds_the_class(tmp_path, first):
    path = tmp_path / "m.keras"
    build_colornet(ModelConfig(n=2, max_disparity=32)).save(path)
    code = f"import {first}\nmodel = keras.models.load_model({str(path)!r})"
    code += "\nprint(type(model).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "ColorNet"
