"""Signals that end a run at the next step instead of in the middle of one."""

import os
import signal

from colornet.errors import Interrupted


class StopSignals:
    """A context that notes SIGTERM and Ctrl-C; what was in force comes back after it.

    Args:
        reply: line on standard error when the first signal comes; none if empty.

    Attributes:
        number: of the signal that came, or None.
    """

    def __init__(self, reply: str = ""):
        self.number: int | None = None
        self._reply = reply
        self._before: dict = {}

    def _handle(self, number, frame) -> None:
        if self._reply and self.number is None:
            # Not by print, which may have been interrupted itself.
            os.write(2, f"\n{self._reply}\n".encode())
        self.number = number

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def interrupted(self, step: int) -> Interrupted:
        """What to raise once the checkpoint of `step` is written."""
        number = self.number or signal.SIGTERM
        return Interrupted(
            number,
            f"{signal.Signals(number).name}: checkpoint of step {step} "
            "written; start again to go on",
        )
