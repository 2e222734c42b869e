"""What a training run tells while it runs: bar, `metrics.csv` and TensorBoard."""

import time

import numpy as np

from colornet.progress import progress_bar
from colornet.training.curve import LearningCurve, psnr
from colornet.training.summaries import TrainingSummaries

COLUMNS = ("loss", "psnr_rough", "psnr_final", "steps_per_second")


class RunLog:
    """Averages the metrics of the steps and reports them.

    Args:
        run_dir: folder for `metrics.csv` and `tensorboard/`.
        model: the network, for the pictures.
        example: maps of the picture that TensorBoard shows.
        step, steps: where the run starts and ends.
        progress: whether to draw a bar.
    """

    def __init__(self, run_dir, model, example, *, step, steps, progress):
        self._summaries = TrainingSummaries(run_dir / "tensorboard", model, example)
        self._curve = LearningCurve(run_dir / "metrics.csv", COLUMNS, step)
        self._bar = progress_bar(steps, "step", initial=step, show=progress)
        self._recent: list[dict] = []
        self._since = time.monotonic()

    def add(self, metrics: dict[str, np.ndarray]) -> None:
        """Takes the metrics of one step."""
        self._recent.append(metrics)
        self._bar.update()

    def write(self, step: int) -> None:
        """Writes the means since the last call."""
        loss, rough, final = (
            float(np.mean([metrics[name] for metrics in self._recent]))
            for name in ("loss", "rough_mse", "final_mse")
        )
        speed = len(self._recent) / (time.monotonic() - self._since)
        values = (loss, psnr(rough), psnr(final), speed)
        row = dict(zip(COLUMNS, values, strict=True))
        self._curve.write(step, row)
        self._summaries.scalars(step, row)
        self._bar.set_postfix_str(
            f"loss {loss:.3g}, rough {row['psnr_rough']:.2f} dB, "
            f"final {row['psnr_final']:.2f} dB",
            refresh=False,
        )
        self._recent, self._since = [], time.monotonic()

    def pictures(self, step: int) -> None:
        """Writes TensorBoard's pictures."""
        self._summaries.pictures(step)

    def close(self) -> None:
        self._bar.close()
        self._curve.close()
        self._summaries.close()
