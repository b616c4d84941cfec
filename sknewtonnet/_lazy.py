"""Names of a package that are imported when they are first asked for.

Most programs fit a net and need neither tests nor plots: they wait for no module of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from sys import modules as loaded
from typing import Any


def lazy(
    package: str, homes: Mapping[str, Sequence[str]], modules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Parameters
    ----------
    package : str
        Its name.
    homes : mapping of str to sequence of str
        From modules to the names that the package has of them.
    modules : sequence of str, default=()
        Modules of the package that are attributes without being imported by the user.

    Returns
    -------
    tuple of callable
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name in home_of:
            found = getattr(import_module(home_of[name]), name)
        elif name in modules:
            found = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(loaded[package], name, found)  # next time it is there
        return found

    def __dir__() -> list[str]:
        return sorted({*vars(loaded[package]), *home_of, *modules})

    return __getattr__, __dir__
