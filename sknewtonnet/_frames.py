"""Where in a user's program a warning belongs."""

from __future__ import annotations

import sys
from types import FrameType


def frames_inside() -> int:
    """How many calls, that of the function that asks included, are of this package.

    A warning of that function with one more than this as its ``stacklevel`` points to the line of
    the user, also where other functions of the package stand between.
    """
    package = __name__.partition(".")[0]
    frame: FrameType | None = sys._getframe(1)
    count = 0
    while frame is not None and _top(frame) == package:
        count, frame = count + 1, frame.f_back
    return count


def _top(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
