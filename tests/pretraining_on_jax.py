"""What test_pretraining runs under JAX, in a process without TensorFlow.

python -m tests.pretraining_on_jax FOLDER
python -m tests.pretraining_on_jax RUN table_1
"""

import pathlib
import shutil
import sys

import numpy as np

from colornet.errors import Interrupted
from colornet.training.run import Reporting
from colornet.weights import load_model
from experiments.pretraining.loop import Pretrainer
from tests import pretraining_runs as runs


def _run(config, run_dir, stream) -> None:
    reporting = Reporting(2, log_every=1, validate_every=0)
    try:
        Pretrainer(config, run_dir, stream, reporting).run()
    except Interrupted as stop:
        print(stop)


def main(top: pathlib.Path) -> None:
    """Goes on with copies of a run that TensorFlow has begun, and begins one."""
    config = runs.CONFIG
    _run(config, top / "whole", runs.pictures)
    _run(config, top / "stopped", runs.stopping_at(4))
    shutil.copytree(top / "stopped", top / "one_step")
    _run(config, top / "stopped", runs.pictures)
    bfloat16 = config.replace(steps=2, precision="mixed_bfloat16")
    _run(bfloat16, top / "bfloat16", runs.pictures)
    start = Pretrainer(config, top / "one_step", runs.pictures).write_result()
    frozen = config.replace(steps=1, initial_weights=str(start), frozen_statistics=True)
    _run(frozen, top / "frozen", runs.pictures)
    model = load_model(start)
    batch = runs.batch_of(runs.CONFIG.stream, 0)
    inputs = {
        name: (batch[name] / 255.0).astype(np.float32) for name in ("mono", "reference")
    }
    np.save(top / "chroma.npy", np.asarray(model(inputs, training=False)["chroma"]))


if __name__ == "__main__":
    if sys.argv[2:] == ["table_1"]:
        _run(runs.TABLE_1, pathlib.Path(sys.argv[1]), runs.stopping_at(4))
    else:
        main(pathlib.Path(sys.argv[1]))
    # The machine that trains may not have it.
    assert "tensorflow" not in sys.modules
