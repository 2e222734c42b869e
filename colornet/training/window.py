"""The metrics of the steps since the last row of `metrics.csv`. Any backend."""

import time
from collections import deque
from collections.abc import Iterator

import numpy as np

from colornet.errors import NonFiniteError
from colornet.networks import Network
from colornet.training.checkpoints import Checkpoints
from colornet.training.curve import psnr


class Window:
    """Takes the metrics of step after step, and waits for them when they are needed.

    Args:
        model: the network in training.
        checkpoints: of the run.
        step: the last one before.
    """

    def __init__(self, model: Network, checkpoints: Checkpoints, step: int):
        self._model, self._checkpoints, self._step = model, checkpoints, step
        self._pending: deque[dict] = deque()
        self._rows: list[dict[str, float]] = []
        self._since, self._waited = time.monotonic(), 0.0

    def next_of(self, batches: Iterator):
        """The next batch; it counts how long it waits."""
        start = time.monotonic()
        batch = next(batches)
        self._waited += time.monotonic() - start
        return batch

    def add(self, metrics: dict) -> None:
        """Takes the metrics of a step that may be under way; waits for nothing."""
        self._pending.append(metrics)

    def settle(self) -> None:
        """Waits for all steps; NonFiniteError if a number is not finite."""
        while self._pending:
            row = {k: np.asarray(v) for k, v in self._pending.popleft().items()}
            self._step += 1
            for name, value in row.items():
                if not np.isfinite(value).all():
                    self._refuse(name, value)
            if "gradient_norms" in row:
                row["gradient_norm"] = np.linalg.norm(row.pop("gradient_norms"))
            self._rows.append({name: float(value) for name, value in row.items()})

    def _refuse(self, name: str, value: np.ndarray) -> None:
        if name == "gradient_norms":
            first = np.flatnonzero(~np.isfinite(value))[0]
            name = f"gradient of {self._model.trainable_variables[first].path}"
        kept = self._checkpoints.steps()
        raise NonFiniteError(
            f"expected finite numbers in training. Received: {name} is not finite at "
            f"step {self._step}; last good checkpoint: "
            f"{self._checkpoints.path(kept[-1]) if kept else 'none'}"
        )

    def means(self) -> dict[str, float]:
        """A row of `metrics.csv`; waits for all steps, errors as `settle`."""
        self.settle()
        names = self._rows[0]
        mean = {n: float(np.mean([row[n] for row in self._rows])) for n in names}
        return mean | {
            "psnr_rough": psnr(mean["rough_mse"]),
            "psnr_final": psnr(mean["final_mse"]),
            "steps_per_second": len(self._rows) / (time.monotonic() - self._since),
            "wait_seconds": self._waited,
        }
