"""The part of the page on what each stage of a chain brings: a waterfall, bars, two tables."""

from collections.abc import Sequence
from html import escape

from vreid.report.bars import Bar, bar_chart
from vreid.report.content import Report
from vreid.report.gains import ChainGains, StageGain
from vreid.report.section import Section, number_table
from vreid.report.waterfall import gains_waterfall


def gains_section(report: Report) -> Section | None:
    """The gains of a chain, or None where they were not measured."""
    gains = report.gains
    if gains is None:
        return None
    files = {"img/waterfall.svg": gains_waterfall(gains)}
    caption = "Stages of the chain added one by one, from the plain distances on."
    parts = ["<h3>Added one by one</h3>", _figure("img/waterfall.svg", caption)]
    parts += [_steps_table(gains), "<h3>Turned off in turn</h3>"]
    drawn = [one for one in gains.off if one.gain is not None]
    if drawn:
        files["img/turned-off.svg"] = _off_bars(gains, drawn)
        caption = "What each stage brings to the whole chain: lost when it alone is turned off."
        parts.append(_figure("img/turned-off.svg", caption))
    parts.append(_off_table(gains))
    parts += [f"<p>{escape(sentence)}</p>" for sentence in gains.sentences]
    parts += [f'<p class="quiet">{escape(note)}</p>' for note in gains.notes]
    return Section("chain", "What the stages bring", "\n".join(parts), files)


def _figure(src: str, caption: str) -> str:
    alt = f"{caption} The table below has the numbers"
    return (
        f'<figure class="chart"><img src="{src}" alt="{escape(alt)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _off_bars(gains: ChainGains, stages: Sequence[StageGain]) -> bytes:
    bars = [
        Bar(one.title, 100 * gain.mean, 100 * gain.low, 100 * gain.high, note=str(gain))
        for one in stages
        if (gain := one.gain) is not None
    ]
    label = f"{gains.headline} lost without the stage (points)\nwhiskers: 95 % interval"
    return bar_chart(bars, xlabel=f"{label}\n{gains.protocol.split(';')[0]}")


def _steps_table(gains: ChainGains) -> str:
    head = ["Added", gains.headline, "gain", "rank-1", "gain", "CPU s", "wall s", "peak MiB"]
    return _table(head, [[*one.texts, *one.cost_texts] for one in gains.steps], gains.steps)


def _off_table(gains: ChainGains) -> str:
    head = ["Turned off", gains.headline, "it brings", "rank-1", "it brings"]
    return _table(head, [one.texts for one in gains.off], gains.off)


def _table(head: Sequence[str], cells: Sequence[Sequence[str]], rows: Sequence[StageGain]) -> str:
    lines = []
    for texts, one in zip(cells, rows, strict=True):
        note = f"<small>{escape(one.note)}</small>" if one.note else ""
        columns = "".join(f"<td>{text}</td>" for text in texts)
        lines.append(f'<tr><th scope="row">{escape(one.title)}{note}</th>{columns}</tr>')
    body = "<tbody>\n" + "\n".join(lines) + "\n</tbody>"
    return number_table(head, body, f"{head[0]}: table of gains")
