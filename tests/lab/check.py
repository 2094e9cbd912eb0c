"""What a check is: a function that raises `Failed`, or any other error, when the lab is not as it must be. Knows none of them."""

from collections import namedtuple

# `seconds`, if there are any, are those of a minute in which it is best begun: from the first to the last.
Check = namedtuple("Check", "text function seconds")
CHECKS = []


class Failed(Exception):
    """The network did not do what it must."""


def check(text, seconds=None):
    """Makes a function a check with this name."""
    def add(function):
        CHECKS.append(Check(text, function, seconds))
        return function
    return add


def require(holds, *why):
    if not holds:
        raise Failed("\n".join(map(str, why)))


def require_none(wrong, limit=12):
    """Fails with the first of these complaints."""
    if wrong:
        more = [f"and {len(wrong) - limit} more"] if len(wrong) > limit else []
        raise Failed("\n".join(wrong[:limit] + more))
