import json
from dataclasses import asdict, replace

import pytest

from vreid.bootstrap import Gain
from vreid.errors import DataError
from vreid.report.content import Report, SliceRow, SliceTable
from vreid.report.slices import slice_table, slices_section

TABLE = SliceTable(
    source="runs/<city>/ensemble.final.npy",
    protocol="aicity: no junk",
    columns=("rank-1", "mAP@100"),
    rows=(
        SliceRow("", "all", 85, 700, {"mAP@100": 0.5, "rank-1": 0.6}, Gain(0.6, 0.4, 0.61)),
        SliceRow("light", "one at night", 3, 9, {"mAP@100": 0.1, "rank-1": 0}, Gain(0, 0, 0.2)),
    ),
    notes=("scene left out: there is no facts.csv.",),
)


def test_the_table_has_counts_scores_and_intervals() -> None:
    section = slices_section(Report(title="t", subtitle="s", protocol="p", slices=TABLE))
    assert section is not None
    html = section.html()
    for text in (
        "<td>85</td><td>700</td><td>60.0</td><td>40.0 to 61.0</td><td>50.0</td>",
        "<td>3</td><td>9</td><td>0.0</td><td>0.0 to 20.0</td><td>10.0</td>",
        '<th scope="rowgroup" colspan="6">Light</th>',
        "runs/&lt;city&gt;/ensemble.final.npy",
        "Protocol: aicity: no junk",
        "scene left out: there is no facts.csv.",
    ):
        assert text in html
    assert slices_section(Report(title="t", subtitle="s", protocol="p")) is None


def test_the_way_through_json_loses_nothing() -> None:
    values = json.loads(json.dumps(asdict(TABLE), sort_keys=True))  # as files are written
    assert slice_table(values, source="slices.json") == TABLE
    for broken in ({}, {**values, "rows": [{"trait": "light"}]}):
        with pytest.raises(
            DataError, match=r"slices\.json: not a table of slices .* make it again"
        ):
            slice_table(broken, source="slices.json")
    assert replace(TABLE, rows=()) == slice_table({**values, "rows": []}, source="")
