"""The command `colornet`: `colornet train …` is `python -m experiments.train …`."""

import runpy
import sys

PROGRAMS = {
    name: f"experiments.{name}"
    for name in (
        "colorize inspect train pretrain evaluate reproduce report export benchmark "
        "figures table1 table2 table3 table4 table5 robustness released_protocol "
        "error_regions ablate_policy pack_weights"
    ).split()
} | {name: f"tfrecords_tools.{name}" for name in ("write", "check")}


def main() -> None:
    """Runs the program that the first argument names, with the other arguments."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h"):
        print("colornet PROGRAM --flag=value …\n\n" + "\n".join(PROGRAMS))
        print("\ncolornet PROGRAM --help shows the flags of a program.")
    elif name in PROGRAMS:
        sys.argv = [name, *arguments]
        runpy.run_module(PROGRAMS[name], run_name="__main__", alter_sys=True)
    else:
        sys.exit(f"error: expected one of {', '.join(PROGRAMS)}. Received: {name}")


if __name__ == "__main__":
    main()
