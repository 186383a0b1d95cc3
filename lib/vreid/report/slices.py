"""The part of the page on slices: the scores of one result for some of the queries or matches."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from vreid.bootstrap import Gain
from vreid.errors import DataError
from vreid.report.content import Report, SliceRow, SliceTable
from vreid.report.section import Section, number_table, percent, protocol_line


def slice_table(values: Mapping[str, Any], *, source: object) -> SliceTable:
    """A table from what was written as JSON.

    Args:
        values: The fields of a `SliceTable`.
        source: Where they are from, for the message.

    Raises:
        DataError: When they are something else.
    """
    try:
        rows = [SliceRow(**{**one, "interval": Gain(**one["interval"])}) for one in values["rows"]]
        columns, notes = tuple(values["columns"]), tuple(values["notes"])
        return SliceTable(values["source"], values["protocol"], columns, tuple(rows), notes)
    except (KeyError, TypeError) as error:
        raise DataError(f"{source}: not a table of slices ({error}); make it again") from None


def slices_section(report: Report) -> Section | None:
    """The table of slices, or None where they were not scored."""
    table = report.slices
    if table is None or not table.rows:
        return None
    names = table.columns
    bodies = []
    for trait in dict.fromkeys(row.trait for row in table.rows):
        lines = [_line(row, names) for row in table.rows if row.trait == trait]
        if trait:
            text = escape(trait[:1].upper() + trait[1:])
            lines.insert(0, f'<tr><th scope="rowgroup" colspan="{len(names) + 4}">{text}</th></tr>')
        bodies.append("<tbody>\n" + "\n".join(lines) + "\n</tbody>")
    head = ["Per cent", "queries", "pairs", names[0], "95 % interval", *names[1:]]
    parts = [
        number_table(head, "\n".join(bodies), "Table of slices"),
        protocol_line(table.protocol),
    ]
    parts.append(
        f'<p class="quiet">Scored: {escape(table.source)}. A slice keeps some of the pairs of a'
        " query and a match; other images of the query’s vehicle are left out of its list, and"
        " queries without a match in the slice do not count. Slices differ in how many matches a"
        " query has, so compare one slice between systems before two slices of one.</p>"
    )
    parts += [f'<p class="quiet">{escape(note)}</p>' for note in table.notes]
    return Section("slices", "Slices", "\n".join(parts))


def _line(row: SliceRow, columns: Sequence[str]) -> str:
    first, *others = (row.scores[name] for name in columns)
    ends = f"{percent(row.interval.low)} to {percent(row.interval.high)}"
    cells = [str(row.num_query), str(row.num_pairs), percent(first), ends]
    cells += [percent(value) for value in others]
    texts = "".join(f"<td>{text}</td>" for text in cells)
    return f'<tr><th scope="row">{escape(row.name)}</th>{texts}</tr>'
