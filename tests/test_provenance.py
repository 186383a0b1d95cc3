import subprocess
from pathlib import Path

import pytest

from vreid.errors import DataError
from vreid.provenance import hash_inputs, library_versions, revision


def test_revision_of_a_checkout(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return str(done.stdout).strip()

    git("init", "--quiet")
    (tmp_path / "a.txt").write_text("1")
    git("add", "a.txt")
    git("commit", "--quiet", "-m", "one")
    git("tag", "v1")
    head = git("rev-parse", "HEAD")
    assert revision(tmp_path) == head
    (tmp_path / "a.txt").write_text("2")
    assert revision(tmp_path) == f"{head}-dirty"


def test_revision_elsewhere_is_unknown(tmp_path: Path) -> None:
    assert revision(tmp_path / "nowhere") == "unknown"
    assert revision(tmp_path / "site-packages" / "vreid") == "unknown"


def test_versions_and_hashes(tmp_path: Path) -> None:
    assert library_versions(["numpy", "no-such-library"])["no-such-library"] == "missing"
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_inputs([tmp_path / "a"])[(tmp_path / "a").as_posix()].startswith("ba7816bf")
    with pytest.raises(DataError, match=r"b: cannot be read \(No such file"):
        hash_inputs([tmp_path / "b"])
