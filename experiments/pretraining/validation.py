"""Scores of held-out rendered scenes while a network trains."""

import itertools

import keras
import numpy as np
from tqdm import tqdm

from colornet.color import rgb_to_chroma
from colornet.training.curve import LearningCurve, psnr
from colornet.training.run import TrainingRun
from experiments.pretraining.optimization import averaged

_COLUMNS = ("psnr_rough", "psnr_final")
# No training run is given a seed so large: its scenes are others.
HELD_OUT_SEED = 1_000_000_000


def float_maps(batch: dict) -> dict[str, np.ndarray]:
    """`mono` and `reference` of a batch of the stream, float32 in [0, 1]."""
    return {
        name: np.asarray(batch[name], np.float32) / 255
        for name in ("mono", "reference")
    }


class Validation:
    """Chroma PSNR of rough and final on batches that are the same for the whole run.

    The weights are those of the moving average; batch normalization uses the statistics
    of the batch (D-14), because the moving ones are measured at the end only (D-31),
    unless they are frozen.

    Args:
        run: a `Pretrainer`, whose folder gets `validation.csv`; the scenes are of
            another seed than its own.
        count: number of batches.
    """

    def __init__(self, run: TrainingRun, count: int):
        self._run, config = run, run.config
        held_out = config.stream.replace(seed=config.stream.seed + HELD_OUT_SEED)
        with run.open_stream(held_out, 0) as batches:
            self._batches = list(itertools.islice(batches, count))
        self._curve = LearningCurve(run.run_dir / "validation.csv", _COLUMNS, run.step)
        self._network = averaged(
            run.model,
            run.optimizer,
            bn_statistics="moving" if config.frozen_statistics else "batch",
        )
        if keras.backend.backend() == "tensorflow":
            self._network.jit_compile = False  # As `colornet.inference.predict`.

    def score(self) -> None:
        """Writes a row for the model and the optimizer as they are now; says it too."""
        self._network.set_weights(self._run.model.get_weights())
        self._run.optimizer.finalize_variable_values(self._network.trainable_variables)
        errors = {"rough_chroma": [], "chroma": []}
        for batch in self._batches:
            outputs = self._network.predict_on_batch(float_maps(batch))
            truth = rgb_to_chroma(batch["target"].astype(np.float32) / 255)
            for name, values in errors.items():
                difference = np.asarray(outputs[name]) - truth
                values += list(np.square(difference).mean(axis=(1, 2, 3)))
        rough, final = (
            float(np.mean([psnr(mse) for mse in values])) for values in errors.values()
        )
        self._curve.write(self._run.step, {"psnr_rough": rough, "psnr_final": final})
        tqdm.write(f"held-out scenes: rough {rough:.2f} dB, final {final:.2f} dB")

    def close(self) -> None:
        self._curve.close()
