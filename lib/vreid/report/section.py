"""A part of the page: HTML and the files beside it, and the few pieces that parts share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from vreid.data.sample import UNKNOWN


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        anchor: Where links lead to.
        heading: Its heading, plain text.
        body: HTML; every text in it is escaped.
        files: Contents by path relative to the page, in POSIX form.
    """

    anchor: str
    heading: str
    body: str
    files: Mapping[str, bytes] = field(default_factory=dict)

    def html(self) -> str:
        """The part with its heading."""
        return (
            f'<section id="{self.anchor}">\n<h2>{escape(self.heading)}</h2>\n{self.body}\n'
            "</section>"
        )


def protocol_line(protocol: str) -> str:
    """How the numbers above were counted."""
    return f'<p class="protocol">Protocol: {escape(protocol)}</p>'


def wide(content: str, label: str) -> str:
    """A box that scrolls sideways on a narrow screen, with the keyboard too."""
    return (
        f'<div class="wide" role="region" aria-label="{escape(label)}" tabindex="0">\n'
        f"{content}\n</div>"
    )


def number_table(head: Sequence[str], body: str, label: str) -> str:
    """A table of numbers with a heading for each column.

    Args:
        head: Texts of the heading.
        body: HTML of the rows.
        label: What the table shows, for those who do not see it.
    """
    cells = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    table = f'<table class="numbers">\n<thead><tr>{cells}</tr></thead>\n{body}\n</table>'
    return wide(table, label)


def percent(fraction: float) -> str:
    """A fraction as per cent with one decimal.

    >>> percent(0.45678)
    '45.7'
    """
    return f"{100 * fraction:.1f}"


def known(number: int) -> str:
    """A vehicle or camera number, or "unknown"."""
    return "unknown" if number == UNKNOWN else str(number)
