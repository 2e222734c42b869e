"""Which program made a file: date, version and command."""

import datetime
import shlex
import sys

import colornet

# The fields and their types.
MADE = {"date": str, "version": str, "command": str}


def made() -> dict[str, str]:
    """The `date` (UTC), the `version` of colornet, and the `command` that runs."""
    now = datetime.datetime.now(datetime.UTC)
    program = sys.modules["__main__"].__spec__
    module = program.name if program else sys.argv[0]
    return {
        "date": f"{now:%Y-%m-%d %H:%M} UTC",
        "version": colornet.__version__,
        "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
    }
