"""How the runnable modules start: absl flags in, one-line errors out."""

import contextlib
import dataclasses
import errno
import gc
import importlib.util
import itertools
import os
import signal
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from absl import app, flags, logging

from colornet.errors import InputError, Interrupted
from colornet.progress import say
from colornet.quiet import import_tensorflow

_HELP = {"--help", "-help", "-h", "-?"}
_BACKENDS = ("tensorflow", "jax")
_KINDS = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
}
_LESS_MEMORY = (
    "smaller sizes, and of --memory_gb, --precision and --recompute what there is"
)
# Those of `config_flags` are of the module that calls it.
flags.disclaim_key_flags()


def config_flags(config: Any, **texts: str) -> dict[str, flags.FlagHolder]:
    """Defines flags that are fields of a dataclass.

    Args:
        config: the dataclass, whose defaults the flags have; or an instance, whose
            values they have.
        **texts: what `--help` says of a field, by its name.

    Returns:
        The flags by the name of the field.
    """
    defaults = {
        f.name: getattr(config, f.name, None) for f in dataclasses.fields(config)
    }
    return {
        name: _KINDS.get(type(defaults[name]), flags.DEFINE_string)(
            name, defaults[name], text
        )
        for name, text in texts.items()
    }


def flag_values(holders: dict[str, flags.FlagHolder]) -> dict[str, Any]:
    """The values of flags by the same names."""
    return {name: holder.value for name, holder in holders.items()}


def _own_flags() -> Iterator[flags.Flag]:
    """The flags of the program and of the modules that it shares with others."""
    of_modules = flags.FLAGS.flags_by_module_dict()
    program = sys.argv[0]
    for module in sorted(of_modules, key=lambda module: (module != program, module)):
        if not module.startswith("absl"):
            yield from of_modules[module]


def help_text() -> str:
    """What `--help` prints: the program's docstring, and its flags with defaults."""
    lines = [(sys.modules["__main__"].__doc__ or "").strip(), "", "Flags:"]
    for flag in _own_flags():
        choices = getattr(flag.parser, "enum_values", None)
        value = "|".join(choices) if choices else flag.flag_type()
        name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}=<{value}>"
        if any("other than None" in check.message for check in flag.validators):
            default = "required"
        elif flag.default is None:
            default = "unset by default"
        else:
            default = f"default: {flag.default_as_str.strip(chr(39))}"
        # absl adds the choices in front, and a remark on repetition behind.
        about = flag.help.removeprefix(f"<{value}>: ").partition(";\n")[0]
        lines += [f"  {name}  ({default})", textwrap.indent(about, " " * 6)]
    return "\n".join(lines)


def _parse(argv: list[str]) -> list[str]:
    if _HELP & set(argv[1:]):
        with contextlib.suppress(BrokenPipeError):
            print(help_text(), flush=True)
        os._exit(0)  # Whoever read enough of it has closed the pipe.
    odd = [
        after
        for before, after in itertools.pairwise(argv)
        if not after.startswith("-") and ("=" in before or not before.startswith("-"))
    ]
    try:
        # A missing flag is not the fault of who wrote its value without its name.
        odd = odd or flags.FLAGS(argv)[1:]
    except flags.Error as error:
        sys.exit(f"error: {' '.join(str(error).split())} (--help lists the flags)")
    if odd:
        sys.exit(
            "error: expected flags, as in --name=value (--help lists them). "
            f"Received: {' '.join(odd)}"
        )
    return argv[:1]


def refuse_flags(holders: Iterable[flags.FlagHolder], expected: str) -> None:
    """Raises InputError if one of these flags was given: it would change nothing.

    Args:
        holders: of the flags.
        expected: whose flags may be given instead, as in "method grey".
    """
    names = (holder.name for holder in holders)
    given = [f"--{name}" for name in names if flags.FLAGS[name].present]
    if given:
        raise InputError(f"expected flags of {expected}. Received: {', '.join(given)}")


def _is_out_of_memory(error: Exception) -> bool:
    """NumPy says it with a MemoryError, TensorFlow and JAX with errors of their own."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or str(error).startswith("RESOURCE_EXHAUSTED")
    )


def _show_warning(message, *_) -> None:
    sys.stderr.write(f"warning: {' '.join(str(message).split())}\n")


def _start_tensorflow() -> None:
    """Imports TensorFlow, whose 350,000 objects stay until the program ends.

    Python would look for garbage among them again and again: 2 s in all.
    """
    if "tensorflow" in sys.modules:
        return
    gc.disable()
    import_tensorflow()
    gc.freeze()
    gc.enable()


def run(main: Callable[[], None], less_memory: str = _LESS_MEMORY) -> None:
    """Parses the flags and runs `main()`.

    Bad input (`InputError`, or an operating system error with a file's name) and a lack
    of memory end the program with one line on standard error and status 1, a signal
    with 128 and its number (Ctrl-C: 130); anything else is a defect and keeps its
    traceback. A warning is one line, without a place in the code. Modules that need
    TensorFlow or Keras are imported in `main`, after the flags are known to be good.

    Args:
        main: the program.
        less_memory: what takes less memory, for the message of a lack of it.
    """

    def guarded(_: list[str]) -> None:
        logging.set_verbosity(logging.ERROR)
        warnings.showwarning = _show_warning
        try:
            backend = os.environ.get("KERAS_BACKEND", "tensorflow")
            if backend not in _BACKENDS or not importlib.util.find_spec(backend):
                raise InputError(
                    f"expected KERAS_BACKEND to be {' or '.join(_BACKENDS)}, and "
                    f"installed. Received: {backend}"
                )
            if backend == "tensorflow":
                say("starting TensorFlow")
                _start_tensorflow()
            main()
        except InputError as error:
            sys.exit(f"error: {' '.join(str(error).split())}")
        except BrokenPipeError:
            # Whoever read the output has enough; nor may the exit flush it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        except OSError as error:
            if error.filename is None and error.errno != errno.ENOSPC:
                raise
            sys.exit(f"error: {error.strerror}: {error.filename or 'while writing'}")
        except Interrupted as stop:
            print(stop)
            sys.exit(128 + stop.signum)
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            sys.exit(
                f"error: expected enough memory; less is taken with {less_memory}. "
                f"Received: {' '.join(str(error).split())[:200]}"
            )
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            sys.exit(130)

    app.run(guarded, flags_parser=_parse)
