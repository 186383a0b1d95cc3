"""Write the report of a finished chain: one HTML page and the images beside it.

The page needs no network and no scripts, follows the reader's choice of light or dark, and can be
moved as a folder. The same inputs give the same bytes.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from vreid.data.images import read_image
from vreid.errors import DataError
from vreid.files import atomic_path, write_text
from vreid.report.content import Report
from vreid.report.curves import cmc_section, training_section
from vreid.report.gains_section import gains_section
from vreid.report.pictures import encode_jpeg
from vreid.report.scores import score_section
from vreid.report.section import Section, wide
from vreid.report.slices import slices_section
from vreid.report.strips import ranked_section
from vreid.report.theme import STYLE, variables

SHEET_SUFFIXES = {".png": ".png", ".jpg": ".jpg", ".jpeg": ".jpg"}


def write_report(folder: Path, report: Report) -> Path:
    """Write ``index.html`` and ``img/`` into a folder.

    Everything is read and drawn before the first file is written, and the page is written last: an
    error leaves an earlier page as it was.

    Args:
        folder: Where to write; made when it is not there.
        report: What to write.

    Returns:
        The path of the page.

    Raises:
        DataError: When a metrics file, an image or the contact sheet is missing or is not one.
    """
    parts = (
        score_section(report),
        gains_section(report),
        slices_section(report),
        training_section(report),
        cmc_section(report),
        ranked_section(report),
        _contact_section(report),
        _facts_section(report),
    )
    sections = [part for part in parts if part is not None]
    html = _page(report, sections)
    for section in sections:
        for name, content in section.files.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(content)
    return write_text(folder / "index.html", html)


def _page(report: Report, sections: Sequence[Section]) -> str:
    links = "".join(
        f'<a href="#{section.anchor}">{escape(section.heading)}</a>\n' for section in sections
    )
    track2 = (
        f"<p>Submission: <code>{escape(report.track2.as_posix())}</code></p>\n"
        if report.track2 is not None
        else ""
    )
    body = "\n".join(section.html() for section in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(report.title)}</title>
<link rel="icon" href="data:,">
<style>
{variables()}{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(report.title)}</h1>
<p class="subtitle">{escape(report.subtitle)}</p>
{track2}<nav aria-label="Parts of the page">
{links}</nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _contact_section(report: Report) -> Section | None:
    contact = report.contact
    if contact is None:
        return None
    if isinstance(contact, np.ndarray):
        suffix, content, shape = ".jpg", encode_jpeg(contact), contact.shape
    else:
        if contact.suffix.lower() not in SHEET_SUFFIXES:
            raise DataError(
                f"{contact}: the contact sheet is a {contact.suffix or 'file without suffix'};"
                f" give one of {', '.join(SHEET_SUFFIXES)}"
            )
        suffix = SHEET_SUFFIXES[contact.suffix.lower()]
        shape = read_image(contact).shape
        content = contact.read_bytes()
    src = f"img/contact{suffix}"
    body = (
        f'<figure><a href="{src}"><img src="{src}" width="{shape[1]}" height="{shape[0]}"'
        ' loading="lazy" alt="Contact sheet: pictures of the data set in rows"></a>'
        "<figcaption>Pictures of the data set; select the sheet to see it full size."
        "</figcaption></figure>"
    )
    return Section("data", "Contact sheet", body, {src: content})


def _facts_section(report: Report) -> Section | None:
    if not report.facts:
        return None
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td><code>{escape(value)}</code></td></tr>'
        for name, value in report.facts
    )
    table = wide(f'<table class="facts">\n<tbody>\n{rows}\n</tbody>\n</table>', "Provenance")
    body = f"<details>\n<summary>{len(report.facts)} facts</summary>\n{table}\n</details>"
    return Section("provenance", "How this was made", body)
