"""Weights that come with the package.

Everything that takes weights takes `pretrained:NAME`, or `pretrained:default` for those
that `index.json` names as the default; no path is taken for such a name. The kernels
are stored as float16, and every file is checked against its SHA-256 before it is read.
The environment variable COLORNET_PRETRAINED names another folder of this kind.
`MODEL_CARD.md` says what the weights were trained on, how, and what they reach.
"""

import os
import pathlib
from typing import Any

from colornet.config import of_kind
from colornet.errors import InputError
from colornet.io.files import sha256_of
from colornet.io.json_files import read_json

PREFIX = "pretrained:"
DEFAULT = f"{PREFIX}default"
INDEX = "index.json"


def folder() -> pathlib.Path:
    """Where the weights, their index and their card are."""
    other = os.environ.get("COLORNET_PRETRAINED")
    return pathlib.Path(other) if other else pathlib.Path(__file__).parent


def read_index(directory: pathlib.Path) -> dict[str, Any]:
    """The index of a folder of weights.

    Returns:
        {"default": a name or None, "weights": {name: {"file": its name in the folder,
        "sha256": hexadecimal, …}}}.

    Raises:
        InputError: there is none, or it is none.
    """
    path = directory / INDEX
    kinds = {"default": str | None, "weights": dict}
    index = read_json(path, kinds, has_checksum=False)
    for name, entry in index["weights"].items():
        of_kind(f"{path}: {name}", entry, dict)
        for field in ("file", "sha256"):
            of_kind(f"{path}: {name}, {field}", entry.get(field), str)
        of_kind(f"{path}: {name}, policy", entry.get("policy", {}), dict)
    return {name: index[name] for name in kinds}


def pretrained_names() -> list[str]:
    """Names of the weights that come with the package, the default's first.

    Raises:
        InputError: the folder has no index of weights.
    """
    index = read_index(folder())
    return sorted(index["weights"], key=lambda name: (name != index["default"], name))


def full_name(weights: str) -> str:
    """`pretrained:default` with the name that it stands for; all else as it is.

    Raises:
        InputError: no weights come with this copy of the package.
    """
    if weights != DEFAULT:
        return weights
    default = read_index(folder())["default"]
    if default is None:
        raise InputError(
            "expected weights: a run, a checkpoint, .npz or .keras; none come with "
            f"this copy of colornet. Received: {weights}"
        )
    return PREFIX + default


def _entry(weights: str) -> dict[str, Any]:
    name = full_name(weights).removeprefix(PREFIX)
    known = read_index(folder())["weights"]
    if name not in known:
        raise InputError(
            f"expected pretrained weights of a known name ({', '.join(known)}). "
            f"Received: {name!r}"
        )
    return known[name]


def weights_file(weights: str) -> pathlib.Path:
    """The file of `pretrained:NAME`, once its SHA-256 is known to be right.

    Raises:
        InputError: no such weights, a missing file, or another one than was packed.
    """
    entry = _entry(weights)
    path = folder() / entry["file"]
    if not path.is_file():
        raise InputError(f"expected a file of weights. Missing: {path}")
    found = sha256_of(path)
    if found != entry["sha256"]:
        raise InputError(
            f"expected {path} with SHA-256 {entry['sha256']}. Received: {found}"
        )
    return path


def policy(weights: str) -> dict[str, Any]:
    """How the Colorizer uses `pretrained:NAME`: fields of `colornet.Policy`.

    Raises:
        InputError: no such weights.
    """
    return _entry(weights).get("policy", {})
