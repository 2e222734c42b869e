"""A page of HTML as elements."""

import dataclasses
from html.parser import HTMLParser

_VOID = {"meta", "img", "br", "link", "input"}


@dataclasses.dataclass
class Element:
    """An element: its tag, its attributes, what it is in, and all text in it."""

    tag: str
    attributes: dict[str, str | None]
    inside: tuple["Element", ...]
    text: str = ""

    def has(self, name: str) -> bool:
        """Whether it is of a CSS class."""
        return name in (self.attributes.get("class") or "").split()

    def is_in(self, tag: str) -> bool:
        return any(element.tag == tag for element in self.inside)


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag, attrs):
        # The end of a <li> may be left out.
        if tag == "li" and self.open[-1].tag == "li":
            self.open.pop()
        element = Element(tag, dict(attrs), tuple(self.open))
        self.elements.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        if self.open[-1].tag == "li" and tag != "li":
            self.open.pop()
        assert self.open.pop().tag == tag, f"</{tag}> ends another element"

    def handle_data(self, data):
        for element in self.open:
            element.text += data


def elements(text: str, *tags: str) -> list[Element]:
    """The elements of a page with these tags in their order; all without tags.

    Every element must end where it should, and nothing may come from elsewhere.
    """
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert not parser.open, f"<{parser.open[-1].tag}> does not end"
    for element in parser.elements:
        assert element.tag not in ("link", "iframe"), element
        source = element.attributes.get("src") or ""
        assert source == "" or source.startswith("data:image/"), source[:80]
    return [e for e in parser.elements if not tags or e.tag in tags]


def table_rows(text: str) -> list[tuple[Element, dict[str, Element]]]:
    """The rows of all tables of a page: the name, and the cells by their labels."""
    rows: list[tuple[Element, dict[str, Element]]] = []
    for element in elements(text, "th", "td"):
        if element.tag == "td":
            rows[-1][1][element.attributes["data-label"]] = element
        elif element.is_in("tbody"):
            rows.append((element, {}))
    return rows
