import pytest

from benchmarks.fuse import main


def test_both_ways_give_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    main(3, 4, 50, rounds=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 files of 4 x 50 float32"
    assert [line.split(" plain")[0].strip() for line in lines[1:]] == ["in memory", "file to file"]
    assert all(line.endswith("same bytes") for line in lines[1:])
