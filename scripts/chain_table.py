"""The gains of a chain's stages in Markdown."""

from collections.abc import Sequence

from scripts.markdown import markdown_table
from vreid.report.gains import ChainGains, StageGain


def gains_table(gains: ChainGains, title: str) -> str:
    """Both tables, the sentences on stages that do not help, and how to read them."""
    name = gains.headline
    cost = ["CPU s", "wall s", "peak MiB"]
    steps = ["added", name, "gained", "rank-1", "rank-1 gained", *cost]
    off = ["turned off", name, "it brings", "rank-1", "rank-1 it brings"]
    lines = [f"# {title}", "", "One by one:", ""]
    lines += [
        markdown_table(steps, [[one.title, *one.texts, *one.cost_texts] for one in gains.steps])
    ]
    lines += ["", "Each turned off in turn:", ""]
    lines += [markdown_table(off, [[one.title, *one.texts] for one in gains.off]), ""]
    texts = [*_reasons(gains.off), *gains.sentences]
    lines += [f"- {text}" for text in texts]
    lines += [""] if texts else []
    lines += [line for note in gains.notes for line in (note, "")]
    return "\n".join(lines[:-1]) + "\n"


def _reasons(rows: Sequence[StageGain]) -> list[str]:
    return [f"{one.title} {one.note}." for one in rows if one.note]
