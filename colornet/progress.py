"""Progress, as fit for a log file as for a terminal."""

import sys

from tqdm import tqdm


def progress_bar(total: int, unit: str, *, initial: int = 0, show: bool = True) -> tqdm:
    """A tqdm bar on standard error; a line every 20 s where that is no terminal."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=initial,
        unit=unit,
        disable=not show,
        dynamic_ncols=terminal,
        ascii=not terminal,
        mininterval=0.2 if terminal else 20,
        maxinterval=1 if terminal else 60,
    )


def say(text: str) -> None:
    """Writes a line on standard error before what takes seconds, if it is a terminal.

    In a log file nobody waits.
    """
    if sys.stderr.isatty():
        print(f"{text} ...", file=sys.stderr, flush=True)
