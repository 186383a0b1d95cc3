import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from vreid.errors import DataError
from vreid.report.content import RankedLists, Report, ScoreRow, TrainingRun
from vreid.report.page import write_report

NASTY = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "link", "img", "br"}


class Balance(HTMLParser):
    """Fails on a tag that is closed wrongly; collects images and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.ids: list[str | None] = []
        self.links: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.images.append(values)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parse(page: Path) -> Balance:
    parser = Balance()
    parser.feed(page.read_text(encoding="utf-8"))
    assert parser.open == []
    return parser


@pytest.fixture
def report(tmp_path: Path, ranked_source: RankedLists) -> Report:
    metrics = tmp_path / "metrics.jsonl"
    lines = [
        {"kind": "train", "epoch": 1, "step": 5, "lr": 1e-3, "total": 2.0, "id": 2.0},
        {"kind": "eval", "epoch": 1, "step": 5, "map": 0.4, "rank1": 0.5},
    ]
    metrics.write_text("\n".join(json.dumps(line) for line in lines) + '\n{"kind"')
    return Report(
        title="Toy report",
        subtitle="a data set of 7 images",
        protocol="aicity: the rules",
        scores=[
            ScoreRow("b", "single member", {"mAP": 0.25, "rank-1": 0.5}),
            ScoreRow("mean", "ensemble", {"mAP": 0.5, "rank-1": 0.5, "mINP": 0.1}, "of three"),
            ScoreRow("c", "single member", {"mAP": 0.1}),
        ],
        runs=[TrainingRun("member", metrics)],
        cmc={"ensemble": np.array([0.5, 0.75, 1.0])},
        ranked=ranked_source,
        contact=np.zeros((30, 40, 3), dtype=np.uint8),
        facts=[("revision", "abc"), ("query.npz", "sha256 123")],
        track2=Path("out/toy/track2.txt"),
    )


def test_the_page_holds_what_was_given(tmp_path: Path, report: Report) -> None:
    page = write_report(tmp_path / "report", report)
    assert page == tmp_path / "report" / "index.html"
    found = parse(page)
    for text in (
        "Toy report",
        "a data set of 7 images",
        "out/toy/track2.txt",
        "of three",
        "Single member",
        "Ensemble",
        "1 torn line of the log left out.",
        "best mAP 40.0 % at epoch 1",
        "rank-1",
        "AP@100 83.3 %",
        "revision",
        "sha256 123",
    ):
        assert text in found.text
    assert found.text.count("Protocol: aicity: the rules") == 2  # below both tables of numbers


def test_scores_in_per_cent_with_the_best_marked(tmp_path: Path, report: Report) -> None:
    html = write_report(tmp_path / "report", report).read_text(encoding="utf-8")
    best = re.findall(r'<td class="best">([\d.]+)', html)
    assert best == ["50.0", "50.0", "50.0", "10.0"]  # rank-1 of b, then the ensemble's three
    assert html.index(">c</th>") < html.index(">mean<")  # lines of a group stand together
    head = re.findall(r'<th scope="col">([^<]+)</th>', html)[:4]
    assert head == ["Per cent", "mAP", "rank-1", "mINP"]


def test_images_are_there_have_texts_and_need_no_network(tmp_path: Path, report: Report) -> None:
    page = write_report(tmp_path / "report", report)
    moved = page.parent.rename(tmp_path / "elsewhere")
    found = parse(moved / "index.html")
    assert len(found.images) == 3 + 1 + 2 * 5 + 1  # panels, CMC, two strips of five, the sheet
    for image in found.images:
        assert image["alt"] and image["src"]
        assert (moved / image["src"]).stat().st_size > 0
    drawn = {path.relative_to(moved).as_posix() for path in moved.rglob("*.*")}
    assert drawn == {"index.html", *(str(image["src"]) for image in found.images)}
    assert {link for link in found.links if link and link.startswith("#")} == {
        f"#{anchor}" for anchor in found.ids
    }
    html = (moved / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]|<script|@import|url\(", html)
    assert str(tmp_path) not in html


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, report: Report) -> None:
    folders = [write_report(tmp_path / name, report).parent for name in ("one", "two")]
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in folders
    )
    assert first == second and len(first) == 16


def test_every_text_is_escaped(tmp_path: Path, report: Report) -> None:
    source = report.ranked
    assert source is not None
    names = {name: f"{name}{NASTY}" for name in source.identities}
    ranked = replace(
        source,
        dist=replace(
            source.dist,
            rows=tuple(names[name] for name in source.dist.rows),
            cols=tuple(names[name] for name in source.dist.cols),
            kind=NASTY,
        ),
        images={names[name]: path for name, path in source.images.items()},
        identities={names[name]: value for name, value in source.identities.items()},
        protocol=replace(source.protocol, name=NASTY),
    )
    nasty = Report(
        title=NASTY,
        subtitle=NASTY,
        protocol=NASTY,
        scores=[ScoreRow(NASTY, NASTY, {NASTY: 0.5}, NASTY)],
        runs=[TrainingRun(NASTY, run.metrics) for run in report.runs],
        cmc={NASTY: np.array([0.5])},
        ranked=ranked,
        facts=[(NASTY, NASTY)],
        track2=Path(NASTY),
    )
    page = write_report(tmp_path / "report", nasty)
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html and 'x"quoted' not in html
    assert parse(page).text.count(NASTY) >= 14
    assert "<script" not in (page.parent / "img" / "cmc.svg").read_text(encoding="utf-8")


def test_an_empty_report_is_a_heading(tmp_path: Path) -> None:
    found = parse(write_report(tmp_path, Report("Title", "subtitle", "rules")))
    assert found.ids == [] and found.images == []
    assert "Title" in found.text and "rules" not in found.text


def test_a_contact_sheet_file_is_copied(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.PNG"
    cv2.imwrite(str(tmp_path / "sheet.png"), np.zeros((10, 20, 3), dtype=np.uint8))
    (tmp_path / "sheet.png").rename(sheet)
    page = write_report(tmp_path / "report", Report("t", "s", "p", contact=sheet))
    assert (page.parent / "img" / "contact.png").read_bytes() == sheet.read_bytes()
    (image,) = parse(page).images
    assert (image["width"], image["height"]) == ("20", "10")


def test_an_error_leaves_the_earlier_page(tmp_path: Path, report: Report) -> None:
    folder = tmp_path / "report"
    before = write_report(folder, report).read_bytes()
    (tmp_path / "metrics.jsonl").unlink()
    with pytest.raises(DataError, match=r"metrics\.jsonl: no such file"):
        write_report(folder, replace(report, title="new"))
    assert (folder / "index.html").read_bytes() == before


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"score line 'a': mAP is 45\.3; give fractions"):
        ScoreRow("a", "ensemble", {"mAP": 45.3})
    with pytest.raises(DataError, match=r"CMC curve 'a' runs from 0\.9 to 0\.1"):
        Report("t", "s", "p", cmc={"a": np.array([0.9, 0.1])})
    with pytest.raises(DataError, match=r"CMC curve 'a' has shape \(0,\)"):
        Report("t", "s", "p", cmc={"a": np.zeros(0)})
    with pytest.raises(DataError, match=r"the contact sheet is a \.gif"):
        write_report(tmp_path, Report("t", "s", "p", contact=Path("sheet.gif")))
    with pytest.raises(DataError, match=r"sheet\.png: cannot be read"):
        write_report(tmp_path, Report("t", "s", "p", contact=tmp_path / "sheet.png"))
