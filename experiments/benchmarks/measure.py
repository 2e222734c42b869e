"""Times and peak memory of functions, each in a fresh process."""

import multiprocessing
import pathlib
import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from colornet.errors import InputError


def measured(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Calls function(*arguments) in a fresh process.

    Args:
        function: of a module.
        arguments: must pickle.

    Returns:
        What it returns, and the most memory that its process ever had, in MB.

    Raises:
        InputError: of the function, or the process ended without a result.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as executor:
        try:
            return executor.submit(_call, function, arguments).result()
        except BrokenProcessPool as error:
            raise InputError(
                f"expected a result of {function.__name__}. Received: its process "
                "was killed"
            ) from error


def _call(function: Callable[..., Any], arguments: tuple) -> tuple[Any, float]:
    value = function(*arguments)
    # Linux hands getrusage's ru_maxrss on to the processes that one starts.
    status = pathlib.Path("/proc/self/status").read_text("utf-8")
    return value, int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6


def timed(call: Callable[[], Any], repeats: int) -> list[float]:
    """Seconds of a call, again and again, after a first one that traces graphs."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]
