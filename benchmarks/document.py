"""Write ``docs/benchmarks.md`` and its figures: ``python -m benchmarks.document [REPORT.json …]``.

Reports are what the benchmarks write with ``--out``; each becomes a part of the page, in the order
given. Without any, the benchmarks of this folder are run here with their usual sizes, which takes
an hour or so.
"""

import argparse
import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.chart import log_log_chart
from benchmarks.reports import Report
from vreid.errors import DataError, run_command
from vreid.files import write_text

PAGE = Path("docs/benchmarks.md")
BENCHMARKS = ("rerank", "evaluate", "fuse", "chain", "extract", "loader")


def main(paths: Sequence[Path], *, page: Path = PAGE) -> Path:
    """Write the page from reports, or from new runs when there are none, and return its path.

    Raises:
        DataError: When a file is missing or is not a report.
    """
    reports = [Report.load(path) for path in paths] if paths else run_all()
    return write_page(reports, page, command_of(paths))


def run_all(names: Sequence[str] = BENCHMARKS) -> list[Report]:
    """Run benchmarks with their defaults, each as its own command.

    Raises:
        DataError: When one of them fails.
    """
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(path)]
            code = subprocess.run(command, check=False).returncode
            if code:
                raise DataError(f"python -m benchmarks.{name} failed with code {code}; see above")
            report = Report.load(path)
            reports.append(dataclasses.replace(report, command=f"python -m benchmarks.{name}"))
    return reports


def command_of(paths: Sequence[Path]) -> str:
    """The command that makes the page, in short: where the files lie says nothing."""
    return " ".join(["python -m benchmarks.document", *(path.name for path in paths)])


def write_page(reports: Sequence[Report], page: Path, command: str) -> Path:
    """Write the page and, beside it, ``<page>-<report>.svg`` for each report with curves."""
    parts = [
        "# Benchmarks",
        f"Written by `{command}`; edit nothing here by hand. Numbers hold for the machine named"
        " with them; ratios travel better than seconds.",
    ]
    for report in reports:
        parts.append(f"## {report.title}")
        parts.append(_facts(report))
        if any(line for panel in report.panels for line in panel.lines.values()):
            figure = page.with_name(f"{page.stem}-{report.name}.svg")
            write_text(figure, log_log_chart(report.panels))
            titles = " and ".join(panel.title.lower() for panel in report.panels)
            parts.append(f"![{report.title}: {titles}, logarithmic axes]({figure.name})")
        parts.append(report.markdown())
    return write_text(page, "\n\n".join(parts) + "\n")


def _facts(report: Report) -> str:
    facts = {"command": f"`{report.command}`", "date": report.date, **report.machine}
    return "\n".join(f"- {name}: {text}" for name, text in facts.items())


def command() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.document", description=__doc__)
    parser.add_argument("reports", nargs="*", type=Path, help="JSON files written with --out")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    print(f"wrote {main(options.reports, page=options.page)}")


if __name__ == "__main__":
    sys.exit(run_command(command))
