"""The public objects of the package, and the groups of the reference that they stand in."""

import importlib
import inspect
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from api_themes import PAGES, Group

# In this order the first module that exports an object gives it its name.
MODULES = [
    "sknewtonnet",
    *(
        f"sknewtonnet.{name}"
        for name in (
            "pruning",
            "inference",
            "calculus",
            "inspection",
            "display",
            "solvers",
            "testing",
            "formula",
            "estimators",
        )
    ),
]


class Public(NamedTuple):
    """A public object: its module and name, and the other names it has."""

    module: str
    name: str
    thing: Any
    aliases: list[str]

    @property
    def full_name(self) -> str:
        """The name by which the page is found."""
        return f"{self.module}.{self.name}"


def public_objects() -> dict[str, Public]:
    """Public objects by their full names; an object with several names is there once."""
    found: dict[str, Public] = {}
    first: dict[tuple[str, int], Public] = {}
    for module in MODULES:
        exporting = importlib.import_module(module)
        for name in exporting.__all__:
            thing = getattr(exporting, name)
            known = first.get((name, id(thing)))
            if known is None:
                public = Public(module, name, thing, [])
                first[name, id(thing)] = found[public.full_name] = public
            else:
                known.aliases.append(f"{module}.{name}")
    return found


def grouped(objects: Mapping[str, Public]) -> dict[Group, list[Public]]:
    """Objects by group: those that it names, or those of its module that no group names."""
    groups = [group for page in PAGES for group in page.groups]
    named = {f"{group.module}.{name}" for group in groups for name in group.names}
    rest = [public for name, public in objects.items() if name not in named]
    found = {}
    for group in groups:
        if group.names:
            found[group] = [objects[f"{group.module}.{name}"] for name in group.names]
        else:
            found[group] = [public for public in rest if public.module == group.module]
    return found


def source(module: str, name: str, root: Path, forge: str) -> str | None:
    """The address of the lines that define an object or a method, on the forge."""
    try:
        thing = attrgetter(name)(importlib.import_module(module))
        thing = inspect.unwrap(getattr(thing, "fget", None) or thing)
        lines, first = inspect.getsourcelines(thing)
        path = Path(inspect.getsourcefile(thing) or "").relative_to(root)
    except (AttributeError, OSError, TypeError, ValueError):  # a field, or not ours
        return None
    return f"{forge}/blob/main/{path.as_posix()}#L{first}-L{first + len(lines) - 1}"
