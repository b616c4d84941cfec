"""Numbers that are not finite: how a run learns of them, and whose an error is."""

from __future__ import annotations

from traceback import walk_tb


class NotFinite(ValueError):
    """What a step needs is not finite at a point; the message says what is to blame."""


def out_of_range(error: Exception) -> str:
    """The message for an error that a method of scipy raises because numbers overflow.

    Parameters
    ----------
    error : Exception
        Caught where the method was called.

    Returns
    -------
    str

    Raises
    ------
    Exception
        The error itself, if it comes out of the function or a callback: it is not scipy's.
    """
    frames = [frame.f_globals["__name__"] for frame, _ in walk_tb(error.__traceback__)]
    if any(name.startswith("sknewtonnet.") for name in frames[1:]):
        raise error
    return f"numbers are out of range: {error}"
