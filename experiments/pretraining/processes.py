"""How many processes render beside a training."""

import functools
import os

from experiments.pretraining.loop import OpenStream
from experiments.pretraining.stream import SceneStream


def _open(config, start_step: int, processes: int) -> SceneStream:
    return SceneStream(config, processes, start_step)


def stream_opener(processes: int | None = None) -> OpenStream:
    """Opens streams of rendered scenes.

    Args:
        processes: how many processes render; one less than the CPU cores if None.
    """
    count = processes or max((os.cpu_count() or 1) - 1, 1)
    return functools.partial(_open, processes=count)
