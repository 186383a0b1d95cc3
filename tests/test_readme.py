"""The README stays true: its tree has every file, its commands and options exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROOMS = (
    *("scripts", "orientation", "camera", "ensemble", "submissions", "synthetic_aug"),
    "unsupervised",
)


def tree() -> set[str]:
    """Paths in the file tree of the README."""
    block = README.split("## Files")[1].split("```")[1]
    folder, paths = "", set()
    for line in block.strip("\n").splitlines():
        name = line.split()[0]
        if line.startswith(" "):
            paths.add(folder + name)
        elif name.endswith("/"):
            folder = name
        else:
            paths.add(name)
    return paths


def test_the_tree_names_every_file_of_the_program_and_no_other() -> None:
    listed = tree()
    assert [path for path in listed if not (ROOT / path).exists()] == []
    folders = ("lib", "benchmarks", *ROOMS)
    present = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for suffix in ("*.py", "*.sh")
        for path in (ROOT / folder).rglob(suffix)
        if path.name != "__init__.py"
    }
    assert present - listed == set()


def test_verbs_and_scripts_exist() -> None:
    verbs = set(re.findall(r"python -m ([a-z_]+\.[a-z_]+)", README)) - {"room.verb"}
    assert len(verbs) >= 10
    for verb in verbs:
        assert (ROOT / f"{verb.replace('.', '/')}.py").exists(), verb
    for script in set(re.findall(r"\./scripts/(\w+\.sh)", README)):
        assert (ROOT / "scripts" / script).stat().st_mode & 0o100, f"{script} is not executable"


@pytest.mark.parametrize("recipe", [path.stem for path in (ROOT / "configs/recipes").glob("*.yml")])
def test_recipes_are_named(recipe: str) -> None:
    assert recipe in README.lower()
    assert (ROOT / "configs" / "recipes" / f"{recipe}.yml").exists()
