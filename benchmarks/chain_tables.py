"""Tables of the challenge chain's benchmark: whole chains against the limits, and their stages."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.chain_made import Scenery
from benchmarks.memory import GIB, gib
from benchmarks.reports import Report, Table

LIMIT_BYTES, LIMIT_SECONDS = 6 * GIB, 180.0
BETWEEN = "between the stages"


@dataclass(frozen=True)
class Row:
    """One command, or all that happens between the commands.

    Attributes:
        recipe: Its name.
        step: The step of the chain, such as ``3-rerank``.
        verb: The module.
        wall, cpu: Seconds.
        peak: Bytes.
        written: Bytes of its output on disk.
    """

    recipe: str
    step: str
    verb: str
    wall: float
    cpu: float
    peak: int
    written: int


@dataclass(frozen=True)
class Outcome:
    """A recipe's chain.

    Attributes:
        rows: In the order of the commands.
        wall, cpu: Seconds from features to the checked submission.
        others: CPU seconds that everything else on the machine took meanwhile.
        disk: Bytes of the files beside the extracted features.
    """

    rows: Sequence[Row]
    wall: float
    cpu: float
    others: float
    disk: int

    @property
    def peak(self) -> int:
        """Of the largest process."""
        return max(row.peak for row in self.rows)


def make_report(
    outcomes: Mapping[str, Outcome], scenery: Scenery, *, dim: int, rounds: int, command: str
) -> Report:
    """The outcomes as tables."""
    num_query = scenery.num_query
    text = (
        f"{num_query:,} queries and {len(scenery.pids) - num_query:,} gallery images in"
        f" {int(scenery.trackids.max()) + 1:,} tracklets, {dim} columns, three members, both"
        " classifiers; made features with camera bias. From features on disk to the checked"
        f" `track2.txt`, every stage a process of its own; best of {rounds} by wall time."
        " Limits: 6 GiB a process, 180 s on two cores."
    )
    return Report(
        name="chain",
        title="The challenge chain after extraction",
        command=command,
        text=[text],
        tables=[total_table(outcomes), *(stage_table(*pair) for pair in outcomes.items())],
        rows=[asdict(row) for outcome in outcomes.values() for row in outcome.rows],
    )


def total_table(outcomes: Mapping[str, Outcome]) -> Table:
    """A row a recipe."""
    rows = []
    for recipe, one in outcomes.items():
        fits = one.wall <= LIMIT_SECONDS and one.peak <= LIMIT_BYTES
        cores = one.others / one.wall
        cells = [recipe, str(len(one.rows) - 1), f"{one.wall:.1f}", f"{one.cpu:.1f}"]
        cells += [f"{cores:.2f}", gib(one.peak), gib(one.disk), "yes" if fits else "no"]
        rows.append(cells)
    head = ["recipe", "commands", "wall s", "CPU s", "others, cores", "peak", "disk", "in limits"]
    note = (
        "CPU s: of all processes, user and system. Others, cores: how many of the machine's"
        f" {os.cpu_count()} cores other programs kept busy meanwhile, on average; wall times are"
        " the longer for it. Peak: largest resident size of one process, mapped files counted."
        " Disk: all files of the chain beside the extracted features."
    )
    return Table("Whole chains", head, rows, note)


def stage_table(recipe: str, outcome: Outcome) -> Table:
    """A row a step and verb: its runs together, the peak of the largest."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in outcome.rows:
        groups.setdefault((row.step, row.verb), []).append(row)
    rows = []
    for (step, verb), own in groups.items():
        cells = [step, verb, str(len(own)), f"{sum(row.wall for row in own):.1f}"]
        cells += [f"{sum(row.cpu for row in own):.1f}", gib(max(row.peak for row in own))]
        rows.append([*cells, gib(sum(row.written for row in own))])
    head = ["step", "verb", "runs", "wall s", "CPU s", "peak", "written"]
    note = f"{BETWEEN}: hashes of the inputs, starts of processes, lists of names."
    return Table(recipe, head, rows, note)
