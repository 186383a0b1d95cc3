"""The score table: one line a system, grouped, with the best of each column marked."""

from collections.abc import Sequence
from html import escape

from vreid.report.content import COLUMNS, Report, ScoreRow
from vreid.report.section import Section, number_table, percent, protocol_line


def score_section(report: Report) -> Section | None:
    """The score table with its protocol line, or None when there are no scores."""
    if not report.scores:
        return None
    rows = report.scores
    columns = _columns(rows)
    best = {column: _best(rows, column) for column in columns}
    bodies = []
    for group in dict.fromkeys(row.group for row in rows):
        heading = (
            f'<tr><th scope="rowgroup" colspan="{len(columns) + 1}">'
            f"{escape(group[:1].upper() + group[1:])}</th></tr>"
        )
        lines = [_line(row, columns, best) for row in rows if row.group == group]
        bodies.append("<tbody>\n" + "\n".join([heading, *lines]) + "\n</tbody>")
    table = number_table(["Per cent", *columns], "\n".join(bodies), "Table of scores")
    hint = '<p class="quiet">Bold on a tint: the best of its column, to the printed decimal.</p>'
    body = f"{table}\n{protocol_line(report.protocol)}\n{hint}"
    return Section(anchor="scores", heading="Scores", body=body)


def _columns(rows: Sequence[ScoreRow]) -> list[str]:
    present = dict.fromkeys(column for row in rows for column in row.scores)
    return [column for column in COLUMNS if column in present] + [
        column for column in present if column not in COLUMNS
    ]


def _best(rows: Sequence[ScoreRow], column: str) -> str:
    """The highest score of a column as printed: lines that print the same are marked alike."""
    return percent(max(row.scores[column] for row in rows if column in row.scores))


def _line(row: ScoreRow, columns: Sequence[str], best: dict[str, str]) -> str:
    note = f"<small>{escape(row.note)}</small>" if row.note else ""
    cells = []
    for column in columns:
        if column not in row.scores:
            cells.append('<td>–<span class="hidden"> not given</span></td>')
            continue
        text = percent(row.scores[column])
        mark = text == best[column]
        cells.append(
            f'<td class="best">{text}<span class="hidden"> best</span></td>'
            if mark
            else f"<td>{text}</td>"
        )
    return f'<tr><th scope="row">{escape(row.label)}{note}</th>{"".join(cells)}</tr>'
