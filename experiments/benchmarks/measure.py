"""Times and peak memory of functions, each in a fresh process."""

import dataclasses
import multiprocessing
import pathlib
import re
import time
from collections.abc import Callable
from typing import Any

from colornet.errors import InputError


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a function took.

    Attributes:
        value: what it returned.
        seconds: the wall time it says it took, or that of the whole call.
        peak_bytes: most memory that its process ever had.
    """

    value: Any
    seconds: float
    peak_bytes: int


def measured(function: Callable[..., Any], *arguments: Any) -> Measured:
    """Calls function(*arguments) in a fresh process.

    Args:
        function: of a module. A float that it returns is the seconds that count;
            otherwise they are those of the call, without the start of the process.
        arguments: must pickle.

    Raises:
        InputError: of the function, or the process ended without a result.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        result = receiver.recv()
    except EOFError as error:
        process.join()
        raise InputError(
            f"expected a result of {function.__name__}. Received: its process ended "
            f"with status {process.exitcode}"
        ) from error
    finally:
        process.join()
    if isinstance(result, InputError):
        raise result
    return result


def _call(sender, function: Callable[..., Any], arguments: tuple) -> None:
    start = time.perf_counter()
    try:
        value = function(*arguments)
    except InputError as error:
        sender.send(error)
        return
    seconds = time.perf_counter() - start
    if isinstance(value, float):
        seconds = value
    sender.send(Measured(value, seconds, _peak_bytes()))


def _peak_bytes() -> int:
    # Linux hands getrusage's ru_maxrss on to the processes that one starts.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
