"""Files and folders of a tree, by names in whatever case, without hidden ones.

Hidden are also the files that macOS leaves on other disks, such as `._left.png`.
"""

import collections
import contextlib
import os
import pathlib
import re
from collections.abc import Iterator

# A sketch of a tree looks at so many entries, and so deep.
_MOST_ENTRIES, _MOST_LEVELS = 5_000, 6


def paired_files(
    top: pathlib.Path, left: str, right: str
) -> tuple[dict[tuple[str, ...], tuple[pathlib.Path, pathlib.Path]], list[str]]:
    """Pairs the files of two patterns by what their stars stand for, never by order.

    Args:
        top: where the patterns begin.
        left, right: of the views, with equally many stars, such as
            "leftImg8bit/val/*/*_leftImg8bit.png"; letters match in either case.

    Returns:
        The files of both views by the text of the stars, sorted, and the missing files
        of those pairs of which one file is there.
    """
    views = [dict(_matches(top, pattern.split("/"))) for pattern in (left, right)]
    both = sorted(views[0].keys() & views[1].keys())
    missing = [
        str(top / pattern.replace("*", "{}").format(*key))
        for pattern, view, other in zip((left, right), views, views[::-1], strict=True)
        for key in other.keys() - view.keys()
    ]
    return {key: (views[0][key], views[1][key]) for key in both}, sorted(missing)


def _matches(
    folder: pathlib.Path, parts: list[str]
) -> Iterator[tuple[tuple[str, ...], pathlib.Path]]:
    """The files of a pattern by the text of its stars."""
    name, *rest = parts
    stars = re.compile(re.escape(name).replace(r"\*", "(.*)"), re.IGNORECASE)
    for path in folders_of(folder) if rest else files_of(folder):
        if match := stars.fullmatch(path.name):
            inner = _matches(path, rest) if rest else [((), path)]
            yield from ((match.groups() + key, file) for key, file in inner)


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files of a folder in sorted order, none if it does not exist."""
    return [folder / entry.name for entry in _entries(folder) if entry.is_file()]


def folders_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """The folders of a folder in sorted order, none if it does not exist."""
    return [folder / entry.name for entry in _entries(folder) if entry.is_dir()]


def _entries(folder: pathlib.Path) -> list[os.DirEntry]:
    with os.scandir(folder) if folder.is_dir() else contextlib.nullcontext(()) as found:
        shown = [entry for entry in found if not entry.name.startswith(".")]
    return sorted(shown, key=lambda entry: entry.name)


def folders_below(top: pathlib.Path, name: str, depth: int = 2) -> list[pathlib.Path]:
    """The folders of that name at most `depth` levels below `top`, and `top` itself."""
    found = [top] if top.resolve().name == name else []
    for level in range(depth):
        found += sorted(p for p in top.glob("*/" * level + name) if p.is_dir())
    return found


def sketch(top: pathlib.Path, most: int = 6) -> str:
    """The files below a folder in one line, those of like names as one.

    Digits count as equal, so that "frames/####.png (200 files)" stands for a video.
    """
    counts, seen = collections.Counter(), 0
    for folder, children, names in os.walk(top):
        place = pathlib.Path(folder).relative_to(top)
        children[:] = sorted(c for c in children if not c.startswith("."))
        if len(place.parts) >= _MOST_LEVELS or seen > _MOST_ENTRIES:
            children.clear()
        seen += len(names) + len(children)
        counts.update(
            re.sub(r"\d", "#", (place / name).as_posix())
            for name in names
            if not name.startswith(".")
        )
    if not counts:
        return "no files"
    kinds = [f"{kind} ({n} files)" if n > 1 else kind for kind, n in counts.items()]
    more = f" and {len(kinds) - most} more kinds" if len(kinds) > most else ""
    return ", ".join(kinds[:most]) + more
