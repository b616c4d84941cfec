"""What would not fit the memory of the machine is refused before anything is allocated."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import numpy as np

if sys.platform != "win32":
    import resource

# Less than this is not looked at.
_SMALL = 1e8

# Where Linux tells what is free, and what a container may use.
_FREE = Path("/proc/meminfo")
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory() -> float:
    """Bytes of memory that this process may use; infinite where the system does not tell."""
    if sys.platform == "win32":
        return _windows_memory()
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    allowed = float("inf") if limit == resource.RLIM_INFINITY else float(limit)
    for path in _LIMITS:
        try:
            allowed = min(allowed, float(path.read_text()))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    try:
        return min(allowed, float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError):
        return allowed


def free_memory() -> float:
    """Bytes that are free, or could be freed at once; infinite where the system does not tell."""
    try:
        text = _FREE.read_text(encoding="ascii")
    except OSError:
        return float("inf")
    lines = (line.split() for line in text.splitlines())
    return next((1024.0 * float(line[1]) for line in lines if line[0] == "MemAvailable:"), np.inf)


def check_memory(what: str, n_bytes: float, advice: str, share: float = 1.0) -> None:
    """Raise where something would not fit.

    Parameters
    ----------
    what : str
        The beginning of the message, such as "a table of 3 rows".
    n_bytes : float
        Bytes that it takes, with all that has to be there at the same time.
    advice : str
        What to do instead.
    share : float, default=1.0
        Part of the memory that it may take.

    Raises
    ------
    MemoryError
        If it takes more, or more than is free now; the message has both numbers.
    """
    if n_bytes < _SMALL:
        return
    there = memory()
    if n_bytes > share * there:
        part = "" if share == 1.0 else f"{share:g} of "
        raise MemoryError(
            f"{what} would take {n_bytes / 1e9:.3g} GB, more than {part}the {there / 1e9:.3g} GB "
            f"of memory; {advice}."
        )
    free = free_memory()
    if n_bytes > free:
        raise MemoryError(
            f"{what} would take {n_bytes / 1e9:.3g} GB, more than the {free / 1e9:.3g} GB of "
            f"memory that are free now; {advice}."
        )


def check_hessian_memory(
    n_parameters: int,
    advice: str = "hessian_product needs no matrix",
    n_matrices: float = 2.0,
) -> None:
    """Raise a MemoryError where a dense Hessian and its work arrays would not fit.

    ``n_matrices`` counts all matrices of that size that are there at the same time.
    """
    what = f"a Hessian of {n_parameters} parameters, with its work arrays,"
    check_memory(what, 8.0 * n_matrices * n_parameters**2, advice)


def _windows_memory() -> float:
    """Physical memory, by GlobalMemoryStatusEx."""

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("physical", ctypes.c_ulonglong),
            ("others", ctypes.c_ulonglong * 6),
        )

    status = Status(length=ctypes.sizeof(Status))
    windows = getattr(ctypes, "windll", None)
    if windows is None or not windows.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return float("inf")
    return float(status.physical)
