"""The part of the page with rank lists: the query, then its nearest gallery images in frames."""

from html import escape
from pathlib import Path

from vreid.data.images import read_image
from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.report.content import RankedLists, Report
from vreid.report.pictures import encode_jpeg, fit, framed
from vreid.report.ranked import Hit, RankList, rank_lists
from vreid.report.section import Section, known, percent, protocol_line
from vreid.report.theme import QUERY_FRAME, RIGHT_FRAME, WRONG_FRAME

THUMBNAIL = 144  # pixels inside the frame: sharp on screens of two pixels a point
FRAME = 8  # one block of JPEG: the frame's edge falls between blocks and stays sharp
SIDE = THUMBNAIL + 2 * FRAME


def ranked_section(report: Report) -> Section | None:
    """Strips of thumbnails, or None when the report has no rank lists.

    When no query can be judged, a sentence says why in place of the strips.

    Raises:
        DataError: When an image that is to be drawn is missing.
    """
    if report.ranked is None:
        return None
    source = report.ranked
    chosen = rank_lists(source)
    files: dict[str, bytes] = {}
    if not chosen:
        return Section("ranked", "Rank lists", f"<p>{_why_empty(source)}</p>")
    parts = [_legend(source)]
    for num, ranked in enumerate(chosen, 1):
        html, images = _strip(source, ranked, prefix=f"img/query-{num:02d}")
        parts.append(html)
        files.update(images)
    return Section("ranked", "Rank lists", "\n".join(parts), files)


def thumbnail(path: Path, color: tuple[int, int, int]) -> bytes:
    """A picture fitted into a square of `THUMBNAIL` pixels with a frame of `FRAME`, as JPEG.

    Raises:
        DataError: When the image is missing.
    """
    return encode_jpeg(framed(fit(read_image(path), THUMBNAIL), color, width=FRAME))


def _why_empty(source: RankedLists) -> str:
    names = source.dist.query_gallery().rows
    if all(source.identities.get(name, (UNKNOWN,))[0] == UNKNOWN for name in names):
        return "The vehicles of the queries are not known, so no rank lists are shown."
    return "No query has its vehicle in the gallery, so no rank lists are shown."


def _legend(source: RankedLists) -> str:
    junk = (
        " Gallery images of the query’s vehicle from the query’s own camera are left out."
        if source.protocol.junk == "same-camera"
        else ""
    )
    return (
        "<p>Some of the best, middle and worst queries by average precision (AP). Blue frame: the"
        " query. Green frame and ✓: the same vehicle. Red frame and ✗: another vehicle."
        f"{junk}</p>\n{protocol_line(str(source.protocol))}\n"
        f'<p class="quiet">dist: {escape(source.dist.kind)}, smaller is nearer.</p>'
    )


def _strip(source: RankedLists, ranked: RankList, *, prefix: str) -> tuple[str, dict[str, bytes]]:
    image = thumbnail(_path(source, ranked.query), QUERY_FRAME)
    files = {f"{prefix}.jpg": image}
    words = f"vehicle {known(ranked.pid)}, camera {known(ranked.camid)}"
    items = [
        _item(
            f"{prefix}.jpg",
            css="query",
            title=ranked.query,
            alt=f"Query: {words}",
            lines=["query", f"vehicle {known(ranked.pid)}", f"camera {known(ranked.camid)}"],
        )
    ]
    for rank, hit in enumerate(ranked.hits, 1):
        src = f"{prefix}-rank-{rank:02d}.jpg"
        color = RIGHT_FRAME if hit.right else WRONG_FRAME
        files[src] = thumbnail(_path(source, hit.name), color)
        items.append(_hit(src, rank, hit))
    num_right = sum(hit.right for hit in ranked.hits)
    heading = (
        f'<h3><span class="tag">{escape(ranked.band)}</span>'
        f"{_ap_name(source)} {percent(ranked.ap)} %</h3>\n"
        f'<p class="quiet"><code>{escape(ranked.query)}</code>, {words}:'
        f" {num_right} right in the first {len(ranked.hits)},"
        f" {ranked.num_matches} in the gallery</p>"
    )
    strip = '<ol class="strip">\n' + "\n".join(items) + "\n</ol>"
    return f'<div class="query">\n{heading}\n{strip}\n</div>', files


def _hit(src: str, rank: int, hit: Hit) -> str:
    sign, css = ("✓", "right") if hit.right else ("✗", "wrong")
    vehicle, camera = f"vehicle {known(hit.pid)}", f"camera {known(hit.camid)}"
    return _item(
        src,
        css=css,
        title=f"rank {rank}: {hit.name}",
        alt=f"Rank {rank}, {css}: {vehicle}, {camera}, distance {_distance(hit.dist)}",
        lines=[f"{sign} {vehicle}", camera, f"dist {_distance(hit.dist)}"],
    )


def _ap_name(source: RankedLists) -> str:
    top_k = source.protocol.top_k
    return "AP" if top_k is None else f"AP@{top_k}"


def _distance(dist: float) -> str:
    return f"{dist:.3f}" if abs(dist) < 10 else f"{dist:.1f}"


def _item(src: str, *, css: str, title: str, alt: str, lines: list[str]) -> str:
    first, *others = (escape(line) for line in lines)
    return (
        f'<li class="{css}"><img src="{src}" width="{SIDE}" height="{SIDE}" loading="lazy"'
        f' alt="{escape(alt)}" title="{escape(title)}"><b>{first}</b>{"<br>".join(others)}</li>'
    )


def _path(source: RankedLists, name: str) -> Path:
    if name not in source.images:
        raise DataError(
            f"rank lists: no image file is given for {name}, one of {len(source.images)} names;"
            " are the distances of this data set?"
        )
    return source.images[name]
