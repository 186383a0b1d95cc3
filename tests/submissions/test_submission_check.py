"""Every defect a submission can have, each planted into a clean file."""

import subprocess
import sys
from pathlib import Path

import pytest

import submissions.check
from submissions.track2_file import inspect
from vreid.errors import ConfigError, DataError

ROOT = Path(__file__).parents[2]
CLEAN = ["3 1 2", "2 3 4", "4 1 3"]  # 3 queries, gallery 1..4, 3 entries a line


def defects_of(tmp_path: Path, content: str | bytes) -> list[str]:
    path = tmp_path / "track2.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = inspect(path, num_query=3, numbers=range(1, 5), k=3)
    return [str(defect) for defect in found.defects]


def with_line(line: int, text: str) -> str:
    lines = [*CLEAN]
    lines[line - 1] = text
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(CLEAN) + "\n",
        "\n".join(CLEAN),
        "\r\n".join(CLEAN) + "\r\n",
        " 3  1 2 \n2 3 4 \n4 1 3\n",
    ],
    ids=["clean", "no last line end", "Windows", "blanks"],
)
def test_what_does_no_harm(tmp_path: Path, content: str) -> None:
    assert defects_of(tmp_path, content) == []


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        ("2 3", "line 2: too short: 2 entries, expected 3"),
        ("2 3 4 1", "line 2: too long: 4 entries, expected 3"),
        ("", "line 2: empty line; expected 3 entries"),
        ("   ", "line 2: empty line; expected 3 entries"),
        ("2 3 5", "line 2, entry 3: 5 is out of range; gallery images are 1 to 4"),
        (
            "0 3 4",
            "line 2, entry 1: 0 is no gallery image, numbers start at 1;"
            " were indices from 0 written?",
        ),
        ("2 3 2", "line 2, entry 3: 2 is repeated, it is entry 1 already"),
        ("2 3 002", "line 2, entry 3: 002 has leading zeros; write 2"),
        (
            "2 image_test/000003.jpg 4",
            "line 2, entry 2: image_test/000003.jpg is a file name; write its number, 3",
        ),
        (
            "2 -3 4",
            "line 2, entry 2: -3 is not a number;"
            " write the number in the gallery image's file name",
        ),
        (
            "2 3.0 4",
            "line 2, entry 2: 3.0 is not a number;"
            " write the number in the gallery image's file name",
        ),
        (
            "2 ３ 4",
            "line 2, entry 2: ３ is not a number;"
            " write the number in the gallery image's file name",
        ),
        ("2\t3\t4", "line 2: entries are separated by tabs; separate them by one blank"),
        ("2,3,4", "line 2: entries are separated by commas; separate them by one blank"),
        ("2; 3,4", "line 2: entries are separated by commas and semicolons;"),
        ("2\u00a03 4", "line 2: entries are separated by white space that is no blank;"),
        ("2 3 " + "9" * 5000, f"line 2, entry 3: {'9' * 40}… (5000 characters) is out of range;"),
    ],
)
def test_a_defect_in_a_line(tmp_path: Path, text: str, defect: str) -> None:
    found = defects_of(tmp_path, with_line(2, text))
    assert found[0].startswith(defect)
    repeated_as_well = "leading zeros" in defect
    assert len(found) == 1 + repeated_as_well


def test_bytes_that_are_no_text_are_shown(tmp_path: Path) -> None:
    found = defects_of(tmp_path, b"3 1 2\n2 \xff3 4\n4 1 3\n")
    assert found[0].startswith("line 2, entry 2: \\xff3 is not a number")


@pytest.mark.parametrize(
    ("content", "defect"),
    [
        ("3 1 2\n2 3 4\n", "file: 2 lines; expected 3, one for each query"),
        ("\n".join([*CLEAN, CLEAN[0]]), "file: 4 lines; expected 3, one for each query"),
        ("", "file: empty; expected 3 lines, one for each query"),
        (" \n\n", "file: empty; expected 3 lines, one for each query"),
        (b"\x89PNG\0\0", "file: not a plain text file (NUL at byte 4); save it as ASCII or UTF-8"),
        (
            "\n".join(CLEAN).encode("utf-16"),
            "file: not a plain text file (UTF-16 text); save it as ASCII or UTF-8",
        ),
        (
            "\n".join(CLEAN).encode("utf-8-sig"),
            "file: begins with a byte order mark, which would stick to the first number;"
            " save without",
        ),
        (
            "\r".join(CLEAN),
            "file: lines end with a carriage return alone; end them with a line feed",
        ),
    ],
)
def test_a_defect_of_the_file(tmp_path: Path, content: str | bytes, defect: str) -> None:
    assert defects_of(tmp_path, content) == [defect]


