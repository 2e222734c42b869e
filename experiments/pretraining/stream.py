"""An endless stream of training batches, rendered by worker processes.

    with SceneStream(StreamConfig(height=128, width=256), processes=2) as batches:
        for batch in batches:
            batch["mono"], batch["reference"], batch["target"], batch["disparity"]

NumPy only. Batch `step` is a function of the configuration and `step` alone: neither
the number of processes nor where the stream started changes a byte.
"""

import collections
import io
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np

from colornet.errors import InputError
from experiments.pretraining.examples import ExampleMaker, StreamConfig, scene_of

_ROOT = pathlib.Path(__file__).parents[2]
_AHEAD_BYTES = 128 * 2**20  # of examples that wait, over all workers
_PIXEL_BYTES = 9  # of mono, reference, target and disparity


class _Worker:
    """One process, and the examples that it has made but nobody has taken yet."""

    def __init__(self, config: StreamConfig, process: int, processes: int, step: int):
        self._errors = tempfile.TemporaryFile()
        command = [sys.executable, "-m", "experiments.pretraining.worker"]
        command += [config.to_json(), str(process), str(processes), str(step)]
        # Not `multiprocessing`: its processes import the program's main module anew,
        # and TensorFlow with it. A session of its own keeps Ctrl-C away; a worker whose
        # reader is gone, whatever ended it, ends at its next write.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
            start_new_session=True,
        )
        example_bytes = config.height * config.width * _PIXEL_BYTES
        ahead = _AHEAD_BYTES // (example_bytes * processes)
        self._reader = ThreadPoolExecutor(1)
        self._waiting = collections.deque(
            self._reader.submit(self._read) for _ in range(min(max(ahead, 2), 64))
        )

    def _read(self) -> dict[str, np.ndarray]:
        length = int.from_bytes(self.process.stdout.read(8), "little")
        content = self.process.stdout.read(length)
        if length and len(content) == length:
            with np.load(io.BytesIO(content)) as archive:
                return dict(archive)
        status = self.process.wait()  # It ended, maybe amid an example.
        self._errors.seek(0)
        message = self._errors.read().decode(errors="replace").strip()
        if status == 1 and "Traceback" not in message:
            raise InputError(message)
        raise RuntimeError(
            f"A process that renders scenes ended with status {status}. {message}"
        )

    def take(self) -> dict[str, np.ndarray]:
        """The next example of this process.

        Raises:
            InputError: the worker could not use its configuration.
            RuntimeError: the worker has ended in another way.
        """
        self._waiting.append(self._reader.submit(self._read))
        return self._waiting.popleft().result()

    def join(self) -> None:
        """Waits for the end of the process, which is killed, and of its reader."""
        self._reader.shutdown(cancel_futures=True)
        self.process.wait()
        self.process.stdout.close()
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
        start_step: int >= 0, number of the first batch.
        processes: int >= 1, how many processes render; one less than the CPU cores if
            None.

    Raises:
        InputError: a number out of its range, or no textures.
    """

    def __init__(
        self, config: StreamConfig, start_step: int = 0, processes: int | None = None
    ) -> None:
        if processes is None:
            processes = max((os.cpu_count() or 1) - 1, 1)
        for name, value, least in (
            ("processes", processes, 1),
            ("start_step", start_step, 0),
        ):
            if value < least:
                raise InputError(
                    f"expected {name} of at least {least}. Received: {value}"
                )
        ExampleMaker(config)  # unusable textures shall fail here
        self.config = config
        self.step = start_step
        self._workers: list[_Worker] = []
        self._closed = False
        try:
            for process in range(processes):
                self._workers.append(_Worker(config, process, processes, start_step))
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

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
            if self._closed:
                raise RuntimeError("The stream of scenes is closed.")
            indices = range(self.step * size, (self.step + 1) * size)
            scenes = [scene_of(self.config, index)[0] for index in indices]
            examples = [self._workers[s % len(self._workers)].take() for s in scenes]
            self.step += 1
            yield {name: np.stack([e[name] for e in examples]) for name in examples[0]}

    def close(self) -> None:
        """Ends the processes and waits for them; may be called again."""
        self._closed = True
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()
