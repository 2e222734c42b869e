"""The frame of a page, with page.html, and its tables and pictures.

What a function calls text is escaped; what it calls HTML is not.
"""

import base64
import io
import pathlib
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape

from PIL import Image

_TEMPLATE = pathlib.Path(__file__).with_name("page.html")
# Wide pictures are shrunk to this in the file: zooming shows no more than a screen.
_WIDEST = 1400
_JPEG = 88
# Tables of more columns than this become blocks on a phone.
_COLUMNS_OF_A_PHONE = 2

Place = tuple[int, int]  # a row and a column of a table, without head and names


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: text.
        parts: HTML, from top to bottom.
    """
    template = string.Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(title=escape(title), content="\n".join(parts))


def made_line(made: Mapping[str, str]) -> str:
    """A line with the date, version and command of `experiments.provenance.made`."""
    # Lines break between flags rather than at hyphens.
    words = (f"<span>{escape(word)}</span>" for word in made["command"].split())
    return (
        f"<p class=made>{escape(made['date'])}, version {escape(made['version'])}, "
        f"<code>{' '.join(words)}</code></p>"
    )


def table(
    head: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str]]],
    best: Collection[Place] = (),
    about: Mapping[str, str] | None = None,
) -> str:
    """A table that fits on a phone.

    Args:
        head: texts above the columns; there is none above the names of the rows.
        rows: the name of each as text, and its cells as HTML.
        best: which cells are marked; their number must be in a <b>.
        about: a second line of a column's head, by its text.
    """
    about = about or {}
    names = "".join(
        f"<th>{escape(name)}<small>{escape(about.get(name, ''))}</small></th>"
        for name in head
    )
    body = ""
    for number, (name, cells) in enumerate(rows):
        body += f"<tr><th>{escape(name)}</th>"
        for column, (label, cell) in enumerate(zip(head, cells, strict=True)):
            mark = ' class="best"' if (number, column) in best else ""
            body += f'<td data-label="{escape(label)}"{mark}>{cell}</td>'
        body += "</tr>"
    many = " class=many" if len(head) > _COLUMNS_OF_A_PHONE else ""
    return (
        f"<div class=wide><table{many}><thead><tr><th></th>{names}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def best_of(numbers: Iterable[float | None], digits: int) -> set[int]:
    """The places of the largest of several numbers; none where there is one alone.

    Args:
        numbers: of a row or column; None where there is none.
        digits: behind the point; numbers that look the same are all the best.
    """
    known = {n: round(x, digits) for n, x in enumerate(numbers) if x is not None}
    if len(known) < 2:
        return set()
    return {place for place, number in known.items() if number == max(known.values())}


def folded(summary: str, content: str, is_open: bool = False) -> str:
    """HTML that a tap unfolds, below a line of text."""
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(summary)}</summary>{content}</details>"


def grid(charts: Iterable[str]) -> str:
    """Charts as HTML, side by side where there is room."""
    return f"<div class=charts>{''.join(charts)}</div>"


def panels(parts: Iterable[str], is_large: bool = False) -> str:
    """What `panel` made, side by side where there is room."""
    size = " large" if is_large else ""
    return f'<div class="panels{size}">{"".join(parts)}</div>'


def panel(title: str, picture: pathlib.Path, crop: pathlib.Path | None = None) -> str:
    """A picture to zoom into, under its title; it is stored in the page.

    Args:
        title: HTML.
        picture: its file.
        crop: the file of a part of it that is shown below it.
    """
    files = {"": picture} | ({"box": crop} if crop else {})
    images = "".join(
        f'<button><img class="{kind}" alt="{path.stem}" loading="lazy" '
        f'src="{_stored(path)}"></button>'
        for kind, path in files.items()
    )
    return f"<div class=panel>{title}{images}</div>"


def _stored(path: pathlib.Path) -> str:
    file = io.BytesIO()
    with Image.open(path) as image:
        image.thumbnail((_WIDEST, 10 * _WIDEST), Image.Resampling.BOX)
        image.convert("RGB").save(file, "JPEG", quality=_JPEG, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
