"""JSON files that are read back, with a checksum and one kind of error."""

import json
import os
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

from colornet.config import of_kind
from colornet.errors import InputError
from colornet.io.files import write_text

CHECKSUM = "crc32"


def _checksum(values: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(values).encode()):08x}"


def write_json(path: str | os.PathLike, values: Mapping[str, Any]) -> None:
    """Writes a dictionary with the CRC-32 of its values as its last field, `crc32`.

    Raises:
        InputError: see `colornet.io.files.replacing`.
    """
    text = json.dumps({**values, CHECKSUM: _checksum(values)}, indent=2)
    write_text(path, text)


def read_json(
    path: str | os.PathLike, kinds: Mapping[str, Any], has_checksum: bool = True
) -> dict[str, Any]:
    """The dictionary of a JSON file, without its checksum.

    Args:
        path: the file.
        kinds: types of the fields that must be there, such as `dict` or `str | None`;
            there may be others.
        has_checksum: whether there must be one; what is there is checked anyhow.

    Raises:
        InputError: no such file, no JSON, a field that is missing or of another type,
            or another checksum. The message has file, field, expected and received.
    """
    path = pathlib.Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"expected a JSON file. Received: {path} ({reason})"
        ) from error
    if not isinstance(values, dict):
        raise InputError(f"expected fields in {path}. Received: {values!r:.40}")
    expected = dict(kinds) | ({CHECKSUM: str} if has_checksum else {})
    for name, kind in expected.items():
        if name not in values:
            raise InputError(f"expected a field {name} in {path}. Received: none")
        of_kind(f"{path}: {name}", values[name], kind)
    checksum = values.pop(CHECKSUM, None)
    if checksum not in (None, _checksum(values)):
        raise InputError(
            f"{path}: {CHECKSUM} must be that of the other fields, "
            f"{_checksum(values)}. Received: {checksum!r}"
        )
    return values