def test_an_empty_line_at_the_end_is_a_line_too_many(tmp_path: Path) -> None:
    assert defects_of(tmp_path, "\n".join(CLEAN) + "\n\n") == [
        "file: 4 lines; expected 3, one for each query",
        "line 4: empty line; expected 3 entries",
    ]


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path, defect in ((tmp_path / "no.txt", "no such file"), (tmp_path, "cannot be read")):
        found = inspect(path, num_query=3, numbers=range(1, 5)).defects
        assert [str(one).startswith(f"file: {defect}") for one in found] == [True]


def test_numbers_with_gaps(tmp_path: Path) -> None:
    path = tmp_path / "track2.txt"
    path.write_text("10 0 20\n")
    found = inspect(path, num_query=1, numbers={0, 10, 30}, k=100)
    assert [str(defect) for defect in found.defects] == [
        "line 1, entry 3: 20 is out of range;"
        " no gallery image has this number (3 images between 0 and 30)"
    ]


def test_all_defects_are_listed_in_reading_order(tmp_path: Path) -> None:
    found = defects_of(tmp_path, "1 1 9\n000001.jpg 2\n")
    assert found == [
        "file: 2 lines; expected 3, one for each query",
        "line 1, entry 2: 1 is repeated, it is entry 1 already",
        "line 1, entry 3: 9 is out of range; gallery images are 1 to 4",
        "line 2: too short: 2 entries, expected 3",
        "line 2, entry 1: 000001.jpg is a file name; write its number, 1",
    ]


def test_the_gallery_may_be_smaller_than_k(tmp_path: Path) -> None:
    path = tmp_path / "track2.txt"
    path.write_text("2 1\n")
    assert not inspect(path, num_query=1, numbers=range(1, 3), k=100).defects


def test_lists_and_counts_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "track2.txt"
    path.write_text("\r\n".join(CLEAN))
    queries, gallery = tmp_path / "name_query.txt", tmp_path / "gallery.csv"
    queries.write_text("".join(f"{idx:06}.jpg\n" for idx in range(1, 4)))
    gallery.write_text("name\n" + "".join(f"{idx:06}.jpg\n" for idx in range(1, 5)))
    for words in (["3", "4"], [str(queries), str(gallery)]):
        options = ["--queries", words[0], "--gallery", words[1], "--k", "3"]
        submissions.check.command([str(path), *options])
    lines = capsys.readouterr().out.splitlines()
    note = " (with Windows line ends, which do no harm)"
    assert lines == [f"ok: {path}: 3 lines x 3 entries{note}"] * 2


def test_counts_and_lists_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "track2.txt"
    path.write_text("1\n")
    with pytest.raises(ConfigError, match="0 queries, 4 gallery images, k 3; each must be at lea"):
        submissions.check.main(path, queries=0, gallery=4, k=3)
    names = tmp_path / "names.txt"
    names.write_text("1.jpg\n1.jpg\n")
    with pytest.raises(DataError, match=r"names.txt: 1\.jpg and 1\.jpg are the same image name"):
        submissions.check.main(path, queries=names, gallery=4)


def run_check(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "submissions.check", str(path), *words]
    environment = {"PYTHONPATH": str(ROOT / "lib")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_the_command_ends_with_a_count_and_code_2(tmp_path: Path) -> None:
    path = tmp_path / "track2.txt"
    path.write_text("000001.jpg " * 100 + "\n")
    done = run_check(path, "--queries", "1", "--gallery", "31238")
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 100
    assert done.stderr == f"error: {path}: 100 defects, listed above\n"


def test_the_command_is_silent_but_for_ok(tmp_path: Path) -> None:
    path = tmp_path / "track2.txt"
    path.write_text(" ".join(map(str, range(1, 101))) + "\n")
    done = run_check(path, "--queries", "1", "--gallery", "31238")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ok: {path}: 1 lines x 100 entries\n"


def test_the_verbs_start_without_torch() -> None:
    verbs = ["write", "check", "score"], ["distance", "fuse", "mean"]
    modules = [f"submissions.{verb}" for verb in verbs[0]] + [f"ensemble.{v}" for v in verbs[1]]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONPATH": str(ROOT / "lib")}
    )
    assert done.returncode == 0


def test_a_reader_that_stops_early_gets_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "track2.txt"
    path.write_text("x\n" * 20_000)
    command = [sys.executable, "-m", "submissions.check", str(path)]
    with subprocess.Popen(
        [*command, "--queries", "20000", "--gallery", "1"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "lib")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("line 1, entry 1: x is not a number")
        process.stdout.close()
        assert process.stderr.read() == f"error: {path}: 20000 defects, listed above\n"
    assert process.returncode == 2
