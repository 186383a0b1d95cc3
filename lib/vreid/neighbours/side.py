"""One direction of the candidate lists: arrays that hold the lists of all rows.

Two of them make a search: the nearest images of each row, and the farthest as the nearest of the
values with their signs turned.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vreid.features import IntArray
from vreid.neighbours.sets import Wide

HIGHEST = 2**31 - 1  # no pattern lies above it
_Ints = npt.NDArray[np.int32]
_Floats = npt.NDArray[np.float32]


class Side(NamedTuple):
    """Lists of R rows for one direction: the nearest, or the farthest as the nearest of -v.

    Attributes:
        indptr: (R + 1,) the places of row r are ``indptr[r]:indptr[r + 1]``.
        idx: (P,) candidates.
        value: (P,) their rough values, signs turned for the farthest.
        used: (R,) places in use.
        k: (R,) how many are wanted.
        reach: (R,) values above it are dropped; -inf when the list overflowed.
        pattern: (R,) the reach as a pattern that no pattern of a value to be kept lies beyond.
        sign: 1.0 for the nearest, -1.0 for the farthest.
        error: (R,) largest error of a value before it was rounded to the product's type.
        out_error: Relative error of that rounding.
        shift: Bits by which a pattern is shifted to be that of a float32: 16 or 0.
        origin: A distance is twice the sum of its value and this, see `operand.Operand`.
    """

    indptr: IntArray
    idx: _Ints
    value: _Floats
    used: _Ints
    k: _Ints
    reach: Wide
    pattern: _Ints
    sign: float
    error: Wide
    out_error: float
    shift: int
    origin: float

    def rows(self, span: slice) -> "Side":
        """Consecutive lists, sharing their memory."""
        return self._replace(
            indptr=self.indptr[span.start : span.stop + 1],
            used=self.used[span],
            k=self.k[span],
            reach=self.reach[span],
            pattern=self.pattern[span],
            error=self.error[span],
        )

    def full(self) -> npt.NDArray[np.bool_]:
        """(R,) whether a list overflowed."""
        return np.isneginf(self.reach)


def empty_side(
    k: npt.NDArray[np.integer],
    room: npt.NDArray[np.integer],
    sign: float,
    error: Wide,
    out_error: float,
    shift: int,
    origin: float,
) -> Side:
    """Lists for rows that want k[r] entries and have room for room[r] candidates."""
    indptr = np.concatenate([[0], np.cumsum(room)]).astype(np.int64)
    return Side(
        indptr=indptr,
        idx=np.empty(indptr[-1], dtype=np.int32),
        value=np.empty(indptr[-1], dtype=np.float32),
        used=np.zeros(len(k), dtype=np.int32),
        k=np.asarray(k, dtype=np.int32),
        reach=np.full(len(k), np.inf),
        pattern=np.full(len(k), HIGHEST if sign > 0 else -HIGHEST - 1, dtype=np.int32),
        sign=sign,
        error=error,
        out_error=out_error,
        shift=shift,
        origin=origin,
    )
