"""An endless stream of training batches, rendered by worker processes.

    with SceneStream(StreamConfig(height=128, width=256), processes=2) as batches:
        for batch in batches:
            batch["mono"], batch["reference"], batch["target"], batch["disparity"]

NumPy only. Batch `step` is a function of the configuration and `step` alone: neither
the number of processes nor where the stream started changes a byte.
"""

import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Self

import numpy as np

from colornet.errors import InputError
from experiments.pretraining.examples import (
    ExampleMaker,
    StreamConfig,
    scene_of,
    training_example,
)

__all__ = ["SceneStream", "StreamConfig", "training_example"]

_ROOT = pathlib.Path(__file__).parents[2]
_AHEAD_BYTES = 128 * 2**20  # of examples that wait, over all workers
# Channels and type of the pixels, in the order of the bytes.
_PIXELS = {
    "mono": (1, np.uint8),
    "reference": (3, np.uint8),
    "target": (3, np.uint8),
    "disparity": (1, np.uint16),
}


class _Worker:
    """One process and the examples that it has made but nobody has taken yet."""

    def __init__(
        self, config: StreamConfig, process: int, processes: int, start_step: int
    ) -> None:
        pixel = sum(
            count * np.dtype(dtype).itemsize for count, dtype in _PIXELS.values()
        )
        self._bytes = config.height * config.width * pixel
        ahead = _AHEAD_BYTES // (self._bytes * processes)
        self._examples = queue.Queue(min(max(ahead, 2), 64))
        self._closing = threading.Event()
        self._errors = tempfile.TemporaryFile()
        command = [sys.executable, "-m", "experiments.pretraining.worker"]
        command += [config.to_json(), str(process), str(processes), str(start_step)]
        # Not `multiprocessing`: its processes import the program's main module anew,
        # and TensorFlow with it. A session of its own keeps Ctrl-C away; a worker whose
        # reader is gone, whatever ended it, ends at its next write.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._closing.is_set():
            example = np.empty(self._bytes, np.uint8)
            if self._process.stdout.readinto(example) < self._bytes:
                break
            self._examples.put(example)
        self._examples.put(None)

    def take(self) -> np.ndarray:
        """The next example, (bytes,) uint8.

        Raises:
            InputError: the worker could not use its configuration.
            RuntimeError: the worker has ended in another way.
        """
        example = self._examples.get()
        if example is not None:
            return example
        self._examples.put(None)  # for whoever asks next
        if self._closing.is_set():
            raise RuntimeError("The stream of scenes is closed.")
        status = self._process.wait()
        self._errors.seek(0)
        message = self._errors.read().decode(errors="replace").strip()
        if status == 1 and "Traceback" not in message:
            raise InputError(message)
        raise RuntimeError(
            f"A process that renders scenes ended with status {status}. {message}"
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._closing.set()
        self._process.kill()

    def join(self) -> None:
        """Waits for the end of the process and of its reader; after `kill`."""
        self._process.wait()
        while (
            self._thread.is_alive()
        ):  # it may be waiting for a place to put an example
            try:
                self._examples.get(timeout=0.01)
            except queue.Empty:
                continue
        while not self._examples.empty():
            self._examples.get()
        self._examples.put(None)
        self._process.stdout.close()
        self._errors.close()


def _environment() -> dict[str, str]:
    """This process' environment: one thread, and this very project to import."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **dict.fromkeys(threads, "1"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONSAFEPATH": "1",  # a folder `experiments` to stand in shall not hide ours
    }


class SceneStream:
    """Training batches without end; a context manager that ends its processes.

    Args:
        config: what the batches are made of.
        processes: int >= 1, how many processes render.
        start_step: int >= 0, number of the first batch.

    Raises:
        InputError: a number out of its range, or no textures.
    """

    def __init__(
        self, config: StreamConfig, processes: int, start_step: int = 0
    ) -> None:
        if processes < 1:
            raise InputError(f"expected at least 1 process. Received: {processes}")
        if start_step < 0:
            raise InputError(
                f"expected a start_step of at least 0. Received: {start_step}"
            )
        ExampleMaker(config)  # unusable textures shall fail here
        self.config = config
        self.step = start_step
        self._workers: list[_Worker] = []
        try:
            for process in range(processes):
                self._workers.append(_Worker(config, process, processes, start_step))
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.pid for worker in self._workers]

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """Batches from `step` on, the number of the next one.

        Yields:
            What `ExampleMaker` makes, with a first axis of B examples: "mono",
            "reference", "target" and "disparity".

        Raises:
            InputError: a texture cannot be read.
            RuntimeError: a worker has died, or the stream is closed.
        """
        size = self.config.batch_size
        while True:
            indices = range(self.step * size, (self.step + 1) * size)
            batch = self._batch([self._take(index) for index in indices])
            self.step += 1
            yield batch

    def _take(self, index: int) -> np.ndarray:
        scene, _ = scene_of(self.config, index)
        return self._workers[scene % len(self._workers)].take()

    def _batch(self, examples: list[np.ndarray]) -> dict[str, np.ndarray]:
        height, width = self.config.height, self.config.width
        joined = np.stack(examples)
        batch, start = {}, 0
        for name, (channels, dtype) in _PIXELS.items():
            end = start + height * width * channels * np.dtype(dtype).itemsize
            pixels = np.ascontiguousarray(joined[:, start:end]).view(dtype)
            batch[name] = pixels.reshape(-1, height, width, channels)
            start = end
        return batch

    def close(self) -> None:
        """Ends the processes and waits for them; may be called again."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()
