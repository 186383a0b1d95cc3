"""What a benchmark hands on: tables, curves and the machine, as a JSON file; tables as Markdown."""

import dataclasses
import datetime
import json
import os
import platform
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.memory import GIB
from vreid.errors import DataError
from vreid.files import read_json, write_text
from vreid.provenance import library_versions, revision

SCHEMA = 1
_NUMBER = re.compile(r"(x )?[-+]?\d[\d.,e+-]*( |$)|–$")
LIBRARIES = ("torch", "numpy", "scipy", "numba", "faiss-cpu", "timm", "torchvision")


@dataclass(frozen=True)
class Table:
    """A table of texts: a heading, the names of the columns, the rows, and a remark below."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """One pair of logarithmic axes: points (x, y), both above 0, by the label of their line."""

    title: str
    xlabel: str
    ylabel: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Report:
    """The outcome of one benchmark.

    Attributes:
        name: The module's name, such as ``rerank``.
        title: The heading of its part of the page.
        command: The command line that made it.
        text: Paragraphs of Markdown before the tables.
        tables: See `Table`.
        panels: Drawn side by side as one figure; none for no figure.
        rows: The raw numbers, for other programs.
        machine: See `machine`.
        date: Of the run, ISO 8601.
    """

    name: str
    title: str
    command: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    panels: Sequence[Panel] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    machine: Mapping[str, str] = field(default_factory=lambda: machine())
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())

    def save(self, path: Path) -> Path:
        """Write the report as JSON and return its path; tables and lines keep their order."""
        values = {"schema": SCHEMA, **dataclasses.asdict(self)}
        return write_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Read a report written by `save`.

        Raises:
            DataError: When the file is missing or is not such a report.
        """
        values = read_json(path)
        if not isinstance(values, dict) or values.pop("schema", None) != SCHEMA:
            raise DataError(f"{path}: not a benchmark's report of schema {SCHEMA}; run it again")
        try:
            tables = [Table(**table) for table in values.pop("tables")]
            panels = [Panel(**panel) for panel in values.pop("panels")]
            return cls(tables=tables, panels=panels, **values)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: not a benchmark's report ({error}); run it again") from None

    def markdown(self) -> str:
        """Paragraphs and tables, without the heading and the figure."""
        parts = [*self.text, *(markdown_table(table) for table in self.tables)]
        return "\n\n".join(parts)


def markdown_table(table: Table) -> str:
    """A table as Markdown, padded to be read as it is; columns of numbers to the right."""
    lines = [[_cell(text) for text in row] for row in (table.head, *table.rows)]
    columns = []
    for cells in zip(*lines, strict=True):
        width = max(3, *map(len, cells))
        if _holds_numbers(cells[1:]):
            padded = [text.rjust(width) for text in cells]
            columns.append([padded[0], "-" * (width - 1) + ":", *padded[1:]])
        else:
            padded = [text.ljust(width) for text in cells]
            columns.append([padded[0], "-" * width, *padded[1:]])
    rows = [f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True)]
    parts = [f"### {table.title}", "\n".join(rows), *([table.note] if table.note else [])]
    return "\n\n".join(parts)


def _holds_numbers(cells: Sequence[str]) -> bool:
    """Whether more than half of a column's cells are numbers, ratios or dashes."""
    return 2 * sum(bool(_NUMBER.match(text)) for text in cells) > len(cells)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def command_line(module: str, arguments: Sequence[str]) -> str:
    """The command as one would type it, without ``--out``: where the file lies says nothing."""
    words = list(arguments)
    if "--out" in words[:-1]:
        place = words.index("--out")
        del words[place : place + 2]
    return shlex.join(["python", "-m", module, *words])


def machine() -> dict[str, str]:
    """What the numbers hold for: processor, memory, threads, GPU, versions, revision."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    versions = library_versions(LIBRARIES)
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "GPU": gpu,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "revision": revision(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
