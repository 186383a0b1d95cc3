from dataclasses import replace

import cv2
import numpy as np
import pytest

from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.protocol import MARKET
from vreid.report.content import RankedLists, Report
from vreid.report.section import Section
from vreid.report.strips import FRAME, SIDE, ranked_section
from vreid.report.theme import QUERY_FRAME, RIGHT_FRAME, WRONG_FRAME


def section(source: RankedLists) -> Section:
    found = ranked_section(Report("t", "s", "p", ranked=source))
    assert found is not None
    return found


def decode(data: bytes) -> ImageArray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture[:, :, ::-1], dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("img/query-01.jpg", QUERY_FRAME),
        ("img/query-01-rank-01.jpg", RIGHT_FRAME),
        ("img/query-01-rank-02.jpg", WRONG_FRAME),
        ("img/query-01-rank-03.jpg", RIGHT_FRAME),
        ("img/query-01-rank-04.jpg", WRONG_FRAME),
        ("img/query-02-rank-01.jpg", WRONG_FRAME),
        ("img/query-02-rank-02.jpg", RIGHT_FRAME),
    ],
)
def test_frames_tell_query_right_and_wrong(
    ranked_source: RankedLists, name: str, color: tuple[int, int, int]
) -> None:
    picture = decode(section(ranked_source).files[name]).astype(int)
    assert picture.shape == (SIDE, SIDE, 3)
    edge = np.ones((SIDE, SIDE), dtype=bool)
    edge[FRAME:-FRAME, FRAME:-FRAME] = False
    assert np.abs(picture[edge] - color).max() <= 3  # what JPEG does to an even colour
    assert np.ptp(picture[~edge], axis=1).max() <= 3  # the pictures and their bars are grey


def test_each_picture_is_the_one_it_says(ranked_source: RankedLists) -> None:
    files = section(ranked_source).files
    names = [f"img/query-02{end}.jpg" for end in ("", "-rank-01", "-rank-02")]
    middle = [int(decode(files[name])[SIDE // 2, SIDE // 2, 0]) for name in names]
    assert middle == pytest.approx([30, 150, 120], abs=4)  # query 2, gallery 3, gallery 2


def test_text_below_the_pictures(ranked_source: RankedLists) -> None:
    body = section(ranked_source).body
    assert "AP@100 83.3 %" in body
    assert "<b>✓ vehicle 1</b>camera 2<br>dist 0.100" in body
    assert "<b>✗ vehicle 2</b>camera 1<br>dist 0.200" in body
    assert "<b>✗ vehicle unknown</b>camera 2<br>dist 0.400" in body
    assert 'alt="Rank 2, wrong: vehicle 2, camera 1, distance 0.200"' in body
    assert "2 right in the first 4, 2 in the gallery" in body
    assert "Protocol: aicity" in body and "left out" not in body
    junk = section(replace(ranked_source, protocol=MARKET)).body
    assert "AP 100.0 %" in junk and "own camera are left out" in junk


def test_without_known_queries_a_sentence_stands_in(ranked_source: RankedLists) -> None:
    unknown = section(replace(ranked_source, identities={}))
    assert "vehicles of the queries are not known" in unknown.body
    assert unknown.files == {}
    strangers = {name: (100 + idx, 1) for idx, name in enumerate(ranked_source.identities)}
    assert "No query has its vehicle" in section(replace(ranked_source, identities=strangers)).body


def test_a_missing_image_is_an_error(ranked_source: RankedLists) -> None:
    ranked_source.images["test/3.png"].unlink()
    with pytest.raises(DataError, match=r"test/3\.png: cannot be read"):
        section(ranked_source)
    images = {name: path for name, path in ranked_source.images.items() if name != "test/1.png"}
    with pytest.raises(DataError, match=r"no image file is given for test/1\.png, one of 6"):
        section(replace(ranked_source, images=images))
