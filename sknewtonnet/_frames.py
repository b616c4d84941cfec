"""Where in a user's program a warning belongs."""

from __future__ import annotations

import sys
from types import FrameType

# What stands between methods of the package: decorators of scikit-learn's methods, and managers.
_BETWEEN = ("sklearn.base", "sklearn.callback", "contextlib")


def frames_inside() -> int:
    """How many calls, that of the function that asks included, are of this package.

    Decorators around its methods count with them.

    A warning of that function with one more than this as its ``stacklevel`` points to the line of
    the user, also where other functions of the package stand between.
    """
    frame: FrameType | None = sys._getframe(1)
    count = 0
    while frame is not None and _is_inside(frame):
        count, frame = count + 1, frame.f_back
    return count


def _is_inside(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    package = __name__.partition(".")[0]
    return any(module == name or module.startswith(f"{name}.") for name in (package, *_BETWEEN))
