"""The parts of the page with charts: training curves of each run, and CMC."""

from html import escape

from vreid.report.content import Report, TrainingRun
from vreid.report.metrics_log import MetricsLog, read_metrics_log
from vreid.report.plots import NUM_CMC_RANKS, cmc_chart
from vreid.report.section import Section, number_table, percent, protocol_line
from vreid.report.training import training_panels

CMC_TABLE_RANKS = (1, 5, 10, 20, 50)


def training_section(report: Report) -> Section | None:
    """Small multiples for each run, or None when there are no runs.

    Raises:
        DataError: When a run's metrics file is missing or is not one.
    """
    if not report.runs:
        return None
    parts = []
    files: dict[str, bytes] = {}
    for num, run in enumerate(report.runs, 1):
        html, charts = _run(run, read_metrics_log(run.metrics), prefix=f"img/run-{num:02d}")
        parts.append(html)
        files.update(charts)
    return Section("training", "Training", "\n".join(parts), files)


def _run(run: TrainingRun, log: MetricsLog, *, prefix: str) -> tuple[str, dict[str, bytes]]:
    files = {}
    figures = []
    for panel in training_panels(log):
        path = f"{prefix}-{panel.key}.svg"
        files[path] = panel.svg
        figures.append(
            f'<figure><img src="{path}" alt="{escape(f"{run.name}: {panel.alt}")}">'
            f"<figcaption>{escape(panel.caption)}</figcaption></figure>"
        )
    remarks = []
    if not figures:
        remarks.append("Nothing has been logged yet.")
    if log.num_skipped:
        noun = "line" if log.num_skipped == 1 else "lines"
        remarks.append(f"{log.num_skipped} torn {noun} of the log left out.")
    remark = f'<p class="quiet">{" ".join(remarks)}</p>\n' if remarks else ""
    panels = '<div class="panels">\n' + "\n".join(figures) + "\n</div>" if figures else ""
    return f"<h3>{escape(run.name)}</h3>\n{remark}{panels}", files


def cmc_section(report: Report) -> Section | None:
    """CMC curves with a small table of the same numbers, or None when there are no curves."""
    if not report.cmc:
        return None
    longest = max(len(curve) for curve in report.cmc.values())
    ranks = [rank for rank in CMC_TABLE_RANKS if rank <= longest]
    lines = []
    for label, curve in report.cmc.items():
        texts = [percent(float(curve[rank - 1])) if rank <= len(curve) else "–" for rank in ranks]
        cells = "".join(f"<td>{text}</td>" for text in texts)
        lines.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    body = "<tbody>\n" + "\n".join(lines) + "\n</tbody>"
    head = ["Per cent", *(f"rank-{rank}" for rank in ranks)]
    table = number_table(head, body, "Table of rank-k")
    alt = f"CMC curves, rank 1 to {min(longest, NUM_CMC_RANKS)}; the table below has the numbers"
    figure = (
        f'<figure class="chart"><img src="img/cmc.svg" alt="{escape(alt)}">'
        "<figcaption>Share of queries whose vehicle is among the first k gallery images."
        "</figcaption></figure>"
    )
    return Section(
        anchor="cmc",
        heading="Cumulative matching characteristic (CMC)",
        body=f"{figure}\n{table}\n{protocol_line(report.protocol)}",
        files={"img/cmc.svg": cmc_chart(report.cmc)},
    )
