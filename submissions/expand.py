"""Lists that follow whole tracklets: ``python -m submissions.expand T.txt --tracks T.txt …``.

Of a submission, ours or another team's: each listed image brings its whole tracklet, in the order
of the first listed images, until there are ``--top`` entries. Images of a tracklet come in the
order of the gallery. With distances, ``python -m ensemble.whole_tracks`` does it before the list is
cut.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from submissions.lists import (
    add_sides,
    count_queries,
    count_short,
    gallery_names,
    read_lists,
    write_lists,
)
from submissions.names import gallery_numbers
from vreid.data.sample import UNKNOWN
from vreid.data.tracks_file import read_tracks
from vreid.errors import run_command
from vreid.features import IntArray
from vreid.tracks.groups import group_tracks
from vreid.tracks.lists import complete_lists


def main(
    track2: Path,
    *,
    tracks: Path,
    queries: Path | int,
    gallery: Path | int,
    out: Path,
    top: int = 100,
) -> Path:
    """Expand a submission by tracklets and return the file of the result, with its manifest.

    Args:
        track2: The submission.
        tracks: ``test_track.txt``: a tracklet a line, images as names or as numbers. An image that
            it leaves out is a tracklet alone.
        queries: ``name_query.txt``, a ``.csv`` with a name column, or the number of queries.
        gallery: ``name_test.txt``, a ``.csv``, or the number of images, numbered from 1.
        out: The text file to write.
        top: Entries a line.

    Raises:
        ConfigError: For ``top`` below 1.
        DataError: For files that cannot be used.
    """
    names = gallery_names(gallery)
    numbers = gallery_numbers(names, str(gallery))
    trackids = read_trackids(tracks, names)
    track_idx = group_tracks(trackids)
    expected = min(top, len(names))
    lists = read_lists(track2, num_query=count_queries(queries), numbers=numbers, k=expected)
    expanded = complete_lists(lists, track_idx, top)
    inputs = [track2, tracks, *(one for one in (queries, gallery) if isinstance(one, Path))]
    made = {"file": track2.as_posix(), "tracks": tracks.as_posix(), "top": top}
    write_lists(expanded, names, out, inputs=inputs, options={"expanded": made})
    notes = [f"{len(expanded)} lines by {len(set(trackids.tolist()) - {UNKNOWN})} tracklets"]
    alone = int(np.count_nonzero(trackids == UNKNOWN))
    if alone:
        notes.append(f"{alone} gallery images are in none")
    if short := count_short(expanded, expected):
        notes.append(f"{short} lines are short, their tracklets have no more images")
    print(f"wrote {out} ({'; '.join(notes)})")
    return out


def read_trackids(tracks: Path, names: Sequence[str]) -> IntArray:
    """(G,) the tracklet of each gallery image, `UNKNOWN` for those that the file leaves out.

    Raises:
        DataError: When the file is missing, names an unknown image, or names one twice.
    """
    files = [PurePosixPath(name).name for name in names]
    of_file = read_tracks(tracks, files)
    return np.array([of_file.get(file, UNKNOWN) for file in files], dtype=np.int64)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m submissions.expand",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("track2", type=Path, help="the submission")
    parser.add_argument("--tracks", type=Path, required=True, help="test_track.txt")
    add_sides(parser)
    parser.add_argument("--top", type=int, default=100, help="entries a line (default 100)")
    parser.add_argument("--out", type=Path, required=True, help="the text file to write")
    args = parser.parse_args(argv)
    main(
        args.track2,
        tracks=args.tracks,
        queries=args.queries,
        gallery=args.gallery,
        out=args.out,
        top=args.top,
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
